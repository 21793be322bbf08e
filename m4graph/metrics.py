"""The error definitions: how far a simulator's slowdowns are from the truth. The one place.

Slowdowns are float64 in the same order of flows; NaN means that a flow did not finish.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from m4graph.core.errors import ConfigError, SimulationError
from m4graph.results import SimulationResult


@dataclass(frozen=True)
class ErrorSummary:
    """Errors of one simulator in one scenario.

    Args:
        mean_error (float): Mean of the per-flow errors.
        p90_error (float): Their 90th percentile over flows.
        p99_tail_error (float): Relative error of the 99th percentile of the slowdowns.
        num_compared (int): Flows that were compared.
        num_left_out (int): Flows that the truth did not finish.
        completion_time_error (float): Relative error of the time from the first start to the last
            finish; NaN if that is not known of both. (default: NaN)
    """

    mean_error: float
    p90_error: float
    p99_tail_error: float
    num_compared: int
    num_left_out: int
    completion_time_error: float = math.nan

    def to_dict(self) -> dict[str, Any]:
        """The summary as plain values, for JSON and tables."""
        return asdict(self)


@dataclass(frozen=True)
class SuiteErrors:
    """Errors of one simulator over a suite: plain means over its scenarios."""

    mean_error: float
    p90_error: float
    p99_tail_error: float
    num_scenarios: int

    def to_dict(self) -> dict[str, Any]:
        """The means as plain values, for JSON and tables."""
        return asdict(self)


def per_flow_error(predicted: ArrayLike, true: ArrayLike) -> NDArray[np.float64]:
    """Relative error of each flow's slowdown, ``|predicted - true| / true``.

    Args:
        predicted (array_like): Predicted slowdowns.
        true (array_like): True slowdowns, above 0; NaN where the truth did not finish.

    Shapes:
        - inputs ``[num_flows]``; output ``[num_flows]``, NaN where an input is
    """
    guess, truth = np.asarray(predicted, np.float64), np.asarray(true, np.float64)
    if guess.shape != truth.shape:
        raise ConfigError(f"expected slowdowns of {truth.size} flows (got {guess.size})")
    return np.asarray(np.abs(guess - truth) / truth)


def error_summary(predicted: ArrayLike, true: ArrayLike) -> ErrorSummary:
    """Errors of predicted slowdowns; flows that the truth did not finish are left out.

    Shapes:
        - inputs ``[num_flows]``

    Raises:
        SimulationError: If the truth finished nothing, or if the prediction lacks a flow that
            the truth finished: a missing prediction has no error.
    """
    error = per_flow_error(predicted, true)
    guess, truth = np.asarray(predicted, np.float64), np.asarray(true, np.float64)
    compared = np.isfinite(truth)
    if not compared.any():
        raise SimulationError("errors: expected a truth with finished flows (got none)")
    missing = np.flatnonzero(compared & ~np.isfinite(guess))
    if len(missing):
        raise SimulationError(
            "errors: expected a prediction for each flow that the truth finished "
            f"(got none for {len(missing)} flows, first in row {missing[0]})"
        )
    error, guess, truth = error[compared], guess[compared], truth[compared]
    true_p99 = np.percentile(truth, 99)
    return ErrorSummary(
        mean_error=float(error.mean()),
        p90_error=float(np.percentile(error, 90)),
        p99_tail_error=float(abs(np.percentile(guess, 99) - true_p99) / true_p99),
        num_compared=int(compared.sum()),
        num_left_out=int((~compared).sum()),
    )


def errors(predicted: SimulationResult, true: SimulationResult) -> ErrorSummary:
    """Errors of one result against another of the same flows.

    Raises:
        ConfigError: If the two are not about the same flows.
        SimulationError: As :func:`error_summary`.
    """
    if not np.array_equal(predicted.flow_id, true.flow_id):
        raise ConfigError(
            f"errors: expected results of the same flows (got {predicted.simulator} with "
            f"{len(predicted.flow_id)} flows and {true.simulator} with {len(true.flow_id)})"
        )
    summary = error_summary(predicted.slowdown, true.slowdown)
    guess_ns, true_ns = predicted.completion_time_ns, true.completion_time_ns
    if guess_ns is None or true_ns is None:
        return summary
    return replace(summary, completion_time_error=abs(guess_ns - true_ns) / true_ns)


def suite_errors(summaries: Sequence[ErrorSummary]) -> SuiteErrors:
    """Plain means over the scenarios of a suite.

    Raises:
        ConfigError: If there is no scenario.
    """
    if not summaries:
        raise ConfigError("suite errors: expected at least one scenario (got none)")
    names = [field.name for field in fields(SuiteErrors) if field.name != "num_scenarios"]
    means = {name: float(np.mean([getattr(each, name) for each in summaries])) for name in names}
    return SuiteErrors(num_scenarios=len(summaries), **means)
