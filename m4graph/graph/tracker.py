"""What follows the flows of some networks event by event, whatever it makes of an event."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from m4graph.runs.flow_network import FlowNetwork

Step = TypeVar("Step")


class Tracker(ABC, Generic[Step]):
    """Follows the flows of some networks event by event, and gives the graph of each step.

    Flows and links of all networks are numbered through, in the order of the networks. A subclass
    says what a step is.

    Args:
        networks (list of FlowNetwork): One or more.
    """

    first_flow: NDArray[np.int64]
    """Where each network's flows begin, ``[num_networks + 1]``."""

    first_link: NDArray[np.int64]
    """Where each network's links begin, ``[num_networks + 1]``."""

    def __init__(self, networks: Sequence[FlowNetwork]) -> None:
        self.first_flow = np.cumsum([0, *(net.num_flows for net in networks)])
        self.first_link = np.cumsum([0, *(net.num_links for net in networks)])
        self._num_hops = sum(len(net.route_links) for net in networks)
        self._longest_route = max(net.longest_route for net in networks)

    @property
    def num_flows(self) -> int:
        """Flows of all networks."""
        return int(self.first_flow[-1])

    @property
    def num_links(self) -> int:
        """Directed links of all networks."""
        return int(self.first_link[-1])

    def admit_flows(self, flows: FlowNetwork) -> None:
        """Takes in more flows, of a single network; :meth:`start_flows` tells their starts.

        Args:
            flows (FlowNetwork): The new flows, on the same links.
        """
        self._admit(flows)
        self._num_hops += len(flows.route_links)
        self._longest_route = max(self._longest_route, flows.longest_route)
        self.first_flow[-1] += flows.num_flows

    def start_flows(self, flow_ids: NDArray[np.int64], start_ns: NDArray[np.int64]) -> None:
        """Tells when flows start that are not active yet; nothing to do where that is no input."""

    @abstractmethod
    def now_ns(self, flow_ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """The time in each flow's network, int64 ``[len(flow_ids)]``."""

    def step(self, events: np.ndarray) -> Step:
        """Takes at most one event of each network and gives the graph of all of them together.

        Args:
            events (np.ndarray): Records of ``EVENT_RECORD``; the times of a network never go back.
        """
        most_flows = self._num_active() + len(events)
        self._make_room(most_flows, most_flows * self._longest_route)
        self._advance(events)
        return self._read()

    @abstractmethod
    def _admit(self, flows: FlowNetwork) -> None:
        """Puts new flows behind the ``num_flows`` flows and ``_num_hops`` hops so far."""

    @abstractmethod
    def _num_active(self) -> int:
        """Flows under way."""

    @abstractmethod
    def _make_room(self, num_flows: int, num_hops: int) -> None:
        """Makes the buffers of a step large enough for so many flows and hops."""

    @abstractmethod
    def _advance(self, events: np.ndarray) -> None:
        """Takes the events, and leaves the step in the buffers."""

    @abstractmethod
    def _read(self) -> Step:
        """Copies the step out of the buffers."""
