"""One scenario: the truth, and what other simulators say about the same flows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from m4graph.core.errors import ConfigError
from m4graph.evaluation.report import Report
from m4graph.evaluation.scenario_results import ScenarioResults
from m4graph.results import SimulationResult

if TYPE_CHECKING:
    from rich.table import Table


class Comparison(ScenarioResults):
    """The errors of simulators in one scenario; made by :func:`compare`.

    Args:
        truth (SimulationResult): What the others are measured against.
        guesses (Mapping[str, SimulationResult]): The other results, by simulator.
        refusals (Mapping[str, str]): Simulators that cannot do it, and why. (default: none)
    """

    def to_frame(self) -> pd.DataFrame:
        """One row for each simulator, the truth first; see :meth:`Report.to_frame`."""
        return Report([self]).to_frame()

    def table(self) -> Table:
        """The errors and speeds as a table for the terminal."""
        return Report([self]).table()

    def markdown(self) -> str:
        """The same table in Markdown."""
        return Report([self]).markdown()

    def plot(self, path: str | Path, kind: str = "slowdown_cdf") -> None:
        """Draws one plot; see :meth:`Report.plot`."""
        Report([self]).plot(path, kind)

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


def compare(truth: SimulationResult, *guesses: SimulationResult) -> Comparison:
    """Compares results with the truth; flows that the truth did not finish are left out.

    Args:
        truth (SimulationResult): What the others are measured against.
        *guesses (SimulationResult): Results of other simulators for the same flows.

    Raises:
        ConfigError: If there is no guess, two results come from one simulator, or they are not
            about the same flows.
        SimulationError: If a guess lacks a flow that the truth finished.
    """
    if not guesses:
        raise ConfigError("compare: expected a result to compare with the truth (got none)")
    names = [result.simulator for result in (truth, *guesses)]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"compare: expected one result of each simulator (got two of {name})")
    comparison = Comparison(truth, dict(zip(names[1:], guesses, strict=True)))
    _ = comparison.errors  # Results that do not fit fail here, not when the table is asked for.
    return comparison
