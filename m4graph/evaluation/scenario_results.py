"""What simulators say about the flows of one scenario, and how far that is from the truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from m4graph.metrics import ErrorSummary, errors
from m4graph.results import SimulationResult


@dataclass(frozen=True, eq=False)
class ScenarioResults:
    """The results of simulators in one scenario.

    Args:
        truth (SimulationResult): What the others are measured against.
        guesses (Mapping[str, SimulationResult]): The other results, by simulator.
    """

    truth: SimulationResult
    guesses: Mapping[str, SimulationResult]

    @property
    def name(self) -> str:
        """The scenario's name."""
        return self.truth.scenario.name

    @cached_property
    def errors(self) -> dict[str, ErrorSummary]:
        """The errors of each simulator but the truth, as :mod:`m4graph.metrics` defines them."""
        return {name: errors(guess, self.truth) for name, guess in self.guesses.items()}
