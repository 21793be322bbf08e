from __future__ import annotations

from decimal import Decimal

import pytest

from m4graph.core.errors import InputError
from m4graph.core.units import (
    gbps_to_bps,
    mbps_to_bps,
    parse_delay_ns,
    parse_ns3_rate_bps,
    parse_rate_bps,
)


@pytest.mark.parametrize(
    ("gbps", "bps"),
    [(10, 10_000_000_000), (2.5, 2_500_000_000), (0.1, 100_000_000), (1e-9, 1), (0, 0),
     (1.1, 1_100_000_000), (0.000615, 615_000), (Decimal("0.3"), 300_000_000)],
)  # fmt: skip
def test_gbps(gbps, bps):
    assert gbps_to_bps(gbps) == bps
    assert type(gbps_to_bps(gbps)) is int


def test_mbps():
    assert mbps_to_bps(615.0) == 615_000_000


@pytest.mark.parametrize("gbps", [-1, 1e-10, float("nan"), float("inf"), 1e10, None])
def test_bad_rate(gbps):
    with pytest.raises(InputError, match=r"expected a whole number of bit/s.*\(got .* Gb/s\)"):
        gbps_to_bps(gbps)


@pytest.mark.parametrize(
    ("text", "bps"), [("10Gbps", 10**10), ("2.5 Mbps", 2_500_000), ("1e3kbps", 10**6), ("7bps", 7)]
)
def test_parse_rate(text, bps):
    assert parse_rate_bps(text) == bps


@pytest.mark.parametrize(
    ("text", "ns"), [("1000ns", 1000), ("0.001ms", 1000), ("1us", 1000), ("2s", 2 * 10**9)]
)
def test_parse_delay(text, ns):
    assert parse_delay_ns(text) == ns


@pytest.mark.parametrize("text", ["", "10", "Gbps", "10Gbit", "ten Gbps", "1-2Gbps", "-1Gbps"])
def test_bad_text(text):
    with pytest.raises(InputError, match="expected"):
        parse_rate_bps(text)


def test_part_of_a_ns():
    with pytest.raises(InputError, match=r"whole number of ns.*got 0\.5 ns"):
        parse_delay_ns("0.5ns")


@pytest.mark.parametrize(
    ("text", "bps"),
    [("10Gbps", 10**10), ("1000Mb/s", 10**9), ("10000000000bps", 10**10), ("2.5Tb/s", 25 * 10**11),
     ("25000000000.0", 25 * 10**9), ("1e10", 10**10), ("10", 10)],
)  # fmt: skip
def test_rates_of_ns3(text, bps):
    assert parse_ns3_rate_bps(text) == bps


@pytest.mark.parametrize(
    "text", ["10GBps", "10GB/s", "10gbps", "10.5", "10Gbps ", "-1Gbps", "eGbps"]
)
def test_bad_rates_of_ns3(text):
    with pytest.raises(InputError, match="got"):
        parse_ns3_rate_bps(text)
