"""The plots of a suite of pods: errors and seconds by number of pods, distributions of RTTs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from m4graph.evaluation.plots.figure import (
    TRUTH_COLOUR,
    legend,
    literal,
    log_axis,
    panels,
    save_figure,
    simulator_colours,
)
from m4graph.evaluation.suites.pods.results import DISTANCES, MEASURES, NOISE, PodResults

_NOISE_COLOUR = "#999999"
_PANELS_A_ROW = 2
_CDF_POINTS = 400
_SHOWN_SHARE = 99.0
"""Of round-trip times; the last percent would take half of the axis."""


def draw(name: str, report: PodResults, path: Path) -> None:
    """Draws one of :data:`PLOTS` into a file.

    Raises:
        InputError: If nothing can be written there.
    """
    save_figure(PLOTS[name](report), path)


def errors(report: PodResults) -> Figure:
    """Distances by number of pods, with intervals over seeds, and the noise of the truth's."""
    title = f"Suite {report.suite}: distance to the truth of what hosts of pod 0 see"
    figure, axes = panels(title, 1, len(MEASURES))
    means = report.means
    for each, (name, unit), column in zip(axes[0], MEASURES.items(), DISTANCES, strict=True):
        noise = means[means["simulator"] == NOISE]
        each.plot(noise["num_pods"], noise[column], "--", color=_NOISE_COLOUR, lw=1.8)
        for label, colour in _colours(report).items():
            own = means[means["simulator"] == label].dropna(subset=[column])
            ends = [abs(own[column] - own[f"{column}_{end}"]) for end in ("low", "high")]
            each.errorbar(
                own["num_pods"], own[column], ends, color=colour, marker="o", ms=4, capsize=3
            )
        each.set_ylim(bottom=0)
        _pod_axis(each, means["num_pods"])
        each.set_ylabel(f"W1 of {_NAMES[name]}, {unit}", fontsize=10)
    noise_line = Line2D([], [], color=_NOISE_COLOUR, ls="--", label=NOISE)
    legend(figure, [*_handles(_colours(report)), noise_line])
    return figure


def cpu(report: PodResults) -> Figure:
    """Seconds of one core by number of pods."""
    figure, axes = panels(f"Suite {report.suite}: seconds of one core", 1, 1, (6.6, 4.0))
    means, colours = report.means, {report.simulators[0]: TRUTH_COLOUR} | _colours(report)
    shown = means[means["cpu_s"].notna()]
    for label, colour in colours.items():
        own = shown[shown["simulator"] == label]
        axes[0, 0].plot(own["num_pods"], own["cpu_s"], "o-", color=colour, ms=4)
    low, high = shown["cpu_s"].min(), shown["cpu_s"].max()
    log_axis(axes[0, 0].yaxis, low / 1.3, high * 1.3, lambda value: f"{value:g}")
    _pod_axis(axes[0, 0], means["num_pods"])
    axes[0, 0].set_ylabel("CPU seconds", fontsize=10)
    legend(figure, _handles(colours))
    return figure


def rtt_cdf(report: PodResults) -> Figure:
    """Round-trip times of all seeds together, a panel for each number of pods."""
    sizes = sorted(report.means["num_pods"].unique())
    num_columns = min(_PANELS_A_ROW, len(sizes))
    title = f"Suite {report.suite}: round-trip times of pod 0"
    figure, axes = panels(title, -(-len(sizes) // num_columns), num_columns)
    colours = {report.simulators[0]: TRUTH_COLOUR} | _colours(report)
    share = np.linspace(0, 100, _CDF_POINTS)
    for each, num_pods in zip(axes.flat, sizes, strict=False):
        for label, colour in colours.items():
            samples = np.concatenate([np.zeros(0), *report.samples(label, num_pods, "rtt")])
            if len(samples):
                width = 2.6 if colour == TRUTH_COLOUR else 1.5
                each.plot(np.percentile(samples, share), share / 100, color=colour, lw=width)
        truth = np.concatenate(report.samples(report.simulators[0], num_pods, "rtt"))
        each.set_xlim(0, 1.3 * np.percentile(truth, _SHOWN_SHARE))
        each.set_ylim(0, 1.01)
        each.set_title(f"{num_pods} pods", fontsize=11)
        each.set_xlabel("round-trip time, ms", fontsize=10)
        each.set_ylabel("share of segments", fontsize=10)
    for each in axes.flat[len(sizes) :]:
        each.set_visible(False)
    legend(figure, _handles(colours))
    return figure


def _colours(report: PodResults) -> dict[str, str]:
    """A colour for each simulator but the truth."""
    return simulator_colours(report.simulators[1:])


def _handles(colours: dict[str, str]) -> list[Line2D]:
    return [
        Line2D([], [], color=colour, lw=2.5, label=literal(name))
        for name, colour in colours.items()
    ]


def _pod_axis(axes: Axes, num_pods: pd.Series[int]) -> None:
    """An axis with a tick for each number of pods, a factor of two equally far everywhere."""
    sizes = sorted(num_pods.unique())
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_locator(FixedLocator(sizes))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("pods", fontsize=10)


PLOTS = {"errors": errors, "cpu": cpu, "rtt_cdf": rtt_cdf}
_NAMES = {"rtt": "RTT", "fct": "FCT", "throughput": "throughput"}
