"""What if this cable were cut? Each spine cable of a Clos of 256 hosts in turn, ranked by p99.

The simulator parsimon simulates every link by itself, and keeps what comes of it under a hash of
the link's input. A cut cable moves flows of one plane to other spines; all other links have the
same flows as before, and are looked up.

16 000 flows (DCTCP, web server sizes, load 0.5, a rack matrix of Meta's cluster C), 64 cables: half
a minute on two idle cores, after compiling. A cut simulates 3.4 % of packet-links anew on average,
9.6 % at most; with --spines 2, where a cut takes half a plane from a pod, 9.5 % and 14.7 %.

Prints a table, and draws p99.png, links.png (who holds up the tail in the whole network) and
links_worst.png (with the worst cable cut) into examples/out/what_if (or --out). The cache is a
folder there, too: a second call simulates nothing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from matplotlib.figure import Figure
from rich.console import Console
from rich.progress import track
from rich.table import Table

import m4graph as m4
from m4graph.core.files import check_output_folder, whole_folder
from m4graph.core.rng import EVALUATION_SEEDS
from m4graph.evaluation import plot_bottlenecks
from m4graph.evaluation.plots.figure import (
    TRUTH_COLOUR,
    panels,
    save_figure,
    simulator_colours,
)
from m4graph.scenario.cautions import without_cautions

OUT = Path(__file__).parent / "out" / "what_if"
CLOS = {"pods": 4, "racks": 4, "hosts": 16, "planes": 4}
MATRIX = {"kind": "cluster", "cluster": "C"}


class Cut(NamedTuple):
    """What becomes of the network without a cable."""

    cable: tuple[int, int]
    result: m4.SimulationResult

    @property
    def p99(self) -> float:
        """Slowdown."""
        return self.result.summary()["p99_slowdown"]

    @property
    def part_anew(self) -> float:
        """Packets that were simulated on a link, of all that would be without a cache."""
        anew = self.result.extra["packet_links"]
        return anew / max(anew + self.result.extra["packet_links_cached"], 1)


def main() -> None:
    parser = argparse.ArgumentParser(description="Cuts each spine cable of a Clos in turn.")
    parser.add_argument("--flows", type=int, default=16_000, help="number of flows")
    parser.add_argument("--spines", type=int, default=4, help="in each of 4 planes")
    parser.add_argument("--cables", type=int, help="how many cables to cut (default: all)")
    parser.add_argument("--out", type=Path, default=OUT, help="folder for plots and cache")
    options = parser.parse_args()
    check_output_folder(options.out)

    scenario = whole_network(options.flows, options.spines)
    cache = options.out / "cache"
    whole = m4.simulate(scenario, "parsimon", cache=cache)
    with without_cautions():
        cuts = [
            Cut(cable, m4.simulate(without(scenario, cable), "parsimon", cache=cache))
            for cable in track(
                spine_cables(scenario)[: options.cables], console=Console(stderr=True)
            )
        ]
    cuts.sort(key=lambda cut: -cut.p99)
    Console().print(table(whole, cuts))
    parts = [100 * cut.part_anew for cut in cuts]
    print(
        f"Simulated anew for a cut: {sum(parts) / len(parts):.2f} % of packet-links on average, "
        f"{max(parts):.2f} % at most"
    )
    with whole_folder(options.out) as folder:
        save_figure(bars(whole, cuts), folder / "p99.png")
        plot_bottlenecks(whole.extra["links"], folder / "links.png")
        plot_bottlenecks(cuts[0].result.extra["links"], folder / "links_worst.png")
    print(f"Plots: {options.out}")


def whole_network(num_flows: int, spines: int) -> m4.Scenario:
    network = m4.topology.clos(**CLOS, spines=spines, host_gbps=10, fabric_gbps=10, delay_ns=1000)
    workload = m4.workload.generate(
        network,
        sizes="web_server",
        load=0.5,
        num_flows=num_flows,
        matrix=MATRIX,
        seed=EVALUATION_SEEDS[0],
    )
    return m4.Scenario(network, workload, congestion_control="dctcp", name="whole")


def spine_cables(scenario: m4.Scenario) -> list[tuple[int, int]]:
    tier = scenario.network.nodes(data="tier")
    return sorted(
        (min(ends), max(ends))
        for ends in scenario.network.edges
        if "core" in (tier[end] for end in ends)
    )


def without(scenario: m4.Scenario, cable: tuple[int, int]) -> m4.Scenario:
    """The cable is dead from the start, and routing has noticed."""
    return scenario.replace(
        name=f"without {cable[0]}-{cable[1]}",
        faults=[{"kind": "down", "link": list(cable)}],
        routing={"convergence_us": 0},
    )


def table(whole: m4.SimulationResult, cuts: Sequence[Cut]) -> Table:
    columns = ("p99 slowdown", "change", "links anew", "packet-links anew", "seconds")
    made = Table("cable cut", *columns)
    before = whole.summary()["p99_slowdown"]
    for name, cut in (("none", Cut((0, 0), whole)), *((_name(cut), cut) for cut in cuts)):
        made.add_row(
            name,
            f"{cut.p99:.3f}",
            f"{100 * (cut.p99 / before - 1):+.2f} %",
            str(cut.result.extra["links_simulated"]),
            f"{100 * cut.part_anew:.2f} %",
            f"{cut.result.wall_s:.2f}",
        )
    return made


def bars(whole: m4.SimulationResult, cuts: Sequence[Cut]) -> Figure:
    figure, axes = panels("A spine cable is cut", 1, 1, (7.0, 0.4 + 0.21 * len(cuts)))
    (panel,) = axes.flat
    before = whole.summary()["p99_slowdown"]
    (colour,) = simulator_colours(["parsimon"]).values()
    panel.barh([_name(cut) for cut in cuts], [cut.p99 - before for cut in cuts], color=colour)
    panel.axvline(0, color=TRUTH_COLOUR, linewidth=1)
    panel.invert_yaxis()
    panel.margins(y=0.01)
    panel.grid(visible=False, axis="y")
    panel.set_xlabel(f"p99 slowdown, change from {before:.2f} without a cut")
    return figure


def _name(cut: Cut) -> str:
    return f"{cut.cable[0]}-{cut.cable[1]}"


if __name__ == "__main__":
    try:
        main()
    except m4.M4GraphError as error:
        sys.exit(f"error: {error}")
