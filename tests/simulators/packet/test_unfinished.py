"""Runs that end with unfinished flows say why."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import m4graph as m4
from m4graph.workload import Workload, closed_loop

CASES = Path(__file__).parents[2] / "data" / "cases"
DEADLOCK = "8 of 8 flows did not finish: a PFC deadlock: the links 4 -> 5 -> 6 -> 7 -> 4 have"


def incast(control, **arguments):
    network = m4.topology.star(num_hosts=3, gbps=10, delay_ns=1000)
    flows = Workload.from_arrays([0, 1], [0, 1], [2, 2], [50_000, 50_000], [0, 0])
    return m4.Scenario(network, flows, control, **arguments)


DROPS = {
    "pfc": False,
    "buffer_bytes": 20_000,
    "headroom_cap": 0.5,
    "ecn": {"kmin_bytes": 10**6, "kmax_bytes": 10**6},
}


def test_a_deadlock_names_the_cycle():
    scenario = m4.load_scenario(CASES / "pfc-deadlock")
    result = m4.simulate(scenario, "packet")
    assert result.why_unfinished.startswith(DEADLOCK)
    assert result.summary()["why_unfinished"] == result.why_unfinished


def test_a_deadlock_before_the_stop_time_is_still_one():
    result = m4.simulate(m4.load_scenario(CASES / "pfc-deadlock").replace(stop_ns=10**9), "packet")
    assert result.why_unfinished.startswith(DEADLOCK)


def test_a_closed_loop_says_it_too():
    scenario = m4.load_scenario(CASES / "pfc-deadlock")
    looped = scenario.replace(workload=closed_loop(scenario.workload, limit_per_rack=2))
    assert m4.simulate(looped, "packet").why_unfinished.startswith(DEADLOCK)


def test_a_lost_tail_without_a_timer():
    result = m4.simulate(incast({"kind": "dctcp", "init_window_bytes": None}, config=DROPS))
    lost = result.extra["packets_dropped"]
    assert result.num_finished < 2
    assert f": {lost} packets were lost, and no timer" in result.why_unfinished


@pytest.mark.parametrize("kind", ["dctcp", "newreno"])
def test_senders_that_give_up(kind):
    control = {"kind": kind, "retransmit_limit": 1}
    if kind == "dctcp":
        control["retransmit_timeout_us"] = 100
    down = {"kind": "down", "link": [2, 3], "at_us": 20}
    result = m4.simulate(incast(control, faults=[down]), "packet")
    assert result.num_finished == 0
    assert "senders give up" in result.why_unfinished


def test_all_finished():
    result = m4.simulate(incast("dctcp"), "packet")
    assert np.all(result.finished)
    assert result.why_unfinished is None
    assert "unfinished_because" not in result.extra
