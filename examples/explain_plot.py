"""The plot of explain_prediction.py: a route, the flows beside it, what each part is worth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

MORE, LESS, TRUTH, MESSAGES, GREY = "#0072B2", "#E69F00", "#222222", "#56B4E9", "#8a8a8a"
MOST_FLOWS = 10


@dataclass
class FlowBeside:
    """Another flow: the links of the route that it shares, by place, and what it is worth.

    ``predicted`` and ``true`` are the slowdown with it over that without it, ``messages`` the
    factor that its messages are worth in the explanation.
    """

    flow: int
    size_bytes: int
    hops: list[int]
    predicted: float
    true: float
    messages: float


def draw(
    title: str,
    nodes: list[str],
    links: list[float],
    flows: list[FlowBeside],
    groups: dict[str, float],
    marks: dict[str, float],
) -> Figure:
    """Draws an explanation.

    Args:
        title (str): Of the figure.
        nodes (list[str]): Of the route, as in ``"host 3"``.
        links (list[float]): What each link of it is worth, in log slowdown.
        flows (list[FlowBeside]): Those beside it, the first ones are drawn.
        groups (dict[str, float]): What each group of parts is worth, in log slowdown.
        marks (dict[str, float]): Slowdowns to compare with, by name.
    """
    figure = Figure(figsize=(9.2, 7.6))
    figure.set_layout_engine("constrained", h_pad=0.08)
    figure.suptitle(title, fontsize=12)
    upper, lower = figure.subfigures(2, 1, height_ratios=[1.25, 1])
    route, bars = upper.subplots(1, 2, sharey=True, width_ratios=[1.5, 1])
    draw_route(route, nodes, links)
    draw_flows(route, bars, flows[:MOST_FLOWS])
    draw_groups(lower.subplots(), groups, marks)
    return figure


def draw_route(axes: Axes, nodes: list[str], links: list[float]) -> None:
    strongest = max(map(abs, links))
    for hop, worth in enumerate(links):
        line = {"linewidth": 15, "solid_capstyle": "butt"}
        axes.plot([hop, hop + 1], [0, 0], color="#d0d0d0", **line)
        axes.plot([hop, hop + 1], [0, 0], color=MORE if worth >= 0 else LESS,
                  alpha=abs(worth) / strongest, **line)  # fmt: skip
        axes.annotate(factor(worth), (hop + 0.5, 0), (0, 13), textcoords="offset points",
                      ha="center", fontsize=10)  # fmt: skip
    for place, node in enumerate(nodes):
        kind, number = node.split()
        axes.plot(place, 0, "o" if kind == "host" else "s", color="white", markersize=17,
                  markeredgecolor=TRUTH)  # fmt: skip
        axes.annotate(number, (place, 0), ha="center", va="center", fontsize=8)
        axes.annotate(kind, (place, 0), (0, 13), textcoords="offset points", ha="center",
                      fontsize=8)  # fmt: skip
    axes.set_xticks([])
    axes.spines[:].set_visible(False)
    axes.set_title("Its route: what each link is worth; who shares it", fontsize=10)


def draw_flows(route: Axes, bars: Axes, flows: list[FlowBeside]) -> None:
    """A lane for each flow below the route, and its bars beside it."""
    for lane, each in enumerate(flows, 1):
        for hop in each.hops:
            route.plot([hop + 0.1, hop + 0.9], [-lane, -lane], color=GREY, linewidth=5,
                       solid_capstyle="round")  # fmt: skip
    series = {
        "predicted anew": (MORE, [each.predicted for each in flows]),
        "simulated anew (packet)": (TRUTH, [each.true for each in flows]),
        "its messages alone": (MESSAGES, [each.messages for each in flows]),
    }
    lanes = -np.arange(1, len(flows) + 1)
    for place, (label, (colour, values)) in enumerate(series.items()):
        bars.barh(lanes + 0.27 * (1 - place), np.array(values) - 1, 0.25, left=1, color=colour,
                  label=label)  # fmt: skip
    labels = [f"flow {each.flow}, {spell_bytes(each.size_bytes)}" for each in flows]
    route.set_yticks([0, *lanes], ["this flow", *labels])
    route.set_ylim(-len(flows) - 0.7, 1.2)
    route.tick_params(length=0, labelsize=9)
    bars.axvline(1, color=TRUTH, linewidth=0.8)
    plain_log_axis(bars, [0.2, 0.5, 0.7, 1, 1.5, 2, 3, 5])
    bars.tick_params(axis="y", length=0, labelleft=False)
    bars.set_title("Slowdown with the flow over that without", fontsize=10)
    bars.legend(frameon=False, fontsize=8.5, loc="upper right", bbox_to_anchor=(1.0, 1.01))


def draw_groups(axes: Axes, groups: dict[str, float], marks: dict[str, float]) -> None:
    ends = np.exp(np.cumsum(list(groups.values())))
    starts = np.array([1.0, *ends[:-1]])
    for lane, worth in enumerate(groups.values()):
        axes.barh(-lane, ends[lane] - starts[lane], 0.7, left=starts[lane],
                  color=MORE if worth >= 0 else LESS)  # fmt: skip
        axes.annotate(factor(worth), (max(starts[lane], ends[lane]), -lane), (4, 0),
                      textcoords="offset points", va="center", fontsize=9,
                      bbox={"color": "white", "pad": 1})  # fmt: skip
    for name, slowdown in marks.items():
        axes.axvline(slowdown, color=TRUTH, linewidth=1, linestyle="--", zorder=0)
        axes.annotate(f"{name} {slowdown:.1f}", (slowdown, 0.6), ha="center", fontsize=9,
                      bbox={"color": "white", "pad": 1})  # fmt: skip
    axes.set_xlim(0.95, 1.25 * max(*ends, *marks.values()))
    axes.set_ylim(0.4 - len(groups), 1.1)
    plain_log_axis(axes, [1, 1.5, 2, 3, 4, 5, 7, 10, 15, 20, 30, 50])
    axes.set_yticks(-np.arange(len(groups)), list(groups))
    axes.tick_params(axis="y", length=0, labelsize=9)
    axes.set_xlabel("slowdown: from the flow alone (1) to the prediction")


def plain_log_axis(axes: Axes, ticks: list[float]) -> None:
    """Makes the x axis logarithmic, with plain numbers at those ticks that are on it."""
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    inside = [tick for tick in ticks if low <= tick <= high]
    axes.set_xticks(inside, [f"{tick:g}" for tick in inside])
    axes.minorticks_off()
    axes.spines[["top", "right", "left"]].set_visible(False)


def factor(worth: float) -> str:
    return f"\N{MULTIPLICATION SIGN} {np.exp(worth):.2f}"


def spell_bytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} KB"
