"""The table and the files of an evaluated suite of pods."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from m4graph.core.files import whole_folder
from m4graph.core.provenance import provenance
from m4graph.core.yaml_file import write_yaml
from m4graph.evaluation.suites.pods.results import (
    DISTANCES,
    MARK_ERROR,
    MEASURES,
    NOISE,
    PERCENTS,
    PodResults,
)
from m4graph.evaluation.suites.pods.run import CaseRuns
from m4graph.evaluation.tables import made_by, markdown, rich_table

if TYPE_CHECKING:
    from rich.table import Table


class PodReport(PodResults):
    """What came out of a suite of pods, as a table and as files.

    Args:
        suite (str): Its name.
        cases (Sequence[CaseRuns]): What was run.
        configuration (Mapping): What was run, for ``evaluation.yaml``.
    """

    warnings: tuple[str, ...] = ()

    def __init__(
        self, suite: str, cases: Sequence[CaseRuns], configuration: Mapping[str, Any]
    ) -> None:
        super().__init__(suite, cases)
        self.configuration = dict(configuration)

    def table(self) -> Table:
        """The distances, by number of pods."""
        cells = distance_cells(self.means)
        cells.insert(0, "scenario", [f"{row} pods" for row in self.means["num_pods"]])
        return rich_table(cells.drop(columns="pods"))

    def save(self, folder: Path) -> None:
        """Writes all tables and plots; where there is a ``metrics.json``, all of them are there.

        ``metrics.json``, ``scenarios.csv`` (a row for each run), ``means.csv``, ``summary.md``,
        ``evaluation.yaml``, and the plots ``errors.png``, ``cpu.png``, ``rtt_cdf.png``.

        Args:
            folder (Path): A new folder in one that exists, or one that is there already.

        Raises:
            InputError: If nothing can be written there.
        """
        from m4graph.evaluation.suites.pods.plots import PLOTS, draw

        with whole_folder(folder, mark="metrics.json") as scratch:
            self.runs.to_csv(scratch / "scenarios.csv", index=False, lineterminator="\n")
            self.means.to_csv(scratch / "means.csv", index=False, lineterminator="\n")
            text = json.dumps(self.metrics(), indent=2, allow_nan=False)
            (scratch / "metrics.json").write_text(text + "\n", encoding="utf-8")
            for name in PLOTS:
                draw(name, self, scratch / f"{name}.png")
            (scratch / "summary.md").write_text(summary(self, list(PLOTS)), encoding="utf-8")
            write_yaml(scratch / "evaluation.yaml", {**self.configuration, **provenance()})


def summary(report: PodResults, plots: Sequence[str]) -> str:
    """The content of ``summary.md``."""
    seeds = report.runs["seed"].nunique()
    parts = [
        f"# Suite {report.suite}",
        f"Means over {seeds} seeds. {_NOTE}",
        markdown(distance_cells(report.means)),
        "## Errors of percentiles",
        _PERCENT_NOTE,
        markdown(quantile_cells(report.means)),
    ]
    if (report.means["mark_share"] > 0).any():
        parts += ["## Marks", _MARK_NOTE, markdown(mark_cells(report.means))]
    parts += [
        "## What a run takes",
        _COST_NOTE,
        markdown(cost_cells(report.means)),
    ]
    parts += report.refusals.lines()
    parts += [f"![{name.replace('_', ' ')}]({name}.png)" for name in plots]
    return "\n\n".join([*parts, made_by()]) + "\n"


def distance_cells(means: pd.DataFrame) -> pd.DataFrame:
    """Distances with their intervals, as text."""
    rows = []
    for row in means.to_dict("records"):
        cells = {"pods": str(row["num_pods"]), "simulator": _name(row)}
        for (name, unit), column in zip(MEASURES.items(), DISTANCES, strict=True):
            cells[f"{_TITLES[name]} W1, {unit}"] = _with_interval(row, column)
        rows.append(cells)
    return pd.DataFrame(rows)


def quantile_cells(means: pd.DataFrame) -> pd.DataFrame:
    """Errors of percentiles, as text."""
    rows = []
    for row in means[~means["is_truth"] & (means["simulator"] != NOISE)].to_dict("records"):
        cells = {"pods": str(row["num_pods"]), "simulator": row["simulator"]}
        for name in MEASURES:
            errors = [row[f"{name}_p{percent}_error"] for percent in PERCENTS]
            cells[f"{_TITLES[name]} p50 / p90 / p99"] = " / ".join(map(_signed_percent, errors))
        rows.append(cells)
    return pd.DataFrame(rows)


def mark_cells(means: pd.DataFrame) -> pd.DataFrame:
    """Shares of ACKs that echo ECN's mark, and their errors with their intervals, as text."""
    rows = []
    for row in means[means["mark_share"].notna()].to_dict("records"):
        error, low, high = (_signed_percent(row[MARK_ERROR + end]) for end in ("", "_low", "_high"))
        cells = {"pods": str(row["num_pods"]), "simulator": _name(row)}
        cells["marked ACKs"] = _signed_percent(row["mark_share"]).lstrip("+")
        cells["error"] = "-" if row["is_truth"] else f"{error} ({low} to {high})"
        rows.append(cells)
    return pd.DataFrame(rows)


def cost_cells(means: pd.DataFrame) -> pd.DataFrame:
    """CPU seconds and packet-hops, and their ratios to the truth's, as text."""
    truths = means[means["is_truth"]].set_index("num_pods")
    rows = []
    for row in means[means["simulator"] != NOISE].to_dict("records"):
        truth = truths.loc[row["num_pods"]]
        cells = {
            "pods": str(row["num_pods"]),
            "simulator": _name(row),
            "CPU s": _figure(row["cpu_s"]),
            "packet-hops": f"{row['packet_hops'] / 1e6:.1f} M",
            "unfinished": _signed_percent(row["share_unfinished"]).lstrip("+"),
        }
        for title, column in (("CPU", "cpu_s"), ("hops", "packet_hops")):
            own = row[column]
            cells[f"truth's {title} / own"] = _figure(truth[column] / own) if own > 0 else "-"
        rows.append(cells)
    return pd.DataFrame(rows)


_TITLES = {"rtt": "RTT", "fct": "FCT", "throughput": "throughput"}
_NOTE = (
    "W1 is the Wasserstein-1 distance to the truth of the same seed, of what hosts of pod 0 see: "
    "RTTs of their segments, FCTs of flows with an end there, bytes that arrive at a host in 100 "
    "ms. In brackets the 95 % interval of the mean over seeds. The noise of seeds is the distance "
    "between seeds of the truth."
)
_PERCENT_NOTE = "Relative, above 0 where the simulator's is larger; means over seeds."
_MARK_NOTE = (
    "Of the ACKs that come to hosts of pod 0, the share that echoes ECN's mark; and how far it is "
    "off the truth's of the same seed, relative."
)
_COST_NOTE = (
    "Seconds of one core, without compilation, of whenever it ran; with the recording of what "
    "hosts see. Without the small run and the fit of a mimic."
)


def _name(row: Mapping[Any, Any]) -> str:
    return f"{row['simulator']} (truth)" if row["is_truth"] else str(row["simulator"])


def _with_interval(row: Mapping[Any, Any], column: str) -> str:
    mean, low = row[column], row.get(f"{column}_low", math.nan)
    if math.isnan(mean):
        return "-"
    if math.isnan(low):
        return _figure(mean)
    return f"{_figure(mean)} ({_figure(low)} to {_figure(row[f'{column}_high'])})"


def _figure(value: float) -> str:
    return f"{value:.3g}"


def _signed_percent(value: float) -> str:
    return "-" if math.isnan(value) else f"{100 * value:+.1f} %"
