"""Results side by side: with a truth, and what others say about the same flows, or without."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from m4graph.core.calls import plain_call
from m4graph.core.errors import ConfigError, one_of
from m4graph.core.schema import spell
from m4graph.evaluation.distributions import Distributions
from m4graph.evaluation.report import Report
from m4graph.evaluation.scenario_results import ScenarioResults
from m4graph.evaluation.showing import Showing
from m4graph.results import SimulationResult


@plain_call
class Comparison(ScenarioResults, Showing):
    """The errors of simulators in one scenario; made by :func:`compare`.

    Args:
        truth (SimulationResult): What the others are measured against.
        guesses (Mapping[str, SimulationResult]): The other results, by simulator.
        refusals (Mapping[str, str]): Simulators that cannot do it, and why. (default: none)
    """

    def to_frame(self) -> pd.DataFrame:
        """One row for each simulator, the truth first; see :meth:`Report.to_frame`."""
        return Report([self]).to_frame()

    def cells(self) -> pd.DataFrame:
        """What :meth:`table` shows, as text: errors and speeds."""
        return Report([self]).cells()

    def save(self, folder: str | Path) -> None:
        """Writes all tables and plots; see :meth:`Report.save`."""
        Report([self]).save(folder)

    def write_files(self, folder: Path) -> None:
        """Writes the files of :meth:`save` into a folder that exists."""
        Report([self]).write_files(folder)

    def __repr__(self) -> str:
        return (
            f"Comparison({self.name!r}, truth={self.truth.simulator!r}, "
            f"guesses={list(self.guesses)})"
        )


def compare(
    *results: SimulationResult,
    truth: str | None = None,
    **labelled: SimulationResult,
) -> Comparison | Distributions:
    """Compares results: with the truth flow by flow, or without one as distributions.

    .. code-block:: python

        m4.compare(packet, fluid, learned)             # the first one is the truth
        m4.compare(exact=a, fast=b, truth="exact")     # the same, under labels of one's own
        m4.compare(dctcp=a, hpcc=b)                    # no truth: any scenarios and simulators

    Args:
        *results (SimulationResult): Results under the names of their simulators.
        truth (str, optional): Which one the others are measured against; flows that it did not
            finish are left out. (default: the first of those that come without a label; none if
            all have one)
        **labelled (SimulationResult): Results under labels of one's own.

    Returns:
        Comparison or Distributions: The latter if there is no truth.

    Raises:
        ConfigError: If there are fewer than two results, one is none, two have one label, the
            truth is none of them, or the others are not about the flows of the truth.
        SimulationError: If a result lacks a flow that the truth finished.
    """
    by_label = _by_label(results, labelled)
    if truth is None and results:
        truth = next(iter(by_label))
    if len(by_label) < 2:
        got = ", ".join(by_label) or "none"
        raise ConfigError(f"compare: expected two results or more (got {got})")
    if truth is None:
        return Distributions(by_label)
    if truth not in by_label:
        raise ConfigError(f"compare, truth: expected {one_of(by_label)} (got {spell(truth)})")
    named = {label: replace(result, simulator=label) for label, result in by_label.items()}
    comparison = Comparison(named.pop(truth), named)
    _ = comparison.errors  # Results that do not fit fail here, not when the table is asked for.
    return comparison


def _by_label(
    results: Sequence[SimulationResult], labelled: Mapping[str, SimulationResult]
) -> dict[str, SimulationResult]:
    by_label: dict[str, SimulationResult] = {}
    for result in (*results, *labelled.values()):
        if not isinstance(result, SimulationResult):
            raise ConfigError(
                f"compare: expected results, as of m4.simulate (got {type(result).__name__})"
            )
    for label, result in [*((each.simulator, each) for each in results), *labelled.items()]:
        if label in by_label:
            raise ConfigError(
                f"compare: expected one result of each simulator (got two of {label}); labels tell "
                "them apart, as in m4.compare(before=a, after=b)"
            )
        by_label[label] = result
    return by_label
