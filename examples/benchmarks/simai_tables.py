"""SimAI's published tables of bus bandwidth, and what m4graph says of the same collectives.

All-reduces of its tutorial, and the quick start of version 1.7, with SimAI's rules: a step costs a
round trip (step_after: sender_ack), packets of 9000 bytes, times in whole nanoseconds. DCN+ stands
beside them without a bar: 8 rings of 256 GPUs meet by chance of ECMP, with other node ids than
SimAI's, and SimAI reports only the group of rank 0.

A minute with fluid; --simulator packet takes ten.
"""

from __future__ import annotations

import argparse
import warnings

import networkx as nx
from rich.console import Console
from rich.table import Table

import m4graph as m4
from m4graph.scenario.cautions import Caution

MIB = 2**20
STAR = [
    # What, ranks, Gb/s, delay in ns, latency in us, and GiB/s by MiB.
    ("TP 8 on NVLink", 8, 1440, 25, 2.0, {16: 141.84, 64: 160.60, 512: 166.68}),
    ("DP 32 on a rail", 32, 400, 500, 2.0, {16: 33.10, 64: 42.05, 512: 45.65}),
]
NVLS_US = {16: 183.7, 512: 4012.2}
DCN_PLUS = {16: 23.3, 64: 23.7, 512: 36.2}
QUICK_START_US = 1604


def main() -> None:
    parser = argparse.ArgumentParser(description="SimAI's published tables.")
    parser.add_argument("--simulator", default="fluid", help="fluid or packet")
    parser.add_argument("--without-dcn", action="store_true", help="leave DCN+ out")
    simulator = (arguments := parser.parse_args()).simulator
    warnings.simplefilter("ignore", Caution)  # Whole ns on fast links are what SimAI has.
    table = Table(title=f"SimAI's figures, and {simulator}")
    for column in ("collective", "MiB", "unit", "SimAI", "m4graph", "error"):
        table.add_column(column, justify="left" if column in ("collective", "unit") else "right")

    def add(what: str, mib: int | str, unit: str, published: float, got: float) -> None:
        error = f"{got / published - 1:+.1%}"
        table.add_row(what, str(mib), unit, f"{published:g}", f"{got:.2f}", error)

    for what, ranks, gbps, delay_ns, latency_us, values in STAR:
        network = m4.topology.star(ranks, gbps=gbps, delay_ns=delay_ns)
        for mib, published in values.items():
            result = run(
                network, [all_reduce(mib, channels=1)], {"tp": ranks}, latency_us, simulator
            )
            add(what, mib, "GiB/s", published, result.collectives["busbw_gibs"][0])
    network = m4.topology.star(8, gbps=1360, delay_ns=25)
    nx.set_node_attributes(network, dict.fromkeys(range(8), 0), "server")
    nx.set_node_attributes(network, {8: "nvswitch"}, "kind")
    for mib, published in NVLS_US.items():
        layers = [all_reduce(mib, algorithm="nvls")]
        result = run(network, layers, {"tp": 8}, 12, simulator)
        add("NVLS, 8 ranks", mib, "us", published, result.iteration_ns / 1e3)
    network = m4.topology.star(8, gbps=2400, delay_ns=25)
    layers = [all_reduce(mib) | {"forward_ns": 556_000} for mib in (16, 64)]
    result = run(network, layers, {"tp": 8}, 0, simulator)
    add("1.7 quick start", "16 + 64", "us", QUICK_START_US, result.iteration_ns / 1e3)
    if not arguments.without_dcn:
        network = m4.topology.rail(32, rail=False, spines=64)
        for mib, published in DCN_PLUS.items():
            layers = [all_reduce(mib, group="dp", channels=1)]
            result = run(network, layers, {"tp": 8, "dp": 32}, 2.2, simulator, memo=False)
            bandwidth = result.collectives["busbw_gibs"]
            spread = f"{mib}, slowest of 8"
            add("DCN+, 8 rings of 32", spread, "GiB/s", published, bandwidth.min())
    Console().print(table)


def all_reduce(mib: int, group: str = "tp", **keys: object) -> dict[str, object]:
    """A layer that sums up once."""
    return {"forward": {"kind": "all_reduce", "group": group, "size_bytes": mib * MIB, **keys}}


def run(
    network: nx.Graph,
    layers: list[dict[str, object]],
    parallel: dict[str, int],
    latency_us: float,
    simulator: str,
    **keys: bool,
) -> m4.JobResult:
    """Runs layers by SimAI's rules."""
    job = m4.Job(
        network,
        m4.workload.training_job(parallel, layers),
        "dcqcn",
        config={"payload_bytes": 9000},
        routing={"kind": "simai"},
        step_after="sender_ack",
        latency_ns=round(1000 * latency_us),
        **keys,
    )
    return m4.simulate_job(job, simulator)


if __name__ == "__main__":
    main()
