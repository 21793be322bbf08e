"""Gaps: their mean, their shape."""

from __future__ import annotations

import math

import numpy as np
import pytest

from m4graph.core.errors import ConfigError
from m4graph.core.schema import KeyProblem
from m4graph.workload import LogNormalArrivals, PoissonArrivals
from m4graph.workload.sizes import LogNormalSizes


def draw(law, mean_ns=500.0):
    return law.gaps(np.random.default_rng(0), 400_000, mean_ns)


@pytest.mark.parametrize("law", [PoissonArrivals(), LogNormalArrivals(1), LogNormalArrivals(1.5)])
def test_mean_is_the_one_asked_for(law):
    gaps = draw(law)
    assert abs(gaps.mean() - 500) < 4 * gaps.std() / math.sqrt(len(gaps))
    assert gaps.min() >= 0


def test_poisson_gaps_are_exponential():
    assert np.mean(draw(PoissonArrivals()) < 500) == pytest.approx(1 - math.exp(-1), abs=0.003)


@pytest.mark.parametrize("sigma", [1.0, 2.0])
def test_log_normal_gaps_have_their_median_and_spread(sigma):
    logs = np.log(draw(LogNormalArrivals(sigma)) / 500)
    assert logs.mean() == pytest.approx(-(sigma**2) / 2, abs=0.02)
    assert logs.std() == pytest.approx(sigma, rel=0.01)


def test_bad_sigma_is_named():
    with pytest.raises(ConfigError, match=r"sigma: expected a number above 0 \(got 0\)"):
        LogNormalArrivals(0)


@pytest.mark.parametrize("law", [LogNormalArrivals, LogNormalSizes])
def test_a_sigma_whose_square_is_no_number_is_refused(law):
    others = {"mean_bytes": 1000} if law is LogNormalSizes else {}
    with pytest.raises(KeyProblem, match="sigma: expected a number of at most 100"):
        law(sigma=1e300, **others)
