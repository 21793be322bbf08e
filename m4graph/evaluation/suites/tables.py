"""The tables of a suite as text: for the terminal, and in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from m4graph.evaluation.suites.measure import SIZE_GROUPS
from m4graph.evaluation.suites.published import published
from m4graph.evaluation.suites.results import SuiteResults
from m4graph.evaluation.tables import ERROR_TITLES, made_by, markdown, percent, rich_table
from m4graph.simulators import BASELINE

if TYPE_CHECKING:
    from rich.table import Table

LABELS = (
    "algorithm",
    "sizes",
    "matrix",
    "oversubscription",
    "topology",
    "operation",
    "limit",
    "load",
)
_LOAD_BINS = 3


def terminal_table(report: SuiteResults) -> Table:
    """The means over the scenarios, and the published figures below them."""
    cells = pd.DataFrame(_mean_rows(report))
    known = published(report.suite)
    if known is not None:
        rows = [_published_row(row, list(cells.columns)) for row in known.rows]
        cells = pd.concat([cells, pd.DataFrame(rows)], ignore_index=True)
    cells.insert(0, "scenario", f"{report.suite}: means over {_num_scenarios(report)} scenarios")
    return rich_table(cells)


def summary(report: SuiteResults, plots: Sequence[str]) -> str:
    """The content of ``summary.md``."""
    parts = [
        f"# Suite {report.suite}",
        f"Means over {_num_scenarios(report)} scenarios. {_NOTE}",
        markdown(pd.DataFrame(_mean_rows(report))),
    ]
    parts += [f"Warning: {text}." for text in report.warnings]
    parts += report.refusals.lines()
    known = published(report.suite)
    if known is not None:
        rows = [_published_row(row, _PUBLISHED_COLUMNS) for row in known.rows]
        cells = pd.DataFrame(rows)
        shown = cells.loc[:, (cells != "-").any()]
        parts += ["## Published figures", known.source, markdown(shown)]
    if len(report.coverage):
        parts += ["## Coverage", _COVERAGE_NOTE, markdown(coverage_cells(report))]
    if len(report.by_size):
        parts += ["## Mean error by flow size", _SIZE_NOTE, markdown(size_cells(report))]
    groups = group_cells(report)
    if len(groups):
        parts += ["## Mean error by kind of scenario", markdown(groups)]
        if report.closed_loop:
            times = group_cells(report, "completion_time_error")
            parts += ["## Completion-time error by kind of scenario", markdown(times)]
    parts += [f"![{name.replace('_', ' ')}]({name}.png)" for name in plots]
    parts.append(made_by())
    return "\n\n".join(parts) + "\n"


def size_means(report: SuiteResults) -> pd.DataFrame:
    """Mean errors ``[size group, simulator]``, each a plain mean over scenarios."""
    means = report.by_size.groupby(["size", "simulator"], sort=False)["mean_error"].mean()
    frame = means.unstack("simulator")
    order = [name for name in SIZE_GROUPS if name in frame.index]
    return frame.loc[order, list(dict.fromkeys(report.by_size["simulator"]))]


def label_groups(report: SuiteResults, column: str = "mean_error") -> dict[str, pd.DataFrame]:
    """For each label that tells scenarios apart: means of an error ``[value, simulator]``."""
    guesses = report.scenarios[~report.scenarios["is_truth"]]
    names = list(dict.fromkeys(guesses["simulator"]))
    found = {}
    for label in LABELS:
        if label not in guesses or guesses[label].nunique() < 2:
            continue
        values = guesses[label].map(_spelled) if label != "load" else _load_ranges(guesses[label])
        means = guesses.groupby([values, "simulator"], sort=False)[column].mean()
        frame = means.unstack("simulator")
        order = _order(guesses[label], values)
        found[label] = frame.loc[order, names]
    return found


def size_cells(report: SuiteResults) -> pd.DataFrame:
    """:func:`size_means` as text, with the number of flows."""
    first = report.by_size["simulator"].iloc[0]
    own = report.by_size[report.by_size["simulator"] == first]
    counts = own.groupby("size")["num_flows"].sum()
    means = size_means(report)
    rows = [
        {"flows of": name, "number": f"{counts[name]:,}"}
        | {column: percent(means.loc[name, column]) for column in means.columns}
        for name in means.index
    ]
    return pd.DataFrame(rows)


def coverage_cells(report: SuiteResults) -> pd.DataFrame:
    """The coverage of each predicted quantile as text."""
    means = report.coverage_means
    rows = [
        {"simulator": name} | {column: percent(means.loc[name, column]) for column in means.columns}
        for name in means.index
    ]
    return pd.DataFrame(rows)


def group_cells(report: SuiteResults, column: str = "mean_error") -> pd.DataFrame:
    """:func:`label_groups` as text, one below the other."""
    rows = [
        {"": label, "value": str(value)}
        | {name: percent(frame.loc[value, name]) for name in frame.columns}
        for label, frame in label_groups(report, column).items()
        for value in frame.index
    ]
    return pd.DataFrame(rows)


_NOTE = (
    "The error of a flow is |predicted - true| / true, of its slowdown. Mean and p90 are over the "
    "flows of a scenario; the p99-tail error compares the 99th percentiles of the slowdowns; then "
    "the plain mean over scenarios. Seconds are those of the simulation alone, after compilation "
    "and loading, of whenever it ran; results of deterministic simulators may come "
    "from the cache. Events are flow arrivals and departures."
)

_SIZE_NOTE = (
    "Flows that fit into one packet; else into the first window; else into ten windows; and longer."
)

_COVERAGE_NOTE = (
    "The share of flows whose true slowdown is at or below the predicted quantile; then the plain "
    "mean over scenarios. A calibrated p90 has 90 %."
)

_PUBLISHED_COLUMNS = (
    "simulator",
    "mean error",
    "p90 error",
    "p99-tail error",
    "completion-time error",
    "mean wall s",
)


def _num_scenarios(report: SuiteResults) -> int:
    return int(report.scenarios["scenario"].nunique())


def _mean_rows(report: SuiteResults) -> Iterator[dict[str, str]]:
    left_out = report.means["num_left_out"].any()
    metrics = report.metrics()
    for row in report.means.to_dict("records"):
        own = metrics[row["simulator"]]
        cells = {"simulator": str(row["simulator"])}
        cells |= {title: percent(row[name]) for name, title in ERROR_TITLES.items()}
        if row["is_truth"]:
            cells["mean error"] = "truth"
        if any(f"mean_error_to_{BASELINE}" in each for each in metrics.values()):
            ratio = own.get(f"mean_error_to_{BASELINE}")
            cells[f"mean / {BASELINE}"] = "-" if ratio is None else f"{ratio:.2f}"
        if report.closed_loop:
            cells["completion-time error"] = percent(row["completion_time_error"])
            cells["throughput error"] = percent(row["throughput_error"])
        if left_out:
            cells["left out"] = str(row["num_left_out"])
        if report.refusals.counts:
            cells["refused"] = str(row["num_refused"])
        cells["mean wall s"] = _seconds(row["mean_wall_s"])
        known = row["wall_s"] > 0
        cells["us/event"] = f"{1e6 * row['wall_s'] / row['num_events']:.3g}" if known else "-"
        yield cells


def _published_row(row: Mapping[str, Any], columns: Sequence[str]) -> dict[str, str]:
    cells = {title: percent(row.get(name, np.nan)) for name, title in ERROR_TITLES.items()}
    cells["completion-time error"] = percent(row.get("completion_time_error", np.nan))
    cells["mean wall s"] = _seconds(row.get("mean_wall_s", np.nan))
    cells["simulator"] = f"{row['simulator']} (published)"
    return {column: cells.get(column, "-") for column in columns}


def _seconds(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.3g}"


def _spelled(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _load_ranges(loads: pd.Series[Any]) -> pd.Series[Any]:
    """Loads as the range that they are in; few different ones stay as they are."""
    if loads.nunique() <= _LOAD_BINS:
        return loads.map(_spelled)
    edges = np.linspace(loads.min(), loads.max(), _LOAD_BINS + 1)
    group = np.clip(np.searchsorted(edges, loads, side="right") - 1, 0, _LOAD_BINS - 1)
    names = [f"{edges[i]:.2f} to {edges[i + 1]:.2f}" for i in range(_LOAD_BINS)]
    return pd.Series([names[i] for i in group], index=loads.index)


def _order(raw: pd.Series[Any], values: pd.Series[Any]) -> list[str]:
    """The values in the order of what they stand for."""
    pairs = dict(sorted(zip(raw, values, strict=True), key=lambda pair: _sortable(pair[0])))
    return list(dict.fromkeys(pairs.values()))


def _sortable(value: Any) -> tuple[float, str]:
    number = isinstance(value, int | float)
    return (float(value), "") if number else (0.0, str(value))
