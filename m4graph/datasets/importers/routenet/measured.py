"""What the simulator measured: of the network, of each path, of each link and queue."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from m4graph.core.errors import InputError
from m4graph.datasets.importers.routenet.numbers import (
    columns,
    head,
    measured,
    number,
    pair_name,
    pairs,
)
from m4graph.datasets.importers.routenet.topology import Topology

GLOBAL = ("packets_per_s", "drops_per_s", "delay_s")

PATH = (
    "kbps", "packets_per_s", "drops_per_s", "delay_s", "log_delay", "p10_s", "p20_s", "p50_s",
    "p80_s", "p90_s", "jitter_s2",
)  # fmt: skip
"""Columns of a path's or a flow's results, as they stand in the file."""

LINK = ("utilization", "loss", "mean_packet_bits")
QUEUE = ("utilization", "loss", "mean_occupancy", "max_occupancy", "mean_packet_bits")
"""Columns of a link's and of a queue's usage."""

_NO_LINK = "-1"


class Usage(NamedTuple):
    """Of links and queues, in the topology's order.

    Shapes:
        - ``links`` float32 ``[num_links, 3]``: :data:`LINK`
        - ``queues`` float32 ``[num_queues, 5]``: :data:`QUEUE`
    """

    links: NDArray[np.float32]
    queues: NDArray[np.float32]


def read_results(line: str, num_nodes: int, where: str) -> tuple[list[float], list[str]]:
    """Reads what holds for the whole network (:data:`GLOBAL`), and splits off each pair.

    Raises:
        InputError: If the line is no such text.
    """
    first, rest = head(line, where)
    return measured(first, GLOBAL, f"{where}, the network"), pairs(rest, num_nodes, where)


def read_usage(line: str, topology: Topology, where: str) -> Usage:
    """Reads the usage of links and queues.

    Raises:
        InputError: If the line is no such text, or its links and queues are not the topology's.
    """
    num_nodes = topology.num_nodes
    cells = pairs(line, num_nodes, where)
    of_links = topology.link_src * num_nodes + topology.link_dst
    counts = np.bincount(topology.queue_link, minlength=topology.num_links)
    others = np.setdiff1d(np.arange(num_nodes**2), of_links)
    for pair in others.tolist():
        if cells[pair].strip() not in (_NO_LINK, ""):
            name = pair_name(pair, num_nodes)
            raise InputError(
                f"{where}, {name}: expected -1, there is no link (got {cells[pair]!r})"
            )
    links, queues = [], []
    for pair, count in zip(of_links.tolist(), counts.tolist(), strict=True):
        location = f"{where}, {pair_name(pair, num_nodes)}"
        first, *rest = cells[pair].split(":")
        if len(rest) != count:
            raise InputError(
                f"{location}: expected a link's numbers and those of {count} queues behind colons "
                f"(got {cells[pair]!r})"
            )
        links.append(measured(first, LINK, location))
        queues += [measured(text, QUEUE, f"{location}, queue {n}") for n, text in enumerate(rest)]
    return Usage(columns(links, len(LINK)), columns(queues, len(QUEUE)))


def read_stability(line: str, where: str) -> tuple[float, bool]:
    """Reads for how long was simulated, and whether the measurements had become stable.

    Raises:
        InputError: If the line does not start with a time.
    """
    first, _, rest = line.partition(";")
    return number(first, where, "a simulated time"), "OK" in rest.split(";")
