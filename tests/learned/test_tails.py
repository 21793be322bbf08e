"""The tail of all flows together, by the quantiles of each."""

from __future__ import annotations

import numpy as np
import pytest

import m4graph as m4
from m4graph.learned import tails
from m4graph.learned.tails import with_tail
from m4graph.results import RUN_FCT_NS
from m4graph.runs.events import DEPARTURE

from .conftest import generated

IDEAL_NS = 10**6
Z90 = 1.2815515655446004


def flows(num_flows, sigma, seed=0):
    """Medians of flows, 90th percentiles of which the spread that remains is ``sigma``, and
    slowdowns drawn with it.
    """
    rng = np.random.default_rng(seed)
    median = np.exp(np.abs(rng.normal(0.0, 0.6, num_flows)))
    quantile = median * np.exp(Z90 * sigma / tails._REMAINS)
    drawn = median * np.exp(sigma * rng.normal(size=num_flows))
    ideal_ns = np.full(num_flows, IDEAL_NS)
    return np.rint(median * IDEAL_NS).astype(np.int64), ideal_ns, {0.9: quantile}, drawn


@pytest.mark.parametrize("sigma", [0.1, 0.3, 0.6])
def test_the_99th_percentile_is_that_of_slowdowns_drawn(sigma):
    fct_ns, ideal_ns, quantiles, drawn = flows(200_000, sigma)
    slowdown = with_tail(fct_ns, ideal_ns, quantiles) / ideal_ns
    true = np.percentile(drawn, 99)
    assert np.percentile(slowdown, 99) == pytest.approx(true, rel=0.015)
    assert np.percentile(slowdown, 99.9) == pytest.approx(np.percentile(drawn, 99.9), rel=0.04)
    # Medians are too low, and nothing but the slowest twentieth has changed.
    assert np.percentile(fct_ns / ideal_ns, 99) < (1 - sigma**2 / 2) * true
    assert np.percentile(slowdown, 94) == np.percentile(fct_ns / ideal_ns, 94)


def test_flows_keep_their_order_and_none_is_faster():
    fct_ns, ideal_ns, quantiles, _ = flows(5000, 0.5)
    slower_ns = with_tail(fct_ns, ideal_ns, quantiles)
    order = np.argsort(fct_ns)
    assert (np.diff(slower_ns[order]) >= 0).all()
    assert (slower_ns >= fct_ns).all()
    assert 0 < (slower_ns > fct_ns).sum() <= 5000 * 0.05 + 1
    rows = np.random.default_rng(1).permutation(5000)
    again_ns = with_tail(fct_ns[rows], ideal_ns[rows], {0.9: quantiles[0.9][rows]})
    assert again_ns.tolist() == slower_ns[rows].tolist()


def test_equal_flows_stay_equal():
    fct_ns, ideal_ns, quantiles, _ = flows(1000, 0.5)
    fct_ns[:300] = fct_ns.max()
    slower_ns = with_tail(fct_ns, ideal_ns, quantiles)
    assert len(set(slower_ns[fct_ns == fct_ns.max()].tolist())) == 1


@pytest.mark.parametrize(
    "said",
    [{}, {0.1: 1.0}, {0.9: np.nan}, {0.9: 1.0}],
    ids=["nothing", "a lower quantile", "no flow", "no spread"],
)
def test_without_a_spread_nothing_changes(said):
    fct_ns, ideal_ns, _, _ = flows(1000, 0.5)
    quantiles = {level: np.full(1000, value) for level, value in said.items()}
    assert with_tail(fct_ns, ideal_ns, quantiles).tolist() == fct_ns.tolist()


def test_few_flows_have_no_tail():
    fct_ns, ideal_ns, quantiles, _ = flows(99, 0.5)
    assert with_tail(fct_ns, ideal_ns, quantiles).tolist() == fct_ns.tolist()


@pytest.mark.parametrize("quantile", [np.inf, 1e300])
def test_a_wild_quantile_leaves_times_that_can_be(quantile):
    fct_ns, ideal_ns, _, _ = flows(1000, 0.5)
    slower_ns = with_tail(fct_ns, ideal_ns, {0.9: np.full(1000, quantile)})
    assert (slower_ns >= fct_ns).all()
    assert slower_ns.max() < 1000 * fct_ns.max()


def test_times_as_long_as_can_be_counted_do_not_wrap():
    fct_ns, ideal_ns, _, _ = flows(1000, 0.5)
    long_ns = fct_ns * (2**61 // fct_ns.max())
    slower_ns = with_tail(long_ns, ideal_ns, {0.9: np.full(1000, 1e300)})
    assert (slower_ns >= long_ns).all()


def test_the_zoos_model_raises_the_tail_of_a_run_and_leaves_sessions_alone():
    scenario = generated(num_flows=400, load=0.7)
    result = m4.simulate(scenario, "learned")
    session = m4.open_session(
        scenario.network, "learned", scenario.congestion_control, scenario.config
    )
    flows = scenario.workload
    columns = (flows.src, flows.dst, flows.size_bytes, flows.start_ns)
    for src, dst, size_bytes, start_ns in zip(*map(np.ndarray.tolist, columns), strict=True):
        session.add_flow(src, dst, size_bytes, start_ns)
    list(session.run())
    in_session_ns = session.finish_ns - session.start_ns
    later = result.fct_ns > in_session_ns
    assert (result.fct_ns >= in_session_ns).all()
    assert 0 < later.sum() <= 20
    assert result.slowdown[later].min() >= np.percentile(result.slowdown, 94)
    assert result.extra[RUN_FCT_NS].tolist() == in_session_ns.tolist()
    ours = result.quantiles
    assert (ours["p50"].to_numpy() == result.slowdown).all()
    assert (ours["p90"] >= ours["p50"]).all()


def test_graphs_of_a_run_show_the_departures_by_which_it_went_on():
    scenario = generated(num_flows=200, load=0.7)
    result = m4.simulate(scenario, "learned")
    in_run_ns = scenario.workload.start_ns + result.extra[RUN_FCT_NS]
    assert (result.fct_ns > result.extra[RUN_FCT_NS]).any()
    shown = {
        each.event_flow: each.event_time_ns
        for each in m4.graph.event_snapshots(scenario, result)
        if each.event_kind == DEPARTURE
    }
    assert [shown[flow] for flow in range(200)] == in_run_ns.tolist()


def test_flows_without_a_way_have_no_time_in_the_run_either():
    scenario = generated(num_flows=300, load=0.5)
    host, switch = 0, next(scenario.network.neighbors(0))
    faults = [{"kind": "down", "link": [host, switch], "at_us": 0}]
    cut = m4.Scenario(scenario.network, scenario.workload, "dctcp", scenario.config, faults=faults)
    result = m4.simulate(cut, "learned")
    assert (result.fct_ns < 0).any()
    assert ((result.extra[RUN_FCT_NS] < 0) == (result.fct_ns < 0)).all()
