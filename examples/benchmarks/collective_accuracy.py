"""How far fluid and learned are from packet in collectives: the time of the whole, and their cost.

Rings of 8 hosts on a switch of 1440 Gb/s, and all-to-all of 64 hosts at 400 Gb/s, on a switch and
between 8 racks. Packets of 9000 bytes, DCQCN, ticks of a picosecond. Seconds are of the processor,
without compiling.

    python examples/benchmarks/collective_accuracy.py    # two minutes
"""

from __future__ import annotations

import time
import warnings

import networkx as nx
from rich.console import Console
from rich.table import Table

import m4graph as m4
from m4graph.scenario.cautions import Caution

MIB = 2**20
SIMULATORS = ("packet", "fluid", "learned")
COLUMNS = ("collective", *(f"{name} {unit}" for name in SIMULATORS for unit in ("us", "s")))


def main() -> None:
    warnings.simplefilter("ignore", Caution)  # learned has not seen such links
    table = Table(title="The time of a collective")
    for column in (*COLUMNS, "fluid error", "learned error"):
        table.add_column(column, justify="right")
    ring = m4.topology.star(8, gbps=1440, delay_ns=25)
    row(ring, "all_reduce", 4096)  # compiles
    for mib in (16, 64, 512):
        table.add_row(f"ring of 8, {mib} MiB", *row(ring, "all_reduce", mib * MIB))
    racks = m4.topology.leaf_spine(
        num_leaves=8,
        hosts_per_leaf=8,
        num_spines=8,
        host_gbps=400,
        fabric_gbps=400,
        delay_ns=500,
    )
    for name, network in (
        ("star", m4.topology.star(64, gbps=400, delay_ns=500)),
        ("8 racks", racks),
    ):
        for kib in (128, 1024):
            what = f"all-to-all, {name}, {kib} KiB a pair"
            table.add_row(what, *row(network, "all_to_all", 64 * kib * 1024))
    Console(width=140).print(table)


def row(network: nx.Graph, kind: str, size_bytes: int) -> list[str]:
    """Times, costs and errors of one collective."""
    ranks = sum(data["kind"] == "host" for _, data in network.nodes(data=True))
    layer = {"forward": {"kind": kind, "group": "tp", "size_bytes": size_bytes}}
    job = m4.Job(
        network,
        {"kind": "training_job", "parallel": {"tp": ranks}, "layers": [layer]},
        config={"payload_bytes": 9000, "tick": "ps", "buffer_bytes": 32_000_000},
    )
    cells, times_ns = [], []
    for simulator in SIMULATORS:
        began = time.process_time()
        result = m4.simulate_job(job, simulator)
        seconds = time.process_time() - began
        times_ns.append(result.iteration_ns)
        cells += [f"{result.iteration_ns / 1e3:.1f}", f"{seconds:.2g}"]
    return cells + [f"{other / times_ns[0] - 1:+.1%}" for other in times_ns[1:]]


if __name__ == "__main__":
    main()
