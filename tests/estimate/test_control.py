"""What congestion control leaves a flow, between two events and at them."""

from __future__ import annotations

import math

import pytest

from m4graph.runs.settings import ALGORITHM_CODES, NAMES, OTHER, held_wait_ns

from .run import PACKET, TRIP_NS, long_flows


def test_dctcp_holds_a_queue_near_its_threshold():
    kmax = 4000
    run = long_flows(5, 5000, config={"ecn": {"kmin_bytes": kmax, "kmax_bytes": kmax}})
    held_ns = held_wait_ns(run.configuration)
    per_byte_ns = run.configuration[NAMES.index("kmax_ns")] / kmax
    assert held_ns == pytest.approx(0.93 * kmax * per_byte_ns)
    for flow in range(5):
        run.arrive(flow)
    link = run.into(5)
    assert 5 * 5 * PACKET - TRIP_NS > held_ns  # what windows of a fixed size would wait
    assert link["rest_ns"] == pytest.approx(held_ns)
    assert link["squeeze"] == pytest.approx((TRIP_NS + held_ns) / (5 * 5 * PACKET))
    assert run.state.flows["rest_rate"].sum() == pytest.approx(1)
    # Once it is there, every packet is marked, and grants fall to what the link carries.
    run.depart(0, 10**6)
    assert link["wait_ns"] == pytest.approx(held_ns)
    assert link["marking"] == 1
    assert run.state.flows["marking"][1:].tolist() == [1] * 4
    grants = run.state.flows["grant"][1:]
    assert grants == pytest.approx([max(0.3, (TRIP_NS + held_ns) / (4 * 5 * PACKET))] * 4, rel=1e-3)


def test_dctcp_opens_again_by_its_step_per_round_trip():
    step_mbps = 80.0
    run = long_flows(2, 5000, additive_increase_mbps=step_mbps)
    run.arrive(0)
    run.state.flows["grant"][0] = 0.5
    run.arrive(1, 20_000)
    rounds = 20_000 / TRIP_NS
    assert run.state.flows["grant"][0] == pytest.approx(0.5 + rounds * step_mbps / 8000)
    run.depart(1, 10**9)
    assert run.state.flows["grant"][0] == 1


def test_hpcc_fills_a_link_up_to_eta_and_leaves_no_queue():
    run = long_flows(3, 5000, kind="hpcc", eta=0.95)
    for flow in range(3):
        run.arrive(flow)
    link = run.into(5)
    assert link["rest_ns"] == 0
    assert link["marking"] == 1
    # Three windows, each cut to its part of eta; none of them waits.
    offered = 3 * 5 * PACKET / TRIP_NS
    assert offered > 1
    assert run.state.flows["rest_rate"].sum() == pytest.approx(1)
    assert (run.state.flows["grant"] < 1).any()


def test_dcqcn_holds_at_its_lower_threshold_and_recovers_half_way():
    kmin, kmax = 2000, 8000
    ecn = {"kmin_bytes": kmin, "kmax_bytes": kmax, "pmax": 0.2}
    run = long_flows(4, 20_000, kind="dcqcn", config={"ecn": ecn})
    held_ns = held_wait_ns(run.configuration)
    assert held_ns == pytest.approx(run.configuration[NAMES.index("kmax_ns")] * kmin / kmax)
    for flow in range(3):
        run.arrive(flow)
    assert run.into(5)["rest_ns"] == pytest.approx(held_ns)
    # The next event finds the queue there: the flows on it are cut, and remember what they had.
    run.arrive(3, 10**5)
    flow = run.state.flows[0]
    assert flow["marking"] == 1
    cut = float(flow["grant"])
    assert 0.3 <= cut < 1
    # Marked, the timers start, and the first step goes half of the way back to the target.
    flow["target"], flow["stage"], flow["rises"] = 0.9, 0.0, 0.0
    run.into(5)["held_ns"] = math.inf
    run.depart(3, 10**5 + 55_000)
    assert flow["grant"] == pytest.approx(0.5 * (cut + 0.9))


def test_timely_cuts_by_the_excess_over_its_upper_limit():
    run = long_flows(2, 400_000, kind="timely", t_low_us=10.0, t_high_us=50.0, beta=0.8)
    run.arrive(0)
    run.arrive(1)
    before, flow = 1.0, run.state.flows[0]
    assert flow["grant"] == before
    flow["queue_ns"] = 100_000.0
    trip_ns = TRIP_NS + 100_000
    run.depart(1, 2 * trip_ns)
    assert flow["grant"] == pytest.approx((1 - 0.8 * (1 - 50_000 / trip_ns)) ** 2)


def recovering(**parameters):
    """A flow of DCQCN at a tenth of its rate, whose timers run, on a link that marks no more."""
    run = long_flows(2, 20_000, kind="dcqcn", **parameters)
    run.arrive(0)
    flow = run.state.flows[0]
    flow["grant"], flow["target"], flow["stage"], flow["rises"] = 0.1, 0.5, 0.0, 0.0
    return run, flow


@pytest.mark.parametrize("timer_us", [55.0, 500.0])
def test_dcqcn_rises_at_each_tick_of_its_own_timer(timer_us):
    run, flow = recovering(increase_timer_us=timer_us, additive_increase_mbps=0.0)
    run.arrive(1, round(2.5 * timer_us * 1000))
    assert flow["grant"] == pytest.approx(0.5 - 0.4 / 4)
    assert (flow["stage"], flow["rises"]) == (2, pytest.approx(0.5))


@pytest.mark.parametrize("steps", [0, 1, 3])
def test_dcqcn_raises_its_target_after_as_many_steps_as_it_is_told(steps):
    run, flow = recovering(
        fast_recovery_steps=steps, additive_increase_mbps=80.0, hyper_increase_mbps=800.0
    )
    run.arrive(1, 4 * 55_000)
    # Of four steps, one is additive and what comes after it is hyper; 8 Gb/s is the line rate.
    assert flow["target"] == pytest.approx(0.5 + 0.01 + 0.1 * (3 - steps))


@pytest.mark.parametrize(("clamp", "target"), [(False, 0.9), (True, 0.4)])
def test_dcqcn_forgets_its_target_at_a_second_cut_only_if_it_is_clamped(clamp, target):
    ecn = {"kmin_bytes": 2000, "kmax_bytes": 8000, "pmax": 0.2}
    run = long_flows(4, 20_000, kind="dcqcn", config={"ecn": ecn}, clamp_target_rate=clamp)
    for flow_id in range(3):
        run.arrive(flow_id)
    run.state.flows["grant"][:3] = 0.4
    flow = run.state.flows[0]
    flow["target"], flow["stage"], flow["rises"] = 0.9, 0.0, 0.0
    # The queue has come to its threshold; no timer has expired since the cut before.
    run.arrive(3, 50_000)
    assert flow["marking"] == 1
    assert flow["target"] == pytest.approx(target)


@pytest.mark.parametrize("min_rtt_us", [20.0, 5.0])
def test_timely_cuts_by_the_growth_of_the_trip_over_its_least_one(min_rtt_us):
    run = long_flows(
        2, 400_000, kind="timely", t_low_us=1.0, t_high_us=900.0, min_rtt_us=min_rtt_us
    )
    run.arrive(0)
    flow = run.state.flows[0]
    flow["queue_ns"], flow["trip_ns"] = 4000.0, TRIP_NS
    run.arrive(1, 1000)
    assert flow["grant"] == pytest.approx(1 - 0.8 * 4 / min_rtt_us)


def test_the_rules_of_an_algorithm_hang_on_its_code_alone():
    codes = {"dctcp": 0, "dcqcn": 1, "timely": 2, "hpcc": 3}
    assert codes == ALGORITHM_CODES
    run = long_flows(1, 20_000, kind="newreno")
    assert run.state.controls["algorithm"] == OTHER
    run.arrive(0)
    run.state.flows["grant"][0] = 0.5
    run.depart(0, 10**6)
    assert run.state.flows["grant"][0] == 0.5
