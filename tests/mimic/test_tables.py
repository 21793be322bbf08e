"""Models that are tables of a small run: what they learn, and that they keep what cannot break."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import m4graph as m4
from m4graph.core.errors import ConfigError
from m4graph.mimic.border_rows import EGRESS, INGRESS
from m4graph.mimic.boundary import BoundaryTrace, taps_of
from m4graph.mimic.calibrate import calibrate, roll_out
from m4graph.mimic.clusters import Pods
from m4graph.mimic.compose import hook, visible
from m4graph.mimic.models import MIMIC_MODELS
from m4graph.mimic.models.lindley import Lindley, groups
from m4graph.mimic.models.lindley_curve import NUM_KINDS, NUM_ROLES, PORT_CURVE
from m4graph.mimic.models.lindley_fit import fit_curves
from m4graph.mimic.port_waits import DROPPED, PORTS_INSIDE, PortWaits, inside
from m4graph.mimic.shape import AGG_DOWN, AGG_UP, CORE_DOWN, HOST_UP, RACK_UP
from m4graph.mimic.symmetry import RunAtSize, runs_at_size
from m4graph.workload import Workload
from tests.mimic.drawn_trace import SHAPE, drawn_trace
from tests.mimic.scenes import CONTROLS, clos, scene, traced

TABLES = ("iid", "iid_ordered", "markov", "lindley")


@pytest.fixture(scope="module")
def trace() -> BoundaryTrace:
    return traced(scene(2, num_flows=600))[2][0]


@pytest.fixture(scope="module")
def models(trace):
    return {name: MIMIC_MODELS.resolve(name).fit(trace, 0) for name in TABLES}


def composed(model, scenario, seed=0):
    """A run with a model at all pods but pod 0; the trace of pod 1, and completion times."""
    pods = Pods.of(scenario.network, scenario.arrays)
    seen = visible(scenario, pods)
    watcher = hook(pods, model.start(pods, seen, seed))
    taps = {"taps": pods.ends(taps_of(pods, 1))}
    result = m4.simulate(seen, "packet", watchers=[watcher], recording=taps)
    return BoundaryTrace.of(result, 1, pods), result.fct_ns


@pytest.mark.parametrize("name", TABLES)
def test_a_model_comes_back_from_its_arrays(models, name):
    """The same bits with the same seed, and others with another one."""
    model, scenario = models[name], scene(3, num_flows=60)
    again = type(model).from_saved(model.settings(), model.arrays())
    fct = [composed(each, scenario)[1] for each in (model, again)]
    np.testing.assert_array_equal(*fct)
    assert (composed(model, scenario, seed=1)[1] != fct[0]).any()


@pytest.mark.parametrize("name", TABLES[1:])
def test_nothing_overtakes_on_a_path(models, name):
    rows = composed(models[name], scene(3, num_flows=100))[0].rows
    rows = rows[~rows["dropped"]]
    path = rows[["host", "agg", "spine", "direction"]]
    for each in np.unique(path):
        assert (np.diff(rows["exit_ticks"][path == each]) > 0).all()


@pytest.mark.parametrize("name", ["iid", "lindley"])
def test_drops_and_waits_are_those_of_the_trace(models, trace, name):
    """In a run of two pods with the traffic of the trace."""
    ours = composed(models[name], scene(2, num_flows=600))[0].rows
    for direction in (EGRESS, INGRESS):
        means = []
        for rows in (trace.rows, ours):
            rows = rows[(rows["direction"] == direction) & ~rows["dropped"]]
            means.append((rows["exit_ticks"] - rows["enter_ticks"]).mean())
        assert means[1] == pytest.approx(means[0], rel=0.25)


def test_in_the_long_run_ports_do_what_they_did(models, trace):
    """Means over directions and kinds, of runs with seeds that calibrated nothing."""
    total = np.zeros((2, 2, 2))
    for role in PORTS_INSIDE:
        waits = inside(trace, role)
        group = groups(waits, 2, 0)
        for seed in range(1000, 1030):
            came, _ = roll_out(models["lindley"].curves[role], waits, group, seed)
            for kind in (0, 1):
                for place, each in enumerate((waits.wait_ticks, came)):
                    chosen = (waits.kind == kind) & (each != DROPPED)
                    total[role > 2, kind, place] += each[chosen].mean()
    np.testing.assert_allclose(total[..., 1], total[..., 0], rtol=0.03)


def test_an_empty_network_takes_no_time():
    """Where nothing waited, nothing waits; all packets have one size."""
    kind, config = CONTROLS["newreno"]
    rows = [(9, 2, 29_200, 0), (2, 9, 29_200, 10**9)]
    src, dst, size, start = (np.array(column) for column in zip(*rows, strict=True))
    workload = Workload.from_arrays(np.arange(2), src, dst, size, start)
    lone = m4.Scenario(clos(2), workload, kind, config=config)
    _, full, [trace] = traced(lone)
    for name in TABLES:
        fct = composed(MIMIC_MODELS.resolve(name).fit(trace, 0), lone)[1]
        np.testing.assert_array_equal(fct, full.fct_ns)


def test_a_pod_may_have_many_hosts():
    """More than a byte can number."""
    large = replace(drawn_trace(), shape=replace(SHAPE, hosts=100))
    MIMIC_MODELS.resolve("markov").fit(large, 0)


def test_another_shape_is_refused(models):
    other = m4.topology.clos(pods=2, racks=2, hosts=3, planes=2, spines=2)
    scenario = m4.Scenario(other, scene(2).workload.of_rows(np.arange(0)), "newreno")
    pods = Pods.of(other, scenario.arrays)
    with pytest.raises(ConfigError, match=r"expected pods with hosts of 4, .* \(got 3\)"):
        models["lindley"].start(pods, scenario, 0)


def test_a_trace_of_nothing_is_refused(trace):
    empty = trace.thin(1e-9, seed=0)
    for name in TABLES:
        with pytest.raises(ConfigError, match="trace: expected"):
            MIMIC_MODELS.resolve(name).fit(empty, 0)


def port(curve, arrivals, tx=10):
    """Waits of packets that come to a port with a curve, one after the other."""
    arrive = np.array(arrivals)
    zeros = np.zeros(len(arrive), np.int64)
    waits = PortWaits(
        arrive, zeros, zeros + tx, zeros, zeros, zeros.astype(np.int8), *[zeros > 0] * 2
    )
    return roll_out(curve, waits, zeros, seed=0)[0].tolist()


def curve_of(wait_ticks=0.0, drop=0.0, drop_again=0.0):
    curve = np.zeros(1, PORT_CURVE)
    curve["is_fitted"], curve["wait_ticks"], curve["drop"] = 1, wait_ticks, drop
    curve["drop_again"] = drop_again
    for name in ("load_ticks", "fast_ticks", "slow_ticks"):
        curve[name] = 100.0
    return curve


def test_packets_wait_for_those_before_them():
    assert port(curve_of(), [0, 0, 5, 40]) == [0, 10, 15, 0]
    assert port(curve_of(wait_ticks=30), [0, 1, 100]) == [30, 39, 30]


def test_a_packet_that_was_there_earlier_does_not_wait_for_later_ones():
    """They come to the port's model in the order in which they came to the pod."""
    assert port(curve_of(), [100, 50, 55, 105, 100]) == [0, 0, 5, 5, 10]
    late = list(range(1000, 2000, 100))
    assert port(curve_of(), [*late, 5])[-1] <= 10 + 1400


def test_drops_come_in_rows():
    assert port(curve_of(drop=1.0), [0, 1]) == [DROPPED, DROPPED]
    curve = curve_of(drop=0.05, drop_again=0.6)
    dropped = np.array(port(curve, range(0, 10 * 20_000, 10))) == DROPPED
    assert dropped.mean() == pytest.approx(0.05 / (0.05 + 0.4), rel=0.1)
    assert dropped[1:][dropped[:-1]].mean() == pytest.approx(0.6, rel=0.1)


def test_a_packet_that_finds_room_does_not_end_a_row_of_drops():
    """Two packets come while a drop is remembered: a row ends when both have found room."""
    curve = curve_of(drop=0.05, drop_again=0.6)
    dropped = np.array(port(curve, range(0, 5 * 40_000, 5))) == DROPPED
    until_next = 0.6 + 2 * 0.4 * 0.6 + 0.16 * (2 + 1 / 0.05)
    assert dropped.mean() == pytest.approx(1 / until_next, rel=0.1)


def test_what_comes_marked_says_nothing_of_marks():
    """Every second packet comes marked; the port marks all others, and so would it have those."""
    arrive = 1000 * np.arange(400)
    zeros, came_marked = np.zeros(400, np.int64), np.arange(400) % 2 == 0
    waits = PortWaits(
        arrive, arrive % 7000, zeros + 10, zeros, zeros, zeros.astype(np.int8),
        ~came_marked, came_marked,
    )  # fmt: skip
    curves = fit_curves(waits, zeros, load_ticks=100.0)
    np.testing.assert_allclose(curves["mark"][0], 1)
    assert calibrate(curves, waits, zeros, seed=0)["mark"][0].min() > 0.9


def test_core_ports_are_learned_from_those_of_the_simulated_pod(trace):
    """With four pods, flows from three meet in front of the fourth; two pods have no such port."""
    model = Lindley.fit(trace, 0, num_pods=4)
    assert not model.curves["is_fitted"][[HOST_UP, CORE_DOWN]].any()
    model.learn_at_size(scene(4, num_flows=600), seed=0)
    curves = model.curves[CORE_DOWN]
    assert (curves["is_fitted"] == 1).all()
    assert (curves["wait_ticks"].max(axis=(1, 2)) > 1_000_000).all()


def test_a_run_at_size_counts_drops(models):
    """Of mimics, in the direction and of the kind of which they drop a tenth; and of ports."""
    curves = np.zeros((NUM_ROLES, NUM_KINDS), PORT_CURVE)
    curves[RACK_UP, 0] = curve_of(drop=0.1)[0]
    run = next(runs_at_size(Lindley(models["lindley"].shape, curves), scene(3, num_flows=600), 0))
    np.testing.assert_allclose(run.mimic_drops, [[0.1, 0], [0, 0]], atol=0.01)
    none = np.zeros(0, np.int64)
    lost = np.array([DROPPED, 0, 0, 0])
    zeros = np.zeros(4, np.int64)
    empty = PortWaits(none, none, none, none, none, none.astype(np.int8), *[none > 0] * 2)
    half = PortWaits(
        zeros, lost, zeros, zeros, zeros, np.array([0, 0, 1, 1], np.int8), *[zeros > 0] * 2
    )
    ports = {RACK_UP: half, AGG_UP: half, AGG_DOWN: half, CORE_DOWN: empty}
    np.testing.assert_allclose(RunAtSize(ports, run.mimic_drops).pod_drops(), [[0.75, 0], [0.5, 0]])
