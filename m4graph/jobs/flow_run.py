"""The flows of several operations in one session, each waiting for those before it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from m4graph.core.errors import ConfigError, SimulationError
from m4graph.jobs.placement import Placement
from m4graph.results import UNFINISHED_BECAUSE
from m4graph.simulators.session import Completion, Session, Waits


class End(NamedTuple):
    """An operation has ended.

    Args:
        operation (int): Its number.
        end_ns (int): When.
    """

    operation: int
    end_ns: int


class _Member(NamedTuple):
    """An operation and its flows."""

    operation: int
    flows: range
    ack_ns: NDArray[np.int64]


class FlowRun:
    """Runs operations side by side.

    Args:
        session (Session): An idle network.
        latency_ns (int): Between the moment when a flow could start and its start.
        count (Callable): Is told how many flows are added.
        completed (list, optional): Gets operation and completion of each flow. (default: none)
    """

    def __init__(
        self,
        session: Session,
        latency_ns: int,
        count: Callable[[int], None],
        completed: list[tuple[int, Completion]] | None = None,
    ) -> None:
        self._completed = completed
        self._count = count
        self._session = session
        self._latency_ns = latency_ns
        self._members: list[_Member] = []
        self._num_left = 0

    @property
    def now_ns(self) -> int:
        """Up to here everything has happened."""
        return self._session.now_ns

    @property
    def packet_hops(self) -> int:
        """Packets sent over a link; 0 where there are no packets."""
        return self._session.packet_hops or 0

    @property
    def is_idle(self) -> bool:
        """Whether all operations have ended."""
        return self._num_left == 0

    def add(self, operation: int, placement: Placement, start_ns: int) -> None:
        """An operation starts now or later."""
        flows, pattern = placement.flows, placement.pattern
        if placement.has_switch_flows and self._session.packet_hops is not None:
            raise ConfigError(
                "algorithm: expected 'nvls' alone on its cables, or a simulator without packets "
                "(got packets and other flows beside it)"
            )
        waits = Waits(
            np.diff(pattern.after_ptr),
            *pattern.followers,
            placement.ack_ns + self._latency_ns,
            placement.start_ns + (start_ns + self._latency_ns),
        )
        numbers = self._session.announce(
            flows.src, flows.dst, flows.size_bytes, placement.routes, waits
        )
        self._members.append(_Member(operation, numbers, placement.ack_ns))
        self._num_left += 1
        self._count(placement.num_flows)

    def advance(self, until_ns: int | None) -> End | None:
        """Runs up to a time, or to the first operation that ends; ``None``: none has.

        Raises:
            SimulationError: If flows can never complete.
        """
        for done in self._session.run(until_ns):
            place = bisect_right(self._members, done.flow_id, key=lambda one: one.flows.start) - 1
            member = self._members[place]
            self._num_left -= 1
            if self._completed is not None:
                self._completed += [
                    (member.operation, self._session.completion_of(flow)) for flow in member.flows
                ]
            _, finish_ns = self._session.times_of(member.flows)
            return End(member.operation, int((finish_ns + member.ack_ns).max()))
        if until_ns is None and not self.is_idle:
            why = self._session.extra.get(UNFINISHED_BECAUSE, "the simulation has stopped")
            raise SimulationError(f"collective: expected all its flows to complete ({why})")
        return None
