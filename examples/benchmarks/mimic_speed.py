"""What a mimic saves: CPU seconds beside the packet simulator, by number of pods.

Both sides of a ratio run one after the other on one core, several times in turn; the fastest
counts. The packet simulator records nothing; the mimic measures what hosts of pod 0 see, as it
always does. The small run and the fit are those of one mimic.

    python examples/benchmarks/mimic_speed.py                    # 15 minutes of CPU
    python examples/benchmarks/mimic_speed.py --pods 8 16 --seconds 5
    python examples/benchmarks/mimic_speed.py --only step        # a step beside a packet-hop
    python examples/benchmarks/mimic_speed.py --only large       # 512 pods: see its memory
"""

from __future__ import annotations

import argparse
import ctypes
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit
from rich.console import Console
from rich.table import Table

import m4graph as m4
from m4graph.core.provenance import peak_rss_bytes
from m4graph.mimic import BoundaryTrace, Mimic, MimicSimulator, Pods, fit, small, taps_of
from m4graph.mimic.border_rows import EGRESS
from m4graph.mimic.shape import AGG_DOWN, AGG_UP, CORE_DOWN, HOST_UP, RACK_DOWN, RACK_UP
from m4graph.scenario.cautions import Caution
from m4graph.simulators.packet import PacketSimulator

SETTING = Path(__file__).parents[2] / "configs" / "mimic" / "base.yaml"
LARGEST = 128
LARGEST_SECONDS = 5.0
SEED = 100


def scenario(num_pods: int, seconds: float) -> m4.Scenario:
    end = str(seconds * 1e6)
    changes = [("topology.pods", str(num_pods)), ("seed", str(SEED))]
    changes += [("workload.until_us", end), ("stop_us", end)]
    return m4.load_scenario(SETTING, changes)


def fitted(num_pods: int) -> Mimic:
    return fit(SETTING, "lindley", overrides=[("topology.pods", str(num_pods))])


def run_s(simulator: Any, made: m4.Scenario) -> tuple[m4.SimulationResult, float]:
    """A result, and the CPU seconds that it took."""
    started = time.process_time()
    result = simulator.run(made)
    return result, time.process_time() - started


def scale(sizes: list[int], seconds: float, rounds: int) -> None:
    """CPU seconds and packet-hops by number of pods, and where a mimic pays."""
    columns = ("packet s", "mimic s", "ratio", "ratio of hops", "share", "small + fit s", "pays at")
    table = Table("pods", "simulated s", *columns)
    fitted(sizes[0])  # compiles
    for num_pods in sizes:
        length = min(seconds, LARGEST_SECONDS) if num_pods >= LARGEST else seconds
        made, mimic = scenario(num_pods, length), fitted(num_pods)
        packet, composed = PacketSimulator(), MimicSimulator(mimic)
        moment = made.replace(stop_ns=1_000_000)
        for simulator in (packet, composed):
            simulator.run(moment)  # compiles
        packet_s = mimic_s = np.inf
        for _ in range(1 if num_pods >= LARGEST else rounds):
            full, spent_s = run_s(packet, made)
            packet_s = min(packet_s, spent_s)
            part, spent_s = run_s(composed, made)
            mimic_s = min(mimic_s, spent_s)
        ratio, hops = packet_s / mimic_s, full.packet_hops / part.packet_hops
        once_s = sum(mimic.training[f"{part}_cpu_s"] for part in ("simulation", "fit", "at_size"))
        pays = once_s / (packet_s - mimic_s) * length if packet_s > mimic_s else np.inf
        cells = (packet_s, mimic_s, ratio, hops, ratio / hops, once_s)
        table.add_row(
            str(num_pods), f"{length:g}", *(f"{cell:.3g}" for cell in cells), f"{pays:.3g} s"
        )
    print("ratio: packet's CPU seconds over the mimic's; share: of the ratio of packet-hops;")
    print("pays at: simulated seconds from which on small run and fit are paid back")
    Console().print(table)


def step(rounds: int) -> None:
    """A mimic's step on the packets of a real border, beside a hop of the packet simulator."""
    made = small(SETTING, overrides=[("workload.until_us", "6e6"), ("stop_us", "6e6")])
    pods = Pods.of(made.network, made.arrays)
    recording = {"taps": pods.ends(taps_of(pods, 1))}
    trace = BoundaryTrace.of(PacketSimulator(recording=recording).run(made), 1, pods)
    calls = arguments(pods, trace)
    model = fitted(8).model
    packet = PacketSimulator()
    packet.run(made)
    step_ns = hop_ns = np.inf
    for _ in range(rounds):
        started = model.start(pods, made, SEED)
        table = np.array([(each.ctypes.data, each.size) for each in started.arrays], np.int64)
        integers = [ctypes.c_int64] * (calls.shape[1] + 2)
        function = ctypes.CFUNCTYPE(*integers)(started.step.address)
        call_all(function, calls[:10], table.ctypes.data)  # compiles
        before = time.process_time()
        call_all(function, calls, table.ctypes.data)
        step_ns = min(step_ns, (time.process_time() - before) / len(calls) * 1e9)
        result, spent_s = run_s(packet, made)
        hop_ns = min(hop_ns, spent_s / result.packet_hops * 1e9)
    print(f"a step of lindley {step_ns:.0f} ns, a packet-hop {hop_ns:.0f} ns: ", end="")
    print(f"{step_ns / hop_ns:.2f} hops ({len(calls)} packets of a pod, fastest of {rounds})")


def arguments(pods: Pods, trace: BoundaryTrace) -> np.ndarray:
    """What a step is asked for each packet of a trace, but for its arrays."""
    rows, shape = trace.rows, pods.shape
    link = {role: pods.links(role, 1) for role in range(6)}
    inner = rows["host"] // shape.hosts * shape.aggs + rows["agg"]
    outer = rows["agg"] * shape.spines + rows["spine"]
    is_egress = rows["direction"] == EGRESS
    columns = [
        rows["enter_ticks"],
        np.ones(len(rows)),
        rows["direction"],
        np.where(is_egress, link[RACK_UP][inner], link[AGG_DOWN][inner]),
        np.where(is_egress, link[AGG_UP][outer], link[RACK_DOWN][rows["host"]]),
        rows["kind"],
        np.searchsorted(np.unique(rows["flow"]), rows["flow"]),
        rows["wire_bytes"],
        np.where(is_egress, link[HOST_UP][rows["host"]], link[CORE_DOWN][outer]),
    ]
    return np.stack(columns, axis=1).astype(np.int64)


@njit
def call_all(function, calls, context):
    """Calls a step by its address, as the event loop does."""
    total = 0
    for at in range(len(calls)):
        c = calls[at]
        total += function(c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[8], context)
    return total


def large(num_pods: int = 512, seconds: float = 1.0) -> None:
    """Thousands of hosts on one core."""
    made, mimic = scenario(num_pods, seconds), fitted(num_pods)
    simulator = MimicSimulator(mimic)
    simulator.run(made.replace(stop_ns=1_000_000))
    result, spent_s = run_s(simulator, made)
    left_out = result.extra["num_not_simulated"]
    print(f"{num_pods} pods, {made.arrays.num_hosts} hosts, {seconds:g} s: {spent_s:.1f} CPU s, ")
    print(f"  {len(result.flow_id)} flows simulated, {left_out} not, ", end="")
    print(f"{peak_rss_bytes() / 1e9:.2f} GB at most, workload and routes included")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pods", type=int, nargs="+", default=[8, 16, 32, 128])
    parser.add_argument("--seconds", type=float, default=10.0, help="(default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=2, help="(default: %(default)s)")
    parser.add_argument("--only", choices=("scale", "step", "large"), help="one of the parts")
    chosen = parser.parse_args()
    warnings.simplefilter("ignore", Caution)
    if chosen.only in (None, "step"):
        step(max(chosen.rounds, 3))
    if chosen.only in (None, "scale"):
        scale(chosen.pods, chosen.seconds, chosen.rounds)
    if chosen.only in (None, "large"):
        large()


if __name__ == "__main__":
    main()
