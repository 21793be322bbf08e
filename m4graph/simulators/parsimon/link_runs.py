"""The simulations of a network's links, and what has come of them so far."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from m4graph.core.progress import Progress
from m4graph.simulators.parsimon.decomposition import Decomposition
from m4graph.simulators.parsimon.link_inputs import link_inputs
from m4graph.simulators.parsimon.link_model import LinkInputs, LinkOutputs
from m4graph.simulators.parsimon.workers import LinkModel

IDLE, PRUNED, CACHED, SIMULATED = range(4)
STATES = ("idle", "pruned", "cached", "simulated")
"""What became of a link: it carries nothing; it was left out; it was known from before, in every
pass; it was simulated."""


class LinkWorkers(Protocol):
    """As :class:`.Workers`."""

    def run(
        self,
        model: LinkModel,
        links: NDArray[np.int64],
        num_packets: NDArray[np.int64],
        make_inputs: Callable[[NDArray[np.int64]], LinkInputs],
        progress: Callable[[int], None],
    ) -> Iterator[tuple[NDArray[np.int64], LinkOutputs]]:
        """Gives batches of links and their outputs."""


class LinkRuns:
    """Has links simulated, in one pass or several.

    Args:
        network (Decomposition): The network.
        model (LinkModel): Simulates links.
        workers (LinkWorkers): Do it side by side.
        progress (Progress, optional): Told packets. (default: ``None``)

    Attributes:
        fct_ns (np.ndarray): The FCT of each flow at each link, from the link's last simulation;
            below 0 where there was none.
        sending_ns (np.ndarray): When its last packet was sent, from its start on.
        most_queued_bytes (np.ndarray): The longest queue of each link, from its last simulation.
        state (np.ndarray): What became of each link, an index of :data:`STATES`.
        packet_links (int): Packets that were simulated on a link, over all links and passes.
        packet_links_cached (int): Those of simulations that were known from before.

    Shapes:
        - ``fct_ns``, ``sending_ns`` int64 ``[num_rows]``; ``state`` and
          ``most_queued_bytes`` int64 ``[num_links]``
    """

    def __init__(
        self,
        network: Decomposition,
        model: LinkModel,
        workers: LinkWorkers,
        progress: Progress | None = None,
    ) -> None:
        self.fct_ns = np.full(len(network.row_flow), -1, np.int64)
        self.sending_ns = self.fct_ns.copy()
        self.most_queued_bytes = np.zeros(len(network.link_packets), np.int64)
        self.state = np.where(network.link_packets > 0, PRUNED, IDLE)
        self.packet_links = self.packet_links_cached = 0
        self._network, self._model, self._workers = network, model, workers
        self._progress = progress
        self._done = self._total = 0

    def simulate(
        self, links: NDArray[np.int64], limit_bps: NDArray[np.int64] | None = None
    ) -> None:
        """Simulates links, or simulates them again.

        Args:
            links (np.ndarray): Links with at least one flow each.
            limit_bps (np.ndarray, optional): As of :func:`.link_inputs`.
        """
        counts = self._network.link_packets
        self._total += int(counts[links].sum())
        make_inputs = partial(link_inputs, self._network, limit_bps=limit_bps)
        batches = self._workers.run(self._model, links, counts[links], make_inputs, self._report)
        for batch, outputs in batches:
            rows = self._network.rows_of(batch)
            self.fct_ns[rows] = outputs.fct_ns
            self.sending_ns[rows] = outputs.sending_ns
            self.most_queued_bytes[batch] = outputs.most_queued_bytes
            num_packets = int(counts[batch].sum())
            if outputs.from_cache:
                self.packet_links_cached += num_packets
                self.state[batch] = np.maximum(self.state[batch], CACHED)
            else:
                self.packet_links += num_packets
                self.state[batch] = SIMULATED

    def counts(self) -> dict[str, int]:
        """How many links there are of each state but idle, and packet-links."""
        number = np.bincount(self.state, minlength=len(STATES)).tolist()
        links = {f"links_{STATES[state]}": number[state] for state in (SIMULATED, CACHED, PRUNED)}
        packets = {
            "packet_links": self.packet_links,
            "packet_links_cached": self.packet_links_cached,
        }
        return packets | links

    def _report(self, num_packets: int) -> None:
        self._done += num_packets
        if self._progress is not None:
            self._progress(self._done, self._total)
