"""One simulation as a graph of paths, links and queues."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch_geometric.data import HeteroData

from m4graph.core.errors import InputError
from m4graph.datasets.importers.routenet import archive as files
from m4graph.datasets.importers.routenet.archive import Simulation
from m4graph.datasets.importers.routenet.measured import (
    LINK,
    PATH,
    QUEUE,
    Usage,
    read_results,
    read_usage,
)
from m4graph.datasets.importers.routenet.numbers import columns, head, number, pair_name
from m4graph.datasets.importers.routenet.paths import Path, read_paths
from m4graph.datasets.importers.routenet.routing import RouteTable
from m4graph.datasets.importers.routenet.topology import Topology
from m4graph.datasets.importers.routenet.traffic import MAX_SIZES, TIME_PARAMETERS

CROSSES, CROSSED_BY = ("path", "crosses", "link"), ("link", "rev_crosses", "path")
WAITS_IN, HOLDS = ("path", "waits_in", "queue"), ("queue", "rev_waits_in", "path")
FEEDS, FED_BY = ("queue", "feeds", "link"), ("link", "rev_feeds", "queue")

_BITS_PER_KBIT = 1000
_WIDTHS = {
    "time_parameters": len(TIME_PARAMETERS),
    "packet_bits": MAX_SIZES,
    "packet_share": MAX_SIZES,
}


def to_graph(simulation: Simulation, topology: Topology, routes: RouteTable) -> HeteroData:
    """Makes the graph of a simulation; its fields are those of :class:`RouteNetDataset`.

    Raises:
        InputError: If a line is malformed, or does not fit the topology and the routes.
    """
    line, where = simulation.lines[files.RESULTS], simulation.where(files.RESULTS)
    of_network, results = read_results(line, topology.num_nodes, where)
    where = simulation.where(files.TRAFFIC)
    first, traffic = head(simulation.lines[files.TRAFFIC], where)
    paths = list(read_paths(simulation, traffic, results, topology.num_nodes))
    data = HeteroData()
    _add_paths(data, paths, topology.num_nodes)
    _add_links(data, topology)
    _add_edges(data, topology, routes, where)
    if files.LINK_USAGE in simulation.lines:
        location = simulation.where(files.LINK_USAGE)
        _add_usage(data, read_usage(simulation.lines[files.LINK_USAGE], topology, location))
    data.max_mean_bps = number(first, where, "the largest mean rate")
    data.packets_per_s, data.drops_per_s, data.delay_s = of_network
    return data


def _add_paths(data: HeteroData, paths: list[Path], num_nodes: int) -> None:
    path = data["path"]
    path.num_nodes = len(paths)
    pair = np.array([each.pair for each in paths], np.int64)
    path.src, path.dst = map(torch.from_numpy, np.divmod(pair, num_nodes))
    path.flow = torch.tensor([each.flow for each in paths], dtype=torch.int64)
    traffic = [each.traffic for each in paths]
    for name in ("tos", "time_distribution", "size_distribution"):
        path[name] = torch.tensor([getattr(each, name) for each in traffic], dtype=torch.int64)
    path.mean_bps = _floats([each.mean_bps for each in traffic])
    for name, width in _WIDTHS.items():
        path[name] = _floats(columns([getattr(each, name) for each in traffic], width))
    results = {name: np.array([each.results[name] for each in paths]) for name in PATH}
    path.traffic_bps = _floats(results["kbps"] * _BITS_PER_KBIT)
    path.packets_per_s = _floats(results["packets_per_s"])
    given = np.array([each.mean_packet_bits for each in traffic])
    sent = results["kbps"] * _BITS_PER_KBIT / results["packets_per_s"]
    path.mean_packet_bits = _floats(np.where(given > 0, given, sent))
    for name in ("delay_s", "log_delay", "jitter_s2", "drops_per_s"):
        path[name] = _floats(results[name])
    path.delay_percentiles_s = _floats(
        np.stack([results[f"p{p}_s"] for p in (10, 20, 50, 80, 90)], 1)
    )
    path.loss = _floats(results["drops_per_s"] / results["packets_per_s"])


def _add_links(data: HeteroData, topology: Topology) -> None:
    link, queue = data["link"], data["queue"]
    link.num_nodes, queue.num_nodes = topology.num_links, len(topology.queue_link)
    link.src, link.dst = map(torch.from_numpy, (topology.link_src, topology.link_dst))
    link.capacity_bps = _floats(topology.capacity_bps)
    link.policy = torch.from_numpy(topology.policy)
    queue.level = torch.from_numpy(topology.queue_level)
    queue.weight = _floats(topology.queue_weight)
    queue.buffer = _floats(topology.buffer)
    queue.buffer_in_packets = torch.from_numpy(topology.buffer_in_packets)
    feeds = torch.from_numpy(np.stack((np.arange(len(topology.queue_link)), topology.queue_link)))
    data[FEEDS].edge_index, data[FED_BY].edge_index = feeds, feeds.flip(0)


def _add_edges(data: HeteroData, topology: Topology, routes: RouteTable, where: str) -> None:
    path = data["path"]
    pair = path.src.numpy() * topology.num_nodes + path.dst.numpy()
    counts = routes.ptr[pair + 1] - routes.ptr[pair]
    if (counts == 0).any():
        name = pair_name(int(pair[np.argmin(counts)]), topology.num_nodes)
        raise InputError(f"{where}, {name}: expected traffic where there is a route (got none)")
    rows = np.repeat(np.arange(len(pair)), counts)
    hop = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    links = routes.links[routes.ptr[pair][rows] + hop]
    queues = _queues(topology, links, path.tos.numpy()[rows], where)
    for forth, back, targets in ((CROSSES, CROSSED_BY, links), (WAITS_IN, HOLDS, queues)):
        edges = torch.from_numpy(np.stack((rows, targets)))
        data[forth].edge_index, data[back].edge_index = edges, edges.flip(0)
        data[forth].hop = data[back].hop = torch.from_numpy(hop)
    carried_bps = np.bincount(links, path.traffic_bps.numpy()[rows], topology.num_links)
    data["link"].load = _floats(carried_bps / topology.capacity_bps)


def _queues(
    topology: Topology, links: NDArray[np.int64], tos: NDArray[np.int64], where: str
) -> NDArray[np.int64]:
    """The queue of each link that takes packets of a type of service."""
    levels = np.full((topology.num_nodes, int(tos.max(initial=0)) + 1), -1, np.int64)
    for node, level_of_tos in enumerate(topology.level_of_tos):
        if level_of_tos is None:
            levels[node] = 0
            continue
        for known, found in level_of_tos.items():
            if known < levels.shape[1]:
                levels[node, known] = found
    level = levels[topology.link_src[links], tos]
    if (level < 0).any():
        bad = int(np.argmin(level))
        raise InputError(
            f"{where}: expected types of service that have a queue "
            f"(got {tos[bad]} at node {topology.link_src[links[bad]]})"
        )
    return np.searchsorted(topology.queue_link, links) + level


def _add_usage(data: HeteroData, usage: Usage) -> None:
    tables = (("link", LINK, usage.links), ("queue", QUEUE, usage.queues))
    for kind, names, table in tables:
        for name, column in zip(names, table.T, strict=True):
            data[kind][name] = torch.from_numpy(column.copy())


def _floats(values: object) -> torch.Tensor:
    return torch.from_numpy(np.asarray(values, np.float32))
