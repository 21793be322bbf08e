"""From which flow size on is which simulator the fastest? Packet, fluid and learned side by side.

The first cases raise the mean flow size on 32 hosts from 10 KB to 100 MB, the others grow a
non-blocking fabric from 64 to 6144 hosts; load 0.5, exponential sizes, DCTCP throughout. A packet
simulator pays by the packet-hop, the two others by the event, so the time that a flow takes says
it all; runs have fewer flows where these are large. Times are wall times of the simulation alone,
less what other processes took of the core. The errors are those of slowdowns, packet being the
truth: fluid is always the fastest, so that they belong to the answer.

    python examples/benchmarks/crossover.py                      # a minute of CPU, after compiling
    python examples/benchmarks/crossover.py --out crossover.png --json out.json
    python examples/benchmarks/crossover.py --flows 100          # a quick look

Reached on a busy 2-core AMD EPYC (Zen 5), model m4graph: learned takes 90 to 150 us a flow at any
size, packet 6 us at 10 KB and 41 ms at 100 MB; learned overtakes it at 240 KB, and does 1 MB 4 and
10 MB 48 times as fast. Fluid takes 2 to 5 us. Learned's error is below fluid's up to 3 MB, level
with it at 10 MB, and above it from 30 MB on (5.6 and 4.7 % against 4.1 and 1.5 %, few flows).
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

import m4graph as m4
from m4graph.core.provenance import provenance
from m4graph.core.rng import EVALUATION_SEEDS
from m4graph.evaluation.plots.figure import (
    legend,
    log_axis,
    panels,
    save_figure,
    simulator_colours,
)
from m4graph.metrics import per_flow_error

SEED = EVALUATION_SEEDS[40_000]
SIMULATORS = ("packet", "fluid", "learned")
LOAD = 0.5
SIZES_BYTES = (10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000, 30_000_000,
               100_000_000)  # fmt: skip
BYTES_A_FLOW = 1_500_000  # on average over a case at most, so that packet is done in seconds
LEAF_SPINE = {"pods": 1, "racks": 8, "hosts": 4, "planes": 4, "spines": 1}
FABRICS = {
    64: {"pods": 2, "racks": 2, "hosts": 16, "planes": 4, "spines": 2},
    384: {"pods": 3, "racks": 8, "hosts": 16, "planes": 4, "spines": 8},
    1024: {"pods": 4, "racks": 16, "hosts": 16, "planes": 4, "spines": 16},
    6144: {"pods": 8, "racks": 48, "hosts": 16, "planes": 4, "spines": 48},
}
FABRIC_SIZE_BYTES = 300_000
HEADROOM_CAP = 0.8  # or PFC leaves switches of 100 ports no buffer to share
MOST_RUNS, ENOUGH_S = 5, 1.0
SHORT_S = 0.05  # too short to be interrupted in all runs


@dataclass(frozen=True)
class Row:
    """What one simulator took for a case."""

    sweep: str
    hosts: int
    mean_bytes: int
    flows: int
    simulator: str
    seconds: float
    us_per_flow: float
    mean_error: float


def cases(flows: int) -> Iterator[tuple[str, int, dict[str, int], int, int]]:
    """Sweep, hosts, fabric, mean size, flows."""
    for size in SIZES_BYTES:
        yield "size", 32, LEAF_SPINE, size, max(min(flows, flows * BYTES_A_FLOW // size), 2)
    for hosts, fabric in FABRICS.items():
        # Two flows a host, so that a large fabric is as busy as a small one.
        yield "network", hosts, fabric, FABRIC_SIZE_BYTES, max(flows // 2, flows * hosts // 1000)


def scenario_of(fabric: dict[str, int], mean_bytes: int, num_flows: int) -> m4.Scenario:
    network = m4.topology.clos(**fabric, host_gbps=10, fabric_gbps=40)
    workload = m4.workload.generate(
        network,
        {"kind": "exponential", "mean_bytes": mean_bytes},
        load=LOAD,
        num_flows=num_flows,
        seed=SEED,
    )
    config = {"headroom_cap": HEADROOM_CAP}
    return m4.Scenario(network, workload, "dctcp", config=config, seed=SEED)


def timed(simulator: m4.Simulator, scenario: m4.Scenario) -> tuple[m4.SimulationResult, float]:
    """A result, and the seconds of the simulation alone, as on a core that is idle otherwise."""
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    result = simulator.run(scenario)
    share = (time.process_time() - cpu_s) / (time.perf_counter() - wall_s)
    return result, result.wall_s * (min(share, 1.0) if result.wall_s > SHORT_S else 1.0)


def run(
    scenario: m4.Scenario, simulators: dict[str, m4.Simulator]
) -> dict[str, tuple[m4.SimulationResult, float]]:
    """Results, and the least time of some runs in turn; long ones are run once."""
    results, seconds = {}, dict.fromkeys(simulators, float("inf"))
    spent = dict.fromkeys(simulators, 0.0)
    for _ in range(MOST_RUNS):
        for name, simulator in simulators.items():
            if spent[name] < ENOUGH_S:
                results[name], taken_s = timed(simulator, scenario)
                seconds[name] = min(seconds[name], taken_s)
                spent[name] += taken_s
    return {name: (results[name], seconds[name]) for name in simulators}


def measure(flows: int, simulators: dict[str, m4.Simulator]) -> list[Row]:
    """Runs all cases and prints them as they come."""
    print(
        f"{'hosts':>6}{'mean KB':>9}{'flows':>7}"
        + "".join(f"{name + ' us/flow':>17}" for name in simulators)
        + f"{'packet/learned':>16}{'error fluid':>13}{'learned':>9}"
    )
    rows = []
    for sweep, hosts, fabric, mean_bytes, num_flows in cases(flows):
        done = run(scenario_of(fabric, mean_bytes, num_flows), simulators)
        truth = done["packet"][0].slowdown
        us = {name: taken_s / num_flows * 1e6 for name, (_, taken_s) in done.items()}
        error = {
            name: float(np.mean(per_flow_error(result.slowdown, truth)))
            for name, (result, _) in done.items()
        }
        rows += [
            Row(sweep, hosts, mean_bytes, num_flows, name, taken_s, us[name], error[name])
            for name, (_, taken_s) in done.items()
        ]
        print(
            f"{hosts:>6}{mean_bytes / 1e3:>9,.0f}{num_flows:>7}"
            + "".join(f"{us[name]:>17,.1f}" for name in simulators)
            + f"{us['packet'] / us['learned']:>15.2f}x{error['fluid']:>12.1%}"
            f"{error['learned']:>9.1%}",
            flush=True,
        )
    return rows


def column(rows: Sequence[Row], sweep: str, simulator: str, name: str) -> np.ndarray:
    return np.array(
        [getattr(row, name) for row in rows if (row.sweep, row.simulator) == (sweep, simulator)]
    )


def crossover_bytes(rows: Sequence[Row]) -> float | None:
    """The mean size at which learned overtakes packet, between two that were measured."""
    size = np.log(column(rows, "size", "packet", "mean_bytes"))
    lead = np.log(
        column(rows, "size", "packet", "us_per_flow")
        / column(rows, "size", "learned", "us_per_flow")
    )
    if lead[0] > 0 or lead[-1] < 0:
        return None
    after = int(np.flatnonzero(lead < 0)[-1]) + 1 if (lead < 0).any() else 0
    if after == 0:
        return float(np.exp(size[0]))
    return float(np.exp(np.interp(0.0, lead[after - 1 : after + 1], size[after - 1 : after + 1])))


def spell_bytes(value: float) -> str:
    return f"{value / 1e6:,.3g} MB" if value >= 1e6 else f"{value / 1e3:,.3g} KB"


def spell_us(value: float) -> str:
    if value >= 1e6:
        return f"{value / 1e6:,.3g} s"
    return f"{value / 1e3:,.3g} ms" if value >= 1e3 else f"{value:,.3g} µs"


def draw(rows: Sequence[Row], path: Path) -> None:
    """Time of a flow above, error below; against flow size and against network size."""
    figure, axes = panels("What a flow costs, and what it is worth", 2, 2)
    colours = simulator_colours(SIMULATORS)
    for number, (sweep, name) in enumerate((("size", "mean_bytes"), ("network", "hosts"))):
        for simulator in SIMULATORS:
            style = {"color": colours[simulator], "lw": 1.9, "marker": "o", "ms": 4}
            x = column(rows, sweep, simulator, name)
            axes[0, number].plot(x, column(rows, sweep, simulator, "us_per_flow"), **style)
            if simulator != "packet":
                axes[1, number].plot(x, column(rows, sweep, simulator, "mean_error"), **style)
        for each in axes[:, number]:
            _scale_x(each, x, spell_bytes if sweep == "size" else "{:,.0f}".format)
        times = [row.us_per_flow for row in rows]
        log_axis(axes[0, number].yaxis, min(times) / 1.5, max(times) * 1.5, spell_us)
        axes[1, number].set_ylim(0, 1.1 * max(row.mean_error for row in rows))
        axes[1, number].yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{100 * y:.4g} %"))
    crossing = crossover_bytes(rows)
    if crossing is not None:
        _mark(axes[0, 0], crossing)
    axes[0, 0].set_title("32 hosts", fontsize=11)
    axes[0, 1].set_title(f"flows of {spell_bytes(FABRIC_SIZE_BYTES)}", fontsize=11)
    axes[0, 0].set_ylabel("wall time of a flow", fontsize=10)
    axes[1, 0].set_ylabel("mean error of slowdowns", fontsize=10)
    axes[1, 0].set_xlabel("mean flow size", fontsize=10)
    axes[1, 1].set_xlabel("hosts", fontsize=10)
    legend(figure, [Line2D([], [], color=colours[s], lw=2.5, label=s) for s in SIMULATORS])
    save_figure(figure, path)


def _scale_x(axes: Axes, x: np.ndarray, spell: Callable[[float], str]) -> None:
    log_axis(axes.xaxis, x.min() / 1.3, x.max() * 1.3, spell)


def _mark(axes: Axes, crossing: float) -> None:
    """A line between the sizes where packet is faster and where learned is."""
    axes.axvline(crossing, color="#666666", lw=1.0, ls="--")
    axes.text(
        crossing / 1.15, 0.97, f"learned is faster than\npacket from {spell_bytes(crossing)} on",
        transform=axes.get_xaxis_transform(), fontsize=8.5, ha="right", va="top",
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--flows", type=int, default=2000, help="of a case, if they are small")
    parser.add_argument("--model", help="name or path of a model; the zoo's default if not given")
    parser.add_argument("--out", type=Path, help="draw a plot into this file")
    parser.add_argument("--json", type=Path, help="write the rows to this file")
    arguments = parser.parse_args()
    simulators = build(arguments.model)
    run(scenario_of(LEAF_SPINE, SIZES_BYTES[0], 20), simulators)  # compiles
    rows = measure(arguments.flows, simulators)
    crossing = crossover_bytes(rows)
    if crossing is not None:
        print(f"learned overtakes packet at flows of {spell_bytes(crossing)}")
    if arguments.out:
        draw(rows, arguments.out)
    if arguments.json:
        whole = {**provenance(), "seed": SEED, "load": LOAD, "rows": [asdict(row) for row in rows]}
        arguments.json.write_text(json.dumps(whole, indent=2))


def build(model: str | None) -> dict[str, m4.Simulator]:
    """One simulator of each kind, so that each compiles and loads once."""
    options = {"learned": {"model": model}}
    return {
        name: m4.simulators.build_simulator(name, **options.get(name, {})) for name in SIMULATORS
    }


if __name__ == "__main__":
    main()
