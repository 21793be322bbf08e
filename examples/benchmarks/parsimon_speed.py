"""How fast links are simulated by themselves, against the packet simulator on the whole network.

A packet-link is a data packet over one link, with its ACK: two of the packet simulator's hops.
Both sides of a ratio run one after the other, several times in turn; the fastest counts.

    python examples/benchmarks/parsimon_speed.py                # 5 minutes of CPU
    python examples/benchmarks/parsimon_speed.py --only kernel
    python examples/benchmarks/parsimon_speed.py --only million # 2 million flows: see its memory
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

import m4graph as m4
from m4graph.core.provenance import peak_rss_bytes
from m4graph.evaluation.suites import load_suite
from m4graph.scenario.cautions import Caution
from m4graph.simulators.parsimon.decomposition import Decomposition
from m4graph.simulators.parsimon.link_inputs import link_inputs
from m4graph.simulators.parsimon.link_model import KernelModel

SEED = 1_041_000  # Of those that evaluations have for themselves.
REPEATS = 3
CONTROL = {"kind": "dctcp", "init_window_bytes": 18_000, "min_rate_mbps": 100.0}


def cpu_s(call: Callable[..., Any], *arguments: Any, **options: Any) -> tuple[Any, float]:
    started = time.process_time()
    return call(*arguments, **options), time.process_time() - started


def wall_s(call: Callable[..., Any], *arguments: Any, **options: Any) -> float:
    started = time.perf_counter()
    call(*arguments, **options)
    return time.perf_counter() - started


def nobody(num_packets: int) -> None:
    """Listens to nothing."""


def kernel() -> None:
    """Packet-links a CPU-second of the kernel alone, and of the packet simulator."""
    print("kernel: million packet-links a CPU-second, fastest of", REPEATS)
    print(f"{'scenario':<32}{'kernel':>8}{'packet':>8}{'ratio':>8}")
    ratios = []
    for case in load_suite("parsimon").cases:
        scenario = case.build()
        network, model = Decomposition.of(scenario), KernelModel.of(scenario)
        inputs = link_inputs(network, np.flatnonzero(network.link_packets))
        model.compile()
        m4.simulate(scenario, "packet")
        ours = packets = 0.0
        for _ in range(REPEATS):
            _, seconds = cpu_s(model.run, inputs, nobody)
            ours = max(ours, network.link_packets.sum() / seconds / 1e6)
            result, seconds = cpu_s(m4.simulate, scenario, "packet")
            packets = max(packets, result.packet_hops / 2 / seconds / 1e6)
        ratios.append(ours / packets)
        print(f"{case.name:<32}{ours:>8.1f}{packets:>8.1f}{ours / packets:>8.2f}", flush=True)
    print(f"{'mean':<48}{np.mean(ratios):>8.2f}")


def large(fabric_gbps: float) -> m4.Scenario:
    """50 000 flows among 6144 hosts."""
    network = m4.topology.clos(
        pods=8, racks=48, hosts=16, planes=4, spines=24, fabric_gbps=fabric_gbps
    )
    workload = m4.workload.generate(
        network,
        "web_server",
        load=0.5,
        num_flows=50_000,
        arrivals={"kind": "log_normal", "sigma": 2.0},
        matrix={"kind": "cluster", "cluster": "B"},
        seed=SEED,
    )
    return m4.Scenario(network, workload, CONTROL, name=f"6144 hosts, {fabric_gbps:g}G fabric")


def p99_error(result: m4.SimulationResult, truth: m4.SimulationResult) -> float:
    ratio = np.percentile(result.slowdown, 99) / np.percentile(truth.slowdown, 99)
    return 100 * float(ratio - 1)


def one_core() -> None:
    """Whole runs on one core, at 6144 hosts."""
    print("\none core: CPU seconds, fastest of", REPEATS)
    for scenario in (large(10), large(40)):
        truth = m4.simulate(scenario, "packet")
        choices = [(1, 0.0), (1, 0.05), (1, 0.2), (2, 0.0)]
        best = dict.fromkeys([None, *choices], np.inf)
        found = {}
        for _ in range(REPEATS):
            _, seconds = cpu_s(m4.simulate, scenario, "packet")
            best[None] = min(best[None], seconds)
            for passes, load in choices:
                options = {"passes": passes, "min_load": load, "jobs": 1}
                found[passes, load], seconds = cpu_s(m4.simulate, scenario, "parsimon", **options)
                best[passes, load] = min(best[passes, load], seconds)
        print(f"{scenario.name}: packet {best[None]:.2f} s")
        for passes, load in choices:
            error = p99_error(found[passes, load], truth)
            print(
                f"  {passes} pass, min_load {load:<5}{best[passes, load]:>7.2f} s  "
                f"{best[None] / best[passes, load]:>5.2f} times faster   p99 {error:+.1f} %"
            )


def cores() -> None:
    """Two threads against one, and what the largest link lets expect of more."""
    scenario = large(10)
    network = Decomposition.of(scenario)

    def parsimon(jobs: int) -> float:
        return wall_s(m4.simulate, scenario, "parsimon", passes=1, jobs=jobs)

    def packet() -> object:
        return m4.simulate(scenario, "packet")

    def two() -> None:
        with ThreadPoolExecutor(2) as pool:
            for each in [pool.submit(packet), pool.submit(packet)]:
                each.result()

    one_s = two_s = alone_s = both_s = np.inf
    parsimon(1)
    for _ in range(REPEATS):
        one_s, two_s = min(one_s, parsimon(1)), min(two_s, parsimon(2))
        alone_s, both_s = min(alone_s, wall_s(packet)), min(both_s, wall_s(two))
    print(f"\ncores: this machine has {os.cpu_count()}; wall seconds, fastest of {REPEATS}")
    print(f"  one thread {one_s:.2f} s, two {two_s:.2f} s: {one_s / two_s:.2f} times faster")
    print(f"  control, two runs of packet: {2 * alone_s / both_s:.2f} times one after the other")
    share = network.link_packets.max() / network.link_packets.sum()
    print(f"  the largest link has {100 * share:.2f} % of the packets")
    for jobs in (8, 64):
        print(f"  prediction, not measured: {jobs} cores at most {min(jobs, 1 / share):.0f} times")


def million() -> None:
    """2 million flows on 256 hosts."""
    network = m4.topology.clos(pods=2, racks=16, hosts=8, planes=2, spines=8, fabric_gbps=40)
    workload = m4.workload.generate(
        network,
        "web_server",
        load=0.5,
        num_flows=2_000_000,
        arrivals={"kind": "log_normal", "sigma": 2.0},
        matrix={"kind": "cluster", "cluster": "B"},
        seed=SEED,
    )
    scenario = m4.Scenario(network, workload, CONTROL)
    result = m4.simulate(scenario, "parsimon", passes=2)
    tail = np.percentile(result.slowdown, 99)
    print("\n2 million flows on 256 hosts, two passes")
    print(f"  {result.wall_s:.0f} s on {os.cpu_count()} cores, p99 slowdown {tail:.2f}, ", end="")
    print(f"{peak_rss_bytes() / 1e9:.1f} GB at most, workload and routes included")


def main() -> None:
    parts = {each.__name__: each for each in (kernel, one_core, cores, million)}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=parts, help="one of the parts")
    chosen = parser.parse_args().only
    warnings.simplefilter("ignore", Caution)
    for name, part in parts.items():
        if chosen in (None, name):
            part()


if __name__ == "__main__":
    main()
