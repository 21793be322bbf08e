"""The topology text of SimAI: GPUs as hosts, NVSwitches and other switches, and a line for each
link.
"""

from __future__ import annotations

from pathlib import Path

import networkx as nx
import numpy as np

from m4graph.core.calls import plain_call
from m4graph.core.errors import TopologyError
from m4graph.core.text import Line, read_lines
from m4graph.topology.arrays import NetworkArrays
from m4graph.topology.build import plain
from m4graph.topology.ns3_text import (
    LARGEST_ID,
    add_link,
    link_lines,
    read_links,
    read_switches,
    warn_of_count,
)
from m4graph.topology.validation import validate

_FIRST_LINE = ["num_nodes", "gpus_per_server", "num_nvswitches", "num_switches", "num_links"]
NUM_WORDS = len(_FIRST_LINE) + 1
"""Of the first line; the last one is the type of the GPUs."""


def read_simai(path: Path) -> nx.Graph:
    """Reads ``num_nodes gpus_per_server num_nvswitches num_switches num_links gpu_type``, the ids
    of the NVSwitches and then of the other switches, and for each link
    ``node node rate delay loss_probability``, as in ``0 8 2880Gbps 0.000025ms 0``.

    All other nodes are GPUs, with ids from 0 on, server by server. A GPU's ``rail`` is its place in
    the server, and an NVSwitch belongs to the server of its place among the NVSwitches. All lines
    of links are read; if there are more than the first line says, as old generators of SimAI write
    it, that is warned of.

    Raises:
        TopologyError: If a line is wrong, or a link loses packets (loss is not modelled).
    """
    lines = read_lines(path, TopologyError)
    first = lines[0] if lines else Line(f"{path}, line 1", [], TopologyError)
    if len(first.cells) != NUM_WORDS:
        raise TopologyError(
            f"{first.where}: expected {' '.join(_FIRST_LINE)} gpu_type (got {first.cells})"
        )
    num_nodes, gpus_per_server, num_nvswitches, num_others, num_links = (
        first.integer(name, i, 0, LARGEST_ID) for i, name in enumerate(_FIRST_LINE)
    )
    switches, start = read_switches(path, lines, num_nvswitches + num_others, num_nodes)
    num_gpus = num_nodes - len(switches)
    if min(switches, default=num_gpus) < num_gpus:
        raise TopologyError(
            f"{path}, line 2: expected GPUs to have the ids 0 to {num_gpus - 1} "
            f"(got the switch {min(switches)})"
        )
    if not 0 < gpus_per_server <= max(num_gpus, 1):
        raise first.error("gpus_per_server", f"expected 1 to {num_gpus}", gpus_per_server)
    links, notes = read_links(path, lines[start:], num_links)
    if num_gpus > 2 * len(links):
        raise TopologyError(
            f"{path}: expected a link for each of {num_gpus} GPUs (got {len(links)} links)"
        )
    warn_of_count(notes)
    graph = nx.MultiGraph(name=path.stem, gpu_type=first.cells[-1])
    for gpu in range(num_gpus):
        server, rail = divmod(gpu, gpus_per_server)
        graph.add_node(gpu, kind="host", server=server, rail=rail)
    per_server = max(num_nvswitches * gpus_per_server // max(num_gpus, 1), 1)
    for place, switch in enumerate(switches[:num_nvswitches]):
        graph.add_node(switch, kind="nvswitch", server=place // per_server)
    graph.add_nodes_from(switches[num_nvswitches:], kind="switch")
    for line in links:
        add_link(graph, line)
    return plain(graph)


@plain_call
def to_simai(network: nx.Graph | NetworkArrays, path: str | Path, gpu_type: str = "H100") -> None:
    """Writes a network in this format; links are sorted by node ids, so that a GPU's cable to its
    NVSwitch comes first if NVSwitches have lower ids than other switches.

    Args:
        network (networkx.Graph or NetworkArrays): The network. Servers hold hosts one after the
            other, the same number each; hosts without a server are servers of one GPU.
        path (str or Path): The file.
        gpu_type (str, optional): ``A100``, ``A800``, ``H100``, ``H800`` or another word.
            (default: ``"H100"``)

    Raises:
        TopologyError: If the network is not valid, or its servers are of another form.
    """
    arrays = validate(network)
    hosts, others = np.arange(arrays.num_hosts), np.arange(arrays.num_hosts, arrays.num_nodes)
    server = arrays.server[: arrays.num_hosts] if len(arrays.server) else hosts
    gpus_per_server = int((server == server[0]).sum())
    wrong = np.flatnonzero(server != hosts // gpus_per_server)
    if len(wrong):
        host = int(wrong[0])
        raise TopologyError(
            f"host {host}: expected server {host // gpus_per_server}, as SimAI counts servers of "
            f"{gpus_per_server} GPUs (got {server[host]})"
        )
    switches = np.setdiff1d(others, arrays.nvswitches)
    lines = [
        f"{arrays.num_nodes} {gpus_per_server} {len(arrays.nvswitches)} {len(switches)} "
        f"{arrays.num_links // 2} {gpu_type}",
        " ".join(map(str, [*arrays.nvswitches, *switches])),
        *link_lines(arrays),
    ]
    Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")
