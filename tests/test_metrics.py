from __future__ import annotations

import numpy as np
import pytest

from m4graph.core.errors import ConfigError, SimulationError
from m4graph.metrics import (
    ErrorSummary,
    bootstrap_interval,
    error_summary,
    per_flow_error,
    quantile_error,
    seed_noise,
    suite_errors,
    wasserstein,
)

NAN = float("nan")


def test_per_flow_error_by_hand():
    assert per_flow_error([1.0, 3.0, 2.0], [2.0, 2.0, 2.0]).tolist() == [0.5, 0.5, 0.0]


def test_summary_by_hand():
    # Errors 0.0, 0.1, ..., 1.0: mean 0.5, 90th percentile 0.9; P99s 3.98 and 2.
    true = np.full(11, 2.0)
    predicted = 2.0 + 0.2 * np.arange(11)
    summary = error_summary(predicted, true)
    assert summary.mean_error == pytest.approx(0.5)
    assert summary.p90_error == pytest.approx(0.9)
    assert summary.p99_tail_error == pytest.approx((3.98 - 2) / 2)
    assert (summary.num_compared, summary.num_left_out) == (11, 0)


def test_the_tail_error_compares_percentiles_not_flows():
    true = np.arange(1.0, 102.0)
    assert error_summary(true[::-1], true).p99_tail_error == 0.0
    assert error_summary(true / 2, true).p99_tail_error == pytest.approx(0.5)


def test_a_perfect_prediction():
    summary = error_summary([1.0, 5.0], [1.0, 5.0])
    assert (summary.mean_error, summary.p90_error, summary.p99_tail_error) == (0.0, 0.0, 0.0)


def test_flows_that_the_truth_did_not_finish_are_left_out_and_counted():
    with_gap = error_summary([1.0, 99.0, 3.0, NAN], [2.0, NAN, 2.0, NAN])
    assert (with_gap.mean_error, with_gap.num_compared, with_gap.num_left_out) == (0.5, 2, 2)
    assert with_gap.p99_tail_error == error_summary([1.0, 3.0], [2.0, 2.0]).p99_tail_error


def test_a_missing_prediction_is_no_error_of_zero():
    with pytest.raises(SimulationError, match=r"\(got none for 1 flows, first in row 1\)"):
        error_summary([1.0, NAN], [1.0, 1.0])


def test_a_truth_without_flows():
    with pytest.raises(SimulationError, match="finished flows"):
        error_summary([1.0], [NAN])
    with pytest.raises(SimulationError, match="finished flows"):
        error_summary([], [])


def test_lengths_must_be_equal():
    with pytest.raises(ConfigError, match=r"slowdowns of 2 flows \(got 1\)"):
        per_flow_error([1.0], [1.0, 2.0])


def test_a_suite_is_the_plain_mean_of_its_scenarios():
    suite = suite_errors([ErrorSummary(0.1, 0.2, 0.3, 1000, 0), ErrorSummary(0.3, 0.6, 0.5, 1, 0)])
    assert suite.mean_error == pytest.approx(0.2)
    assert suite.p90_error == pytest.approx(0.4)
    assert suite.p99_tail_error == pytest.approx(0.4)
    assert suite.to_dict()["num_scenarios"] == 2
    with pytest.raises(ConfigError, match="at least one scenario"):
        suite_errors([])


def test_wasserstein_by_hand():
    assert wasserstein([1, 2, 3], [3, 1, 2]) == 0
    assert wasserstein([0, 1, 3], [5, 6, 8]) == pytest.approx(5)
    # Half of the mass moves by 2, of two samples against four.
    assert wasserstein([0, 4], [0, 0, 6, 6]) == pytest.approx(1)


def test_quantile_errors_have_a_sign():
    true = np.arange(101.0)
    assert quantile_error(1.1 * true, true, 90) == pytest.approx(0.1)
    assert quantile_error(true / 2, true, 50) == pytest.approx(-0.5)


def test_seed_noise_is_the_mean_over_pairs():
    assert seed_noise([[0.0], [1.0], [4.0]]) == pytest.approx((1 + 4 + 3) / 3)
    with pytest.raises(ConfigError, match="expected two runs or more"):
        seed_noise([[0.0]])


def test_a_distribution_needs_samples():
    with pytest.raises(SimulationError, match=r"expected samples of both \(got 0 and 1\)"):
        wasserstein([], [1.0])


def test_bootstrap_intervals():
    assert bootstrap_interval([2.0, 2.0, 2.0]) == (2.0, 2.0)
    values = np.random.default_rng(0).normal(10, 1, 400)
    low, high = bootstrap_interval(values)
    # 1.96 standard errors of 0.05 on each side.
    assert (low, high) == pytest.approx(values.mean() + np.array([-0.098, 0.098]), abs=0.01)
    assert bootstrap_interval(values) == (low, high)
    assert bootstrap_interval(values, 50)[0] > low
