"""What simulators say about the flows of one scenario, and how far that is from the truth."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

import numpy as np

from m4graph.core.calls import plain_call
from m4graph.core.errors import ConfigError
from m4graph.evaluation.samples import Sample
from m4graph.evaluation.tables import ERROR_COLUMNS
from m4graph.metrics import ErrorSummary, errors
from m4graph.results import SimulationResult, expected_result
from m4graph.scenario import Scenario
from m4graph.simulators import TRUTH, Refusal


@plain_call
@dataclass(frozen=True, eq=False)
class ScenarioResults:
    """The results of simulators in one scenario.

    Args:
        truth (SimulationResult): What the others are measured against.
        guesses (Mapping[str, SimulationResult]): The other results, by simulator.
        refusals (Mapping[str, str]): Simulators that cannot do it, and why. (default: none)
    """

    truth: SimulationResult
    guesses: Mapping[str, SimulationResult]
    refusals: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_runs(
        cls,
        scenario: Scenario,
        results: Sequence[SimulationResult],
        refusals: Mapping[str, str],
    ) -> Self:
        """Finds the truth: the times that a scenario brings, or what :data:`.TRUTH` says.

        Args:
            scenario (Scenario): The scenario.
            results (Sequence[SimulationResult]): Of simulators, each under its label.
            refusals (Mapping[str, str]): Labels of those that refused it, and why.

        Raises:
            Refusal: If the truth refused it.
        """
        if scenario.expected is not None:
            truth, guesses = expected_result(scenario), list(results)
        elif TRUTH in refusals:
            raise Refusal(f"scenario {scenario.name}: {refusals[TRUTH]}")
        else:
            truth = next(result for result in results if result.simulator == TRUTH)
            guesses = [result for result in results if result is not truth]
        return cls(truth, {guess.simulator: guess for guess in guesses}, refusals)

    @property
    def name(self) -> str:
        """The scenario's name."""
        return self.truth.scenario.name

    @cached_property
    def errors(self) -> dict[str, ErrorSummary]:
        """The errors of each simulator but the truth, as :mod:`m4graph.metrics` defines them."""
        return {name: errors(guess, self.truth_of(name)) for name, guess in self.guesses.items()}

    def truth_of(self, simulator: str) -> SimulationResult:
        """The truth about the flows of a simulator's result: of all, unless it leaves some out."""
        return self.truth.of_flows_of(self.guesses[simulator])

    @cached_property
    def samples(self) -> list[Sample]:
        """The flows that the truth finished, and that all have: of the truth, then of each other
        result.
        """
        fewest = min(self.guesses.values(), key=lambda guess: guess.num_flows)
        truth = self.truth.of_flows_of(fewest)
        kept = truth.flow_id[truth.finished]

        def of(name: str, result: SimulationResult) -> Sample:
            order = np.argsort(result.flow_id)
            rows = order[np.searchsorted(result.flow_id[order], kept)]
            sizes = result.scenario.workload.size_bytes[rows]
            return Sample(name, result is truth, result.slowdown[rows], sizes)

        return [of(truth.simulator, truth), *(of(*each) for each in self.guesses.items())]

    def rows(self) -> Iterator[dict[str, Any]]:
        """A row for each simulator, the truth first, which has no errors (NaN).

        Keys: ``scenario``, ``simulator``, ``is_truth``, those of
        :class:`~m4graph.metrics.ErrorSummary`, ``num_events``, ``packet_hops``, ``wall_s``,
        ``compile_s``.
        """
        truth = self.truth
        none = dict.fromkeys([*ERROR_COLUMNS, "completion_time_error"], math.nan)
        counts = {
            "num_compared": truth.num_finished,
            "num_left_out": truth.num_flows - truth.num_finished,
        }
        yield _row(truth, True, none | counts)
        for name, guess in self.guesses.items():
            yield _row(guess, False, self.errors[name].to_dict())


def check_truth(
    where: str, labels: Sequence[str], recorded: bool, source: str = "an expected.csv"
) -> None:
    """Checks, before anything runs, that there will be a truth, and something to measure.

    Args:
        where (str): What messages start with.
        labels (Sequence[str]): Of the simulators that are to run.
        recorded (bool): Whether the scenario brings its truth.
        source (str): What would bring it. (default: ``"an expected.csv"``)

    Raises:
        ConfigError: If not.
    """
    got = f"(got {', '.join(labels)})"
    if not recorded and TRUTH not in labels:
        raise ConfigError(
            f"{where}: expected {TRUTH} among the simulators, as the truth, or {source} {got}"
        )
    if not recorded and len(labels) == 1:
        raise ConfigError(f"{where}: expected a simulator besides {TRUTH} {got}")


def _row(result: SimulationResult, is_truth: bool, errors: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "scenario": result.scenario.name,
        "simulator": result.simulator,
        "is_truth": is_truth,
        **errors,
        "num_events": result.num_events,
        "packet_hops": result.packet_hops,
        "wall_s": result.wall_s,
        "compile_s": result.compile_s,
    }
