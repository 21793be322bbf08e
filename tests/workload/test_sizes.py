"""Size laws: exact means, the shape of the law, bounds, bad parameters."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from m4graph.core.errors import ConfigError
from m4graph.workload import (
    SIZE_LAWS,
    ExponentialSizes,
    FixedSizes,
    GaussianSizes,
    LogNormalSizes,
    ParetoSizes,
)

LIGHT_TAILED = [
    ExponentialSizes(30_000),
    LogNormalSizes(30_000, sigma=0.7),
    ParetoSizes(30_000, shape=4),
    GaussianSizes(30_000, std_bytes=5_000),
    GaussianSizes(30_000, std_bytes=30_000),
    GaussianSizes(30_000, std_bytes=300_000),
    FixedSizes(30_000),
]


def draw(law, num_flows=200_000, seed=0):
    return law.sample(np.random.default_rng(seed), num_flows)


@pytest.mark.parametrize("law", LIGHT_TAILED)
def test_mean_is_the_parameter_and_that_of_the_draws(law):
    sizes = draw(law)
    assert law.mean_bytes == 30_000
    error = sizes.std() / math.sqrt(len(sizes))
    assert abs(sizes.mean() - law.mean_bytes) <= 4 * error
    assert sizes.dtype == np.int64


def below(law, size):
    return float(np.mean(draw(law) < size))


def test_exponential_shape():
    assert below(ExponentialSizes(1e6), 1e6) == pytest.approx(1 - math.exp(-1), abs=0.005)


def test_log_normal_shape():
    law = LogNormalSizes(1e6, sigma=2.0)
    median = 1e6 * math.exp(-2.0)
    assert below(law, median) == pytest.approx(0.5, abs=0.005)
    assert below(law, median * math.exp(2.0)) == pytest.approx(0.8413, abs=0.005)


def test_pareto_shape():
    law = ParetoSizes(3e6, shape=1.5)
    assert draw(law).min() == pytest.approx(1e6, rel=1e-4)
    assert below(law, 4e6) == pytest.approx(1 - 4**-1.5, abs=0.005)


def test_gaussian_far_from_zero_is_a_gaussian():
    sizes = draw(GaussianSizes(1e6, std_bytes=1e5))
    assert sizes.std() == pytest.approx(1e5, rel=0.01)
    assert np.median(sizes) == pytest.approx(1e6, rel=0.002)


def test_gaussian_at_zero_is_its_positive_half():
    """Centred at 0, the mean of the positive half is sqrt(2 / pi) standard deviations."""
    sizes = draw(GaussianSizes(1e6 * math.sqrt(2 / math.pi), std_bytes=1e6))
    assert np.mean(sizes < 1e6) == pytest.approx(0.6827, abs=0.005)
    assert np.mean(sizes < 10_000) < 0.02


@settings(max_examples=30, deadline=None)
@given(
    kind=st.sampled_from(["exponential", "log_normal", "pareto", "gaussian"]),
    mean=st.floats(1, 1e9),
    spread=st.floats(0.01, 9),
    seed=st.integers(0, 99),
)
def test_sizes_are_positive_and_follow_from_the_generator(kind, mean, spread, seed):
    extra = {
        "exponential": {},
        "log_normal": {"sigma": spread},
        "pareto": {"shape": 1 + spread},
        "gaussian": {"std_bytes": mean * spread},
    }[kind]
    law = SIZE_LAWS.resolve(kind)(mean_bytes=mean, **extra)
    sizes = draw(law, 500, seed)
    assert sizes.min() >= 1
    assert sizes.max() <= 10**15
    assert law.mean_bytes == mean
    assert np.array_equal(sizes, draw(law, 500, seed))


def test_small_sizes_become_one_byte():
    assert draw(ExponentialSizes(0.2), 100).min() == 1


def test_fixed_draws_nothing():
    generator = np.random.default_rng(0)
    assert FixedSizes(7).sample(generator, 3).tolist() == [7, 7, 7]
    assert generator.random() == np.random.default_rng(0).random()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ExponentialSizes(0), r"mean_bytes: expected a number above 0 \(got 0\)"),
        (lambda: ExponentialSizes(math.nan), r"mean_bytes: .* \(got nan\)"),
        (lambda: ExponentialSizes("1000"), r"mean_bytes: .* \(got '1000'\)"),
        (lambda: LogNormalSizes(1, sigma=-1), r"sigma: expected a number above 0 \(got -1\)"),
        (lambda: ParetoSizes(1, shape=1), r"shape: expected a number above 1 \(got 1\)"),
        (lambda: GaussianSizes(1, std_bytes=0), r"std_bytes: expected a number above 0"),
        (lambda: GaussianSizes(1, std_bytes=11), r"std_bytes: expected at most 10 times"),
        (lambda: FixedSizes(0), r"size_bytes: expected an integer of 1 or above \(got 0\)"),
        (lambda: FixedSizes(1.5), r"size_bytes: .* \(got 1.5\)"),
        (lambda: FixedSizes(True), r"size_bytes: .* \(got true\)"),
    ],
)
def test_bad_parameters_are_named(make, message):
    with pytest.raises(ConfigError, match=message):
        make()
