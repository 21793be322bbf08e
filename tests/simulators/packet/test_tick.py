"""Ticks of a picosecond: nothing is truncated to nanoseconds on fast links."""

from __future__ import annotations

import numpy as np
import pytest

import m4graph as m4
from m4graph.workload import Workload


def star(gbps: float, num_hosts: int = 4, delay_ns: int = 1000):
    return m4.topology.star(num_hosts=num_hosts, gbps=gbps, delay_ns=delay_ns)


def scenario(gbps: float, workload: Workload, kind: str = "dctcp", tick: str = "ps", **config):
    control = {"kind": kind, "init_window_bytes": 10_000_000, "variable_window": False}
    return m4.Scenario(star(gbps), workload, control, config={"tick": tick, **config})


def flows(size_bytes, src=None, dst=None, start_ns=None) -> Workload:
    n = len(size_bytes)
    return Workload.from_arrays(
        id=np.arange(n),
        src=np.zeros(n, np.int64) if src is None else src,
        dst=np.ones(n, np.int64) if dst is None else dst,
        size_bytes=size_bytes,
        start_ns=np.zeros(n, np.int64) if start_ns is None else start_ns,
    )


@pytest.mark.parametrize("gbps", [100, 400, 800])
def test_a_lone_flow_takes_exactly_the_ideal_time(gbps):
    """1000 packets of 1048 bytes at the link's rate, one more for the second hop."""
    result = m4.simulate(scenario(gbps, flows([1_000_000])), "packet")
    ps = 2 * 1_000_000 + 1001 * 1048 * 8000 // gbps
    assert result.fct_ns[0] == (ps + 500) // 1000
    assert result.ideal_fct_ns[0] == result.fct_ns[0]


def test_whole_nanoseconds_lose_a_twentieth_at_800_gbps():
    fine = m4.simulate(scenario(800, flows([1_000_000])), "packet")
    coarse = m4.simulate(scenario(800, flows([1_000_000]), tick="ns"), "packet")
    assert coarse.fct_ns[0] == 2000 + 1001 * 10
    assert fine.fct_ns[0] == 2000 + 10_490  # 1001 x 10.48 ns


def test_ticks_agree_where_nothing_is_truncated():
    """At 8 Gb/s a byte takes a nanosecond, so both ticks count the same."""
    coarse, fine = both_ticks(8, {"kind": "dctcp", "min_rate_mbps": 8000})
    assert np.array_equal(coarse.fct_ns, fine.fct_ns)
    assert coarse.packet_hops == fine.packet_hops


# HPCC's reports carry finer times, too; another minute of compiling.
@pytest.mark.parametrize("kind", ["dctcp", pytest.param("hpcc", marks=pytest.mark.slow)])
def test_ticks_agree_on_the_whole_at_10_gbps(kind):
    coarse, fine = both_ticks(10, {"kind": kind})
    assert fine.slowdown.mean() == pytest.approx(coarse.slowdown.mean(), rel=0.02)


def both_ticks(gbps: float, control: dict[str, object]):
    rng = np.random.default_rng(5)
    n = 100
    src = rng.integers(0, 4, n)
    workload = flows(
        rng.integers(1, 60_000, n),
        src,
        (src + rng.integers(1, 4, n)) % 4,
        np.sort(rng.integers(0, 600_000, n)),
    )
    return [
        m4.simulate(m4.Scenario(star(gbps), workload, control, config={"tick": tick}), "packet")
        for tick in ("ns", "ps")
    ]


def test_events_inside_a_nanosecond_keep_their_order():
    """Two hosts send into one at 800 Gb/s; the packet that is 0.64 ns shorter comes first."""
    workload = flows([900, 980], src=[0, 1], dst=[2, 2])
    result = m4.simulate(scenario(800, workload), "packet")
    first_ps = 2 * 948 * 10 + 2_000_000
    second_ps = first_ps + 1028 * 10
    assert list(result.fct_ns) == [(first_ps + 500) // 1000, (second_ps + 500) // 1000]


def test_a_start_beyond_the_clock_is_refused():
    with pytest.raises(m4.M4GraphError, match="expected start_ns of at most 1000000000000000"):
        m4.simulate(scenario(100, flows([1000], start_ns=[2**60])), "packet")


def test_unknown_tick():
    with pytest.raises(m4.M4GraphError, match=r"network\.tick"):
        scenario(100, flows([1000]), tick="us")
