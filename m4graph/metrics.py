"""The error definitions: how far a simulator is from the truth. The one place.

Slowdowns are float64 in the same order of flows; NaN means that a flow did not finish. Samples of a
distribution come in any order, and need not be as many as those that they are compared with.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from m4graph.core.calls import plain_call
from m4graph.core.errors import ConfigError, SimulationError
from m4graph.core.rng import generator
from m4graph.results import SimulationResult


@plain_call
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


@plain_call
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


@plain_call
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


@plain_call
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


@plain_call
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


@plain_call
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


@plain_call
def wasserstein(predicted: ArrayLike, true: ArrayLike) -> float:
    """The Wasserstein-1 distance of two distributions, in the unit of their samples.

    Shapes:
        - inputs ``[num_samples]``, one or more

    Raises:
        SimulationError: If one of the two has no sample.
    """
    from scipy.stats import wasserstein_distance

    return float(wasserstein_distance(*_samples(predicted, true)))


@plain_call
def quantile_error(predicted: ArrayLike, true: ArrayLike, percent: float) -> float:
    """Relative error of a percentile, above 0 if the prediction is larger.

    Shapes:
        - inputs ``[num_samples]``, one or more

    Raises:
        SimulationError: If one of the two has no sample.
    """
    guess, truth = (np.percentile(each, percent) for each in _samples(predicted, true))
    return float(guess / truth - 1)


@plain_call
def seed_noise(samples: Sequence[ArrayLike]) -> float:
    """The mean Wasserstein-1 distance of runs that differ in nothing but their seeds.

    Args:
        samples (Sequence): Of each run, ``[num_samples]``.

    Raises:
        ConfigError: If there are fewer than two runs.
    """
    if len(samples) < 2:
        raise ConfigError(f"seed noise: expected two runs or more (got {len(samples)})")
    return float(np.mean([wasserstein(*pair) for pair in combinations(samples, 2)]))


@plain_call
def bootstrap_interval(values: ArrayLike, percent: float = 95.0) -> tuple[float, float]:
    """An interval of the mean over seeds: values are drawn again, with replacement.

    Args:
        values (array_like): One of each seed, ``[num_seeds]``.
        percent (float): How many of the means that are drawn lie inside. (default: ``95``)

    Returns:
        tuple: The two ends; the same for the same values.
    """
    given = np.asarray(values, np.float64)
    drawn = generator(0, "bootstrap").choice(given, (_NUM_BOOTSTRAPS, len(given)))
    outside = (100 - percent) / 2
    low, high = np.percentile(drawn.mean(axis=1), [outside, 100 - outside])
    return float(low), float(high)


_NUM_BOOTSTRAPS = 10_000


def _samples(*distributions: ArrayLike) -> list[NDArray[np.float64]]:
    arrays = [np.asarray(each, np.float64) for each in distributions]
    if not all(map(len, arrays)):
        raise SimulationError(
            "distributions: expected samples of both (got "
            f"{' and '.join(str(len(each)) for each in arrays)})"
        )
    return arrays
