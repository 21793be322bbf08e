"""Cables that are dead or slow from the start, in simulators that know nothing of time."""

from __future__ import annotations

import numpy as np
import pytest

import m4graph as m4
from m4graph.core.errors import ConfigError
from m4graph.results import UNFINISHED
from m4graph.scenario.faults import conditions_at
from m4graph.simulators.settled import settled
from m4graph.workload import Workload

OTHERS = ("fluid", "learned", "parsimon")
NETWORK = m4.topology.leaf_spine(
    num_leaves=3, hosts_per_leaf=2, num_spines=3, host_gbps=10, fabric_gbps=10, delay_ns=1000
)
LEAVES, SPINES = range(6, 9), range(9, 12)
WINDOW_BYTES = 18_000


def flows(*rows: tuple[int, int, int, int]) -> Workload:
    """A workload of rows (src, dst, bytes, start_ns)."""
    src, dst, size_bytes, start_ns = (np.array(column) for column in zip(*rows, strict=True))
    return Workload.from_arrays(np.arange(len(rows)), src, dst, size_bytes, start_ns)


def fault(kind, a, b, **keys):
    return {"kind": kind, "link": [a, b], **keys}


def scenario_of(workload, *faults, control="dctcp", **changes):
    return m4.Scenario(NETWORK, workload, control, faults=faults, **changes)


def apart(num_flows: int, sizes: tuple[int, ...]) -> Workload:
    """Flows between leaves, each done long before the next."""
    rng = np.random.default_rng(7)
    src = rng.integers(6, size=num_flows)
    dst = (src // 2 * 2 + 2 + rng.integers(4, size=num_flows)) % 6
    size_bytes = np.resize(sizes, num_flows)
    start_ns = 1_000_000 * np.arange(1, num_flows + 1)
    return flows(*zip(src, dst, size_bytes, start_ns, strict=True))


APART = apart(24, (500, 6000, 15_000, 90_000))
DEAD = [fault("down", LEAVES[0], SPINES[1])]
ONE_WAY = [fault("down", LEAVES[0], SPINES[1], direction="forward")]
CUT_OFF = [fault("down", LEAVES[0], spine) for spine in SPINES]
SLOW = [
    fault("slow", LEAVES[0], SPINES[0], factor=0.25),
    fault("slow", 3, LEAVES[1], rate_gbps=2.0, direction="forward"),
]


@pytest.mark.parametrize("faults", [DEAD, ONE_WAY, CUT_OFF, SLOW, DEAD + SLOW])
@pytest.mark.parametrize("convergence_us", [None, 0.0, 10.0])
def test_who_finishes_as_with_packet(faults, convergence_us):
    scenario = scenario_of(APART, *faults, routing={"convergence_us": convergence_us})
    truth = m4.simulate(scenario, "packet")
    guess = m4.simulate(scenario, "parsimon", jobs=1)
    assert guess.finished.tolist() == truth.finished.tolist()
    assert guess.ideal_fct_ns.tolist() == truth.ideal_fct_ns.tolist()
    assert guess.num_events == truth.num_events
    if truth.num_finished < truth.num_flows:
        assert guess.why_unfinished.endswith("flows did not finish: a cable on their route is down")


@pytest.mark.parametrize("size_bytes", [500, 15_000, 90_000, 400_000])
@pytest.mark.parametrize("convergence_us", [None, 0.0])
def test_lone_flows_as_with_packet(size_bytes, convergence_us):
    """To the nanosecond: over the slow cable, around the dead one, or onto it."""
    for src, dst in (0, 3), (1, 2), (4, 0), (2, 5):
        scenario = scenario_of(
            flows((src, dst, size_bytes, 10)),
            *DEAD,
            *SLOW,
            routing={"convergence_us": convergence_us},
        )
        truth = m4.simulate(scenario, "packet")
        assert m4.simulate(scenario, "parsimon", jobs=1).fct_ns == truth.fct_ns


@pytest.mark.parametrize("simulator", ["fluid", "learned"])
@pytest.mark.parametrize("faults", [DEAD, CUT_OFF, SLOW])
def test_lone_flows(simulator, faults):
    scenario = scenario_of(APART, *faults, routing={"convergence_us": 0.0})
    truth = m4.simulate(scenario, "packet")
    guess = m4.simulate(scenario, simulator)
    assert guess.finished.tolist() == truth.finished.tolist()
    window_bytes = scenario.congestion_control.init_window_bytes
    free = truth.finished & (APART.size_bytes <= window_bytes)  # The window holds up no flow.
    tolerance = {"fluid": 1e-3, "learned": 0.25}[simulator]
    np.testing.assert_allclose(guess.fct_ns[free], truth.fct_ns[free], rtol=tolerance)


@pytest.mark.parametrize("simulator", OTHERS)
def test_a_lone_flow_over_a_slow_cable(simulator):
    """18 packets of 1048 bytes leave at 1 Gb/s, and pass a link of 10 Gb/s."""
    star = m4.topology.star(num_hosts=3, gbps=10, delay_ns=1000)
    slow = fault("slow", 0, 3, rate_gbps=1.0)
    scenario = m4.Scenario(star, flows((0, 1, 18_000, 5)), "dctcp", faults=[slow])
    result = m4.simulate(scenario, simulator)
    expected_ns = 18 * 8384 + 1000 + 838 + 1000
    assert m4.simulate(scenario, "packet").fct_ns[0] == expected_ns
    if simulator == "learned":
        assert expected_ns <= result.fct_ns[0] < 1.5 * expected_ns
    else:
        assert result.fct_ns[0] == expected_ns
    assert result.slowdown[0] > 8  # The ideal time is that of the network as built.


@pytest.mark.parametrize("faults", [DEAD, ONE_WAY, CUT_OFF])
@pytest.mark.parametrize("convergence_us", [None, 10.0])
def test_routes_are_those_of_packet(faults, convergence_us):
    scenario = scenario_of(APART, *faults, routing={"convergence_us": convergence_us})
    found = settled("fluid", scenario)
    down = conditions_at(scenario.faults, scenario.arrays, 0).down
    wanted = scenario.routes
    if convergence_us is not None:
        wanted = scenario.routing.reroute(scenario.arrays, wanted, APART.src, APART.dst, down)
    rows = np.flatnonzero(found.finishes)
    assert found.scenario.num_flows == len(rows)
    for position, row in enumerate(rows):
        assert (
            found.scenario.routes.data_route(position).tolist() == wanted.data_route(row).tolist()
        )
        assert found.scenario.routes.ack_route(position).tolist() == wanted.ack_route(row).tolist()
        assert not down[wanted.data_route(row)].any()
    assert found.scenario.congestion_control == scenario.congestion_control
    assert found.scenario.config == scenario.config


@pytest.mark.parametrize("control", ["dctcp", "newreno"])
@pytest.mark.parametrize("window_bytes", [1000, 3500, 18_000])
def test_who_finishes_without_acks(control, window_bytes):
    """What fits into the first window arrives; what waits for an ACK does not."""
    star = m4.topology.star(num_hosts=3, gbps=10, delay_ns=1000)
    sizes = (999, 1000, 1001, 3000, 3500, 4000, 4001, 18_000, 18_001)
    workload = flows(*((0, 1, size, 10**6 * i) for i, size in enumerate(sizes)))
    keys = {"kind": control, "init_window_bytes": window_bytes}
    back = fault("down", 1, 3, direction="forward")
    scenario = m4.Scenario(star, workload, keys, faults=[back])
    truth = m4.simulate(scenario, "packet")
    assert settled("fluid", scenario).finishes.tolist() == truth.finished.tolist()


@pytest.mark.parametrize("simulator", OTHERS)
@pytest.mark.parametrize(
    ("bad", "got"),
    [
        (fault("down", 0, 6, at_us=1.0), "down from 1 us on"),
        (fault("slow", 0, 6, until_us=5.0, factor=0.5), "slow from 0 us on to 5 us"),
        (fault("loss", 0, 6, probability=0.1), "loss from 0 us on"),
    ],
)
def test_other_faults_are_refused(simulator, bad, got):
    scenario = scenario_of(APART, fault("down", 0, 6), bad)
    expected = rf"^faults\.1: expected a cable .* {simulator} simulator; .*\(got {got}\)$"
    with pytest.raises(ConfigError, match=expected):
        m4.simulate(scenario, simulator)


@pytest.mark.parametrize("simulator", ["fluid", "learned"])
def test_closed_loops_have_no_faults(simulator):
    loop = m4.workload.closed_loop(APART, limit_per_rack=1)
    with pytest.raises(ConfigError, match="faults: expected none in a session or a closed loop"):
        m4.simulate(scenario_of(loop, fault("down", 0, 6)), simulator)


def test_learned_side_by_side():
    """With faults and without, in one batch; what no flow has reached has no prediction."""
    many = [scenario_of(APART), scenario_of(APART, *CUT_OFF), scenario_of(APART, *SLOW)]
    together = m4.simulate_batch(many, "learned", engine="torch")
    for scenario, result in zip(many, together, strict=True):
        alone = m4.simulate(scenario, "learned", engine="torch")
        np.testing.assert_allclose(result.fct_ns, alone.fct_ns, rtol=1e-4)
    assert (together[1].fct_ns == UNFINISHED).any()


@pytest.mark.parametrize("simulator", OTHERS)
def test_compare_takes_it(simulator):
    network = m4.topology.leaf_spine(
        num_leaves=4, hosts_per_leaf=4, num_spines=2, host_gbps=10, fabric_gbps=20, delay_ns=1000
    )
    workload = m4.workload.generate(network, sizes="web_server", load=0.3, num_flows=400, seed=3)
    faults = [fault("down", 16, 20), fault("slow", 17, 21, factor=0.5)]
    routing = {"convergence_us": 0.0}
    scenario = m4.Scenario(network, workload, "dctcp", faults=faults, routing=routing)
    truth, guess = (m4.simulate(scenario, name) for name in ("packet", simulator))
    errors = m4.compare(truth, guess).errors
    assert errors[simulator].mean_error < 0.3
    healthy = m4.simulate(scenario.replace(faults=()), simulator)
    assert guess.slowdown.mean() > 1.01 * healthy.slowdown.mean()
