"""Measured distributions: exact means, exact quantiles, the package's own, bad files."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from m4graph.core.errors import WorkloadError
from m4graph.workload import EmpiricalSizes, cache_follower, hadoop, web_search, web_server
from m4graph.workload.empirical import sizes_from_file

# Sum over the segments of (width in percent) x (bytes at both ends) / 200, by hand.
WEB_SEARCH_MEAN = (
    15 * 10_000 + 5 * 30_000 + 10 * 50_000 + 10 * 80_000 + 13 * 130_000 + 7 * 280_000
    + 10 * 1_200_000 + 10 * 3_000_000 + 10 * 7_000_000 + 7 * 15_000_000 + 3 * 40_000_000
) / 200  # fmt: skip


def draw(law, num_flows=200_000):
    return law.sample(np.random.default_rng(0), num_flows)


def test_mean_by_hand():
    assert EmpiricalSizes([(0, 0), (100, 50), (300, 100)]).mean_bytes == 0.5 * 50 + 0.5 * 200
    assert EmpiricalSizes([(10, 100)]).mean_bytes == 10
    assert EmpiricalSizes([(10, 20), (30, 100)]).mean_bytes == 0.2 * 10 + 0.8 * 20
    assert EmpiricalSizes([(10, 0), (10, 40), (50, 40), (50, 100)]).mean_bytes == 34


@pytest.mark.parametrize(
    ("law", "mean"),
    [
        (web_search, WEB_SEARCH_MEAN),
        (cache_follower, 605e3),
        (web_server, 91e3),
        (hadoop, 567e3),
    ],
)
def test_means_of_the_package(law, mean):
    assert law().mean_bytes == pytest.approx(mean, rel=1e-9 if law is web_search else 2e-3)


@pytest.mark.parametrize("law", [web_search, cache_follower, web_server, hadoop])
def test_draws_follow_the_points(law):
    sizes = draw(law())
    for size, percent in zip(law().size_bytes, law().cdf_percent, strict=True):
        assert 100 * np.mean(sizes <= size) == pytest.approx(percent, abs=0.5)


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_mean_is_that_of_the_draws(data):
    number = data.draw(st.integers(1, 6))
    sizes = sorted(data.draw(st.lists(st.integers(1, 10**6), min_size=number, max_size=number)))
    cuts = sorted(data.draw(st.lists(st.integers(0, 100), min_size=number, max_size=number)))
    law = EmpiricalSizes(list(zip(sizes, [*cuts[:-1], 100], strict=True)))
    drawn = draw(law, 20_000)
    assert sizes[0] <= drawn.min() <= drawn.max() <= sizes[-1]
    assert abs(drawn.mean() - law.mean_bytes) <= 6 * drawn.std() / math.sqrt(len(drawn)) + 0.5


def test_a_step_is_an_exact_size():
    sizes = draw(EmpiricalSizes([(1000, 0), (1000, 25), (5000, 25), (5000, 100)]))
    assert set(np.unique(sizes)) == {1000, 5000}
    assert np.mean(sizes == 1000) == pytest.approx(0.25, abs=0.005)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([(1, 0), (2, 99)], r"point 2: expected the last one at 100 % \(got 99 %\)"),
        ([(1, 0), (5, 60), (4, 100)], r"point 3: expected bytes that do not fall"),
        ([(1, 0), (5, 60), (6, 50), (7, 100)], r"point 3: expected a percentage that does not"),
        ([(1, 0), (5, 101)], r"point 2: expected 0 to 100 percent \(got 5 bytes, 101 %\)"),
        ([(-1, 0), (5, 100)], r"point 1: expected 0 to \d+ bytes"),
        ([(1, math.nan), (5, 100)], r"point 1: expected finite numbers"),
        ([], "expected pairs of bytes and cumulative percent"),
        ([(1, 2, 3)], "expected pairs"),
        ("web", "expected pairs"),
    ],
)
def test_bad_points_are_named(points, message):
    with pytest.raises(WorkloadError, match=message):
        EmpiricalSizes(points)


def test_a_users_file(tmp_path):
    path = tmp_path / "my.csv"
    path.write_text("bytes,cdf_percent\n0,0\n1000,50.5\n2000,100\n")
    assert sizes_from_file(path).mean_bytes == pytest.approx(0.505 * 500 + 0.495 * 1500)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("bytes,cdf_percent\n0,0\n1000,50\n", "my.csv: size distribution, point 2: .* at 100 %"),
        ("bytes,cdf_percent\n0,0\n1000,x\n", "my.csv, line 3, column cdf_percent: .*'x'"),
        ("bytes,percent\n0,0\n", "my.csv: expected the columns bytes,cdf_percent"),
    ],
)
def test_bad_files_are_named(tmp_path, content, message):
    path = tmp_path / "my.csv"
    path.write_text(content)
    with pytest.raises(WorkloadError, match=message):
        sizes_from_file(path)


@pytest.mark.parametrize(
    "text",
    ["0 0\n1000 40\n20000 100\n", "0 0\n1000 0.4\n20000 1\n",
     "\ufeff# bytes percent\r\n\r\n0\t0\r\n1e3  40.0 # small\r\n20000 100\r\n"],
)  # fmt: skip
def test_text_of_traffic_generators(tmp_path, text):
    path = tmp_path / "WebSearch_distribution.txt"
    path.write_text(text, encoding="utf-8")
    assert sizes_from_file(path).mean_bytes == pytest.approx(0.4 * 500 + 0.6 * 10_500)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "my.txt: size distribution: expected pairs of bytes and cumulative percent"),
        ("0 0\n1000 50\n", "my.txt: size distribution, point 2: .* at 100 %"),
        ("0 0\n1 0.5\n2 0.9\n", "my.txt: size distribution, point 3: .* at 100 %"),
        ("0 0\n1000 1 0.15\n", "my.txt, line 2: expected bytes and cumulative percent"),
        ("0 0\n1000 nan\n", "my.txt, line 2: expected bytes and cumulative percent"),
        ("bytes percent\n0 0\n", "my.txt, line 1: expected .*'bytes percent'"),
    ],
)
def test_bad_text_is_named(tmp_path, content, message):
    path = tmp_path / "my.txt"
    path.write_text(content)
    with pytest.raises(WorkloadError, match=message):
        sizes_from_file(path)
    with pytest.raises(WorkloadError, match=r"my\.cdf: expected a file to read"):
        sizes_from_file(tmp_path / "my.cdf")
