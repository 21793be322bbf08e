"""The flows that a page holds, and the charts of their slowdowns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from m4graph.core.units import NS_PER_US
from m4graph.evaluation.samples import Sample, quantile_of, size_bins
from m4graph.report.plain import counted, short
from m4graph.report.run import Run

MOST_FLOWS = 20_000
"""A page of more flows has the slowest of them only, and its dots stand for many."""

_KEPT_OF_MORE = 5000
_CELLS = 48
_MOST_POINTS = 500
_LEVELS = {"median": 0.5, "99th percentile": 0.99}
_SLOWDOWN = {"name": "slowdown", "scale": "log"}
_SIZE = {"name": "flow size", "scale": "log", "unit": "bytes"}


def kept_rows(run: Run) -> NDArray[np.int64]:
    """Rows of the flows that the page holds, by slowdown; those that did not finish come first."""
    rows = np.concatenate((np.flatnonzero(~run.main.finished), run.by_slowdown))
    return rows if len(rows) <= MOST_FLOWS else rows[:_KEPT_OF_MORE]


def flow_columns(run: Run, rows: NDArray[np.int64], direction: NDArray[np.int64]) -> dict[str, Any]:
    """Columns of flows.

    Args:
        run (Run): The run.
        rows (np.ndarray): Which flows.
        direction (np.ndarray): What the page calls each link of the network.
    """
    workload, routes = run.scenario.workload, run.scenario.routes
    start_ns = np.where(run.main.start_ns < 0, np.nan, run.main.start_ns)
    return {
        "id": workload.id[rows].tolist(),
        "src": workload.src[rows].tolist(),
        "dst": workload.dst[rows].tolist(),
        "size_bytes": workload.size_bytes[rows].tolist(),
        "start_us": short(start_ns[rows] / NS_PER_US, 8),
        "ideal_us": short(run.main.ideal_fct_ns[rows] / NS_PER_US),
        "route": [direction[routes.data_route(row)].tolist() for row in rows.tolist()],
        "slowdown": {name: short(values[rows]) for name, values in run.slowdowns.items()},
    }


def cdf_section(samples: Sequence[Sample]) -> dict[str, Any]:
    """The distribution function of the slowdowns, and that of the tail."""
    below, above = [], []
    for sample in samples:
        slowdown, share = _distribution(sample.slowdown)
        below.append(_line(sample.name, slowdown, share))
        left = share < 1
        above.append(_line(sample.name, slowdown[left], 1 - share[left]))
    share_axis = {"name": "flows with at most this slowdown", "unit": "percent", "max": 1}
    tail_axis = {"name": "flows with a larger slowdown", "unit": "percent", "scale": "log"}
    has_truth = any(sample.is_truth for sample in samples)
    return {
        "kind": "chart",
        "title": "Slowdowns",
        "text": "Slowdown is a flow's completion time over its time alone in the network: 1 is a "
        "flow that nobody held up." + (_TRUTH if has_truth else ""),
        "views": [
            {"name": "all flows", "x": _SLOWDOWN, "y": share_axis, "series": below},
            {"name": "tail", "x": _SLOWDOWN, "y": tail_axis, "series": above},
        ],
    }


_TRUTH = " A good simulator lies on the truth."


def size_section(samples: Sequence[Sample], run: Run | None = None) -> dict[str, Any]:
    """Percentiles of the slowdowns by flow size.

    Args:
        samples (Sequence[Sample]): The slowdowns of each result.
        run (Run, optional): To show the flows themselves, too.
    """
    views = [
        {"name": name, "x": _SIZE, "y": _SLOWDOWN, "series": _by_size(samples, quantile)}
        for name, quantile in _LEVELS.items()
    ]
    text = "Each point is the flows of similar sizes, 30 or more."
    if run is not None:
        sizes = run.scenario.workload.size_bytes
        dots = _dots(run, list(run.slowdowns), "size_bytes", sizes)
        views.append({"name": "flows", "x": _SIZE, "y": _SLOWDOWN} | dots)
        text += _binned(run)
    return {"kind": "chart", "title": "Slowdown by flow size", "text": text, "views": views}


def truth_section(run: Run) -> dict[str, Any]:
    """What simulators say of each flow, over what the truth says."""
    truth = str(run.truth)
    others = [name for name in run.slowdowns if name != truth]
    axis = {"name": f"slowdown in {truth}", "scale": "log"}
    dots = _dots(run, others, f"slowdown {truth}", run.slowdowns[truth])
    view = {"name": "flows", "x": axis, "y": _SLOWDOWN, "diagonal": True} | dots
    return {
        "kind": "chart",
        "title": "Each flow: predicted over true",
        "text": "On the line the prediction is right." + _binned(run),
        "views": [view],
    }


def _dots(run: Run, names: list[str], x: str, values: NDArray[Any]) -> dict[str, Any]:
    """A dot for each flow that the page holds, or, of many flows, one for those of a cell."""
    if run.main.num_flows <= MOST_FLOWS:
        series = [{"name": name, "x": x, "y": f"slowdown {name}"} for name in names]
        return {"series": series, "dots": "flows"}
    cells = [{"name": name, "points": _cells(values, run.slowdowns[name])} for name in names]
    return {"series": cells, "dots": "cells"}


def _cells(x: NDArray[Any], y: NDArray[np.float64]) -> list[list[Any]]:
    """Middle and number of flows of each cell with flows, of a grid with logarithmic axes."""
    known = np.isfinite(x) & np.isfinite(y)
    if not known.any():
        return []
    counts, *edges = np.histogram2d(np.log(x[known]), np.log(y[known]), bins=_CELLS)
    middle_x, middle_y = (np.exp((edge[1:] + edge[:-1]) / 2) for edge in edges)
    column, row = np.nonzero(counts)
    numbers = counts[column, row].astype(np.int64).tolist()
    both = zip(short(middle_x[column]), short(middle_y[row]), numbers, strict=True)
    return [list(each) for each in both]


def _by_size(samples: Sequence[Sample], quantile: float) -> list[dict[str, Any]]:
    bins = size_bins([each.size_bytes for each in samples])
    lines = []
    for sample, of_bins in zip(samples, zip(*bins, strict=True), strict=True):
        filled = [flows for flows in of_bins if len(flows)]
        centres = [np.exp(np.log(sample.size_bytes[flows]).mean()) for flows in filled]
        levels = [quantile_of(sample.slowdown[flows], quantile) for flows in filled]
        lines.append(_line(sample.name, np.array(centres), np.array(levels)) | {"marks": True})
    return lines


def _distribution(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Slowdowns, and the share of flows that have at most each; more of them in the tail."""
    if not len(values):
        return values, values
    tail = 1 - np.geomspace(1, 1 / len(values), _MOST_POINTS // 2)
    levels = np.union1d(np.linspace(0, 1, _MOST_POINTS // 2), tail)
    numbers = np.unique(np.ceil(levels * len(values)).clip(1).astype(np.int64))
    return np.sort(values)[numbers - 1], numbers / len(values)


def _line(name: str, x: NDArray[np.float64], y: NDArray[np.float64]) -> dict[str, Any]:
    return {"name": name, "points": [list(pair) for pair in zip(short(x), short(y), strict=True)]}


def _binned(run: Run) -> str:
    if run.main.num_flows <= MOST_FLOWS:
        return ""
    return (
        f" Of {counted(run.main.num_flows, 'flow')} a dot stands for all in its cell; a larger dot "
        "is more flows."
    )
