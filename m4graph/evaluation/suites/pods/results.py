"""The numbers of a suite of pods: distances of distributions, by number of pods."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from m4graph.core.units import NS_PER_MS
from m4graph.evaluation.refusals import Refusals
from m4graph.evaluation.suites.pods.run import CaseRuns, PodRun
from m4graph.evaluation.suites.pods.suite import SMALL
from m4graph.metrics import bootstrap_interval, quantile_error, seed_noise, wasserstein
from m4graph.mimic.samples import HostSamples

NOISE = "noise of seeds"
"""The label of what the truth's own seeds are apart."""

MEASURES = {"rtt": "ms", "fct": "ms", "throughput": "kB"}
"""Distributions, and the units of their distances; throughput is by host and 100 ms."""

PERCENTS = (50, 90, 99)
DISTANCES = tuple(f"{name}_w1_{unit.lower()}" for name, unit in MEASURES.items())
QUANTILE_ERRORS = tuple(f"{name}_p{percent}_error" for name in MEASURES for percent in PERCENTS)
MARK_ERROR = "mark_share_error"
"""Of the share of ACKs that echo ECN's mark; relative, as those of percentiles."""


class PodResults:
    """What came out of a suite of pods.

    Args:
        suite (str): Its name.
        cases (Sequence[CaseRuns]): What was run.
    """

    def __init__(self, suite: str, cases: Sequence[CaseRuns]) -> None:
        self.suite = suite
        self.all_runs = [run for case in cases for run in case.runs]
        self.refusals = Refusals({each.case.name: each.refusals for each in cases})
        self.runs = pd.DataFrame(_rows(self.all_runs))

    @property
    def simulators(self) -> list[str]:
        """Labels, the truth first."""
        return list(dict.fromkeys(self.runs.sort_values("is_truth", ascending=False)["simulator"]))

    @cached_property
    def means(self) -> pd.DataFrame:
        """A row for each number of pods and simulator: means over seeds, and their intervals.

        Of each column of :data:`DISTANCES` and :data:`QUANTILE_ERRORS`, and of
        :data:`MARK_ERROR`, the mean, and, with ``_low`` and ``_high`` behind it, the ends of its
        interval (:func:`.bootstrap_interval`); means of ``mark_share``, ``cpu_s``,
        ``packet_hops``, ``share_unfinished``; ``num_seeds``. The row of :data:`NOISE` has distances
        only, of all pairs of the truth's seeds.
        """
        rows = []
        for num_pods, own in self.runs.groupby("num_pods"):
            for simulator in self.simulators:
                found = own[own["simulator"] == simulator]
                if len(found):
                    rows.append({"num_pods": num_pods, **_means(found)})
            rows.append({"num_pods": num_pods, **self._noise(int(str(num_pods)))})
        return pd.DataFrame(rows)

    def metrics(self) -> dict[str, Any]:
        """The content of ``metrics.json``: by simulator and number of pods its row of
        :attr:`means`; ``None`` where nothing is known.
        """
        found: dict[str, Any] = {}
        for row in self.means.to_dict("records"):
            plain = {str(key): _plain(value) for key, value in row.items()}
            name, num_pods = plain.pop("simulator"), plain.pop("num_pods")
            found.setdefault(name, {})[str(num_pods)] = plain
        return found

    def samples(self, simulator: str, num_pods: int, measure: str) -> list[NDArray[Any]]:
        """The samples of one of :data:`MEASURES`, in its unit, of each seed."""
        return [
            _in_units(run.samples, measure)
            for run in self.all_runs
            if run.simulator == simulator and (run.case.num_pods == num_pods or simulator == SMALL)
        ]

    def _noise(self, num_pods: int) -> dict[str, Any]:
        truth = self.simulators[0]
        row: dict[str, Any] = {"simulator": NOISE, "is_truth": False}
        for name, column in zip(MEASURES, DISTANCES, strict=True):
            samples = [each for each in self.samples(truth, num_pods, name) if len(each)]
            row[column] = seed_noise(samples) if len(samples) > 1 else math.nan
        return row


def _rows(runs: Sequence[PodRun]) -> Iterator[dict[str, Any]]:
    """A row for each run, and one for the small network beside each truth of its seed."""
    truths = {(run.case.num_pods, run.case.seed): run for run in runs if run.is_truth}
    for (num_pods, seed), truth in truths.items():
        for run in runs:
            is_about = run.case.num_pods == num_pods or run.case.role == SMALL
            if run.case.seed == seed and is_about:
                yield {"num_pods": num_pods, "seed": seed, **_row(run, truth)}


def _row(run: PodRun, truth: PodRun) -> dict[str, Any]:
    row: dict[str, Any] = {"simulator": run.simulator, "is_truth": run.is_truth}
    for name, column in zip(MEASURES, DISTANCES, strict=True):
        guess, true = (_in_units(each.samples, name) for each in (run, truth))
        known = len(guess) > 0 and not run.is_truth
        row[column] = wasserstein(guess, true) if known else math.nan
        for percent in PERCENTS:
            error = quantile_error(guess, true, percent) if known else math.nan
            row[f"{name}_p{percent}_error"] = error
    row["mark_share"] = share = _mark_share(run)
    true_share = _mark_share(truth)
    row[MARK_ERROR] = share / true_share - 1 if true_share > 0 and not run.is_truth else math.nan
    num_flows = len(run.samples.fct_ns) + run.samples.num_unfinished
    unfinished = run.samples.num_unfinished / num_flows if num_flows else math.nan
    return row | {"share_unfinished": unfinished, **asdict(run.cost)}


def _mark_share(run: PodRun) -> float:
    marked = run.samples.marked
    return float(marked.mean()) if len(marked) else math.nan


def _in_units(samples: HostSamples, measure: str) -> NDArray[Any]:
    if measure == "throughput":
        return samples.throughput_bytes / 1000
    return getattr(samples, f"{measure}_ns") / NS_PER_MS  # type: ignore[no-any-return]


def _means(rows: pd.DataFrame) -> dict[str, Any]:
    first = rows.iloc[0]
    found = {"simulator": first["simulator"], "is_truth": bool(first["is_truth"])}
    for column in (*DISTANCES, *QUANTILE_ERRORS, MARK_ERROR):
        values = rows[column].dropna()
        low, high = bootstrap_interval(values) if len(values) else (math.nan, math.nan)
        found |= {column: values.mean(), f"{column}_low": low, f"{column}_high": high}
    for column in ("mark_share", "cpu_s", "packet_hops", "share_unfinished"):
        found[column] = rows[column].mean()
    return found | {"num_seeds": len(rows)}


def _plain(value: Any) -> Any:
    plain = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(plain, float) and not math.isfinite(plain) else plain
