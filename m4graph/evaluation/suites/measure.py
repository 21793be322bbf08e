"""One scenario of a suite: what was run, and the rows that it adds to the suite's tables."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from m4graph.core.units import BITS_PER_BYTE, NS_PER_S
from m4graph.evaluation.scenario_results import ScenarioResults
from m4graph.evaluation.tables import ERROR_COLUMNS
from m4graph.metrics import per_flow_error
from m4graph.results import QUANTILES, SimulationResult
from m4graph.results.quantiles import ordered_quantiles, quantile_name
from m4graph.scenario import Scenario
from m4graph.scenario.congestion import BASE_RTT_NS

COLUMNS = (
    "scenario",
    "simulator",
    "is_truth",
    *ERROR_COLUMNS,
    "completion_time_error",
    "throughput_error",
    "num_compared",
    "num_left_out",
    "num_events",
    "packet_hops",
    "wall_s",
)
"""Of ``scenarios.csv``, before the labels of the scenario."""

SIZE_GROUPS = ("one packet", "one window", "ten windows", "longer")
"""Flows that fit into a packet; else into the first window; into ten of them; and all others."""


@dataclass(frozen=True)
class Record:
    """The rows of one scenario, plain values all of them.

    Args:
        scenario (str): Its name.
        rows (list): One for each simulator, the truth first: the columns of ``scenarios.csv``.
        sizes (list): One for each simulator but the truth and each group of flows by size: the
            columns of ``by_size.csv``.
        warnings (tuple): What simulators warned of.
        refusals (Mapping): Simulators that cannot do it, and why; they have no row.
        coverage (list): One for each quantile of each simulator that predicts some: the columns of
            ``coverage.csv``.
    """

    scenario: str
    rows: list[dict[str, Any]]
    sizes: list[dict[str, Any]]
    warnings: tuple[str, ...] = ()
    refusals: Mapping[str, str] = field(default_factory=dict)
    coverage: list[dict[str, Any]] = field(default_factory=list)


def record(
    labels: Mapping[str, str | float], results: ScenarioResults, warnings: tuple[str, ...] = ()
) -> Record:
    """Measures the guesses at the truth.

    Args:
        labels (Mapping): What the scenario is about.
        results (ScenarioResults): The truth, and the guesses, each under its label.
        warnings (tuple): What simulators warned of. (default: none)

    Raises:
        SimulationError: If the truth finished nothing, or a guess lacks a flow that it finished.
    """
    pairs = [(guess, results.truth_of(name)) for name, guess in results.guesses.items()]
    throughput = [math.nan, *(throughput_error(guess, truth) for guess, truth in pairs)]
    return Record(
        scenario=results.name,
        rows=[
            {name: (row | {"throughput_error": error})[name] for name in COLUMNS} | dict(labels)
            for row, error in zip(results.rows(), throughput, strict=True)
        ],
        sizes=[
            {"scenario": results.name, "simulator": guess.simulator, **row}
            for guess, truth in pairs
            for row in _by_size(guess, truth)
        ],
        warnings=warnings,
        refusals=results.refusals,
        coverage=[
            {"scenario": results.name, "simulator": guess.simulator, **row}
            for guess, truth in pairs
            for row in _coverage(guess, truth)
        ],
    )


def size_groups(scenario: Scenario) -> NDArray[np.int64]:
    """The group of each flow, an index into :data:`SIZE_GROUPS`; int64 ``[num_flows]``.

    Without a window, it is what the fastest host link sends in the base RTT of 14.4 us.
    """
    window = scenario.congestion_control.fixed_window_bytes
    if window is None:
        fastest = int(scenario.arrays.link_rate_bps[scenario.arrays.nic_links].max())
        window = fastest * BASE_RTT_NS // NS_PER_S // BITS_PER_BYTE
    # A packet may be larger than the window; then no flow is in the second group.
    payload = scenario.config.payload_bytes
    bounds = np.maximum.accumulate([payload, window, 10 * window])
    return np.searchsorted(bounds, scenario.workload.size_bytes, side="left")


def throughput_error(guess: SimulationResult, truth: SimulationResult) -> float:
    """Relative error of the flows per second, from the first start to the last finish.

    NaN if one of the two did not finish all flows.
    """
    guess_ns, true_ns = guess.completion_time_ns, truth.completion_time_ns
    if guess_ns is None or true_ns is None:
        return math.nan
    return abs(true_ns / guess_ns - 1)


def _coverage(guess: SimulationResult, truth: SimulationResult) -> Iterator[dict[str, Any]]:
    """Shares of flows whose true slowdown is at or below each predicted quantile."""
    if QUANTILES not in guess.extra:
        return
    known = truth.finished
    found = ordered_quantiles(guess.slowdown, guess.extra[QUANTILES])
    for level, values in found.items():
        yield {
            "quantile": quantile_name(level),
            "level": level,
            "num_flows": int(known.sum()),
            "coverage": float((truth.slowdown[known] <= values[known]).mean()),
        }


def _by_size(guess: SimulationResult, truth: SimulationResult) -> Iterator[dict[str, Any]]:
    error = per_flow_error(guess.slowdown, truth.slowdown)
    groups = size_groups(truth.scenario)
    for index, name in enumerate(SIZE_GROUPS):
        own = error[(groups == index) & truth.finished]
        if len(own):
            yield {
                "size": name,
                "num_flows": len(own),
                "mean_error": float(own.mean()),
                "p90_error": float(np.percentile(own, 90)),
            }
