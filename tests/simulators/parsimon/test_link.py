"""One link against the packet simulator, to the nanosecond."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import networkx as nx
import numpy as np
import pytest

import m4graph as m4
from m4graph.core.errors import SimulationError
from m4graph.scenario import Scenario
from m4graph.simulators.packet.congestion import CONGESTION_KERNELS
from m4graph.simulators.parsimon.decomposition import Decomposition
from m4graph.simulators.parsimon.link_inputs import link_inputs
from m4graph.simulators.parsimon.link_model import KernelModel, LinkOutputs
from m4graph.workload import Workload

STEP = {"kmin_bytes": 20_000, "kmax_bytes": 20_000, "pmax": 1.0}
NO_PFC = {"buffer_bytes": 10**9}
ALGORITHMS: list[tuple[str, dict[str, Any]]] = [
    ("dctcp", NO_PFC),
    ("dcqcn", {**NO_PFC, "ecn": STEP}),
    ("timely", NO_PFC),
    ("hpcc", NO_PFC),
]
IDS = [kind for kind, _ in ALGORITHMS]


def flows(src: Any, dst: Any, size_bytes: Any, start_ns: Any) -> Workload:
    src, dst, size, start = np.broadcast_arrays(src, dst, size_bytes, start_ns)
    ids = np.arange(len(src))
    return Workload.from_arrays(ids, src=src, dst=dst, size_bytes=size, start_ns=start)


def incast(seed: int, num_sources: int, per_source: int, is_together: bool) -> Workload:
    """Flows from all sources to the host behind them."""
    rng = np.random.default_rng(seed)
    num_flows = num_sources * per_source
    src = rng.permutation(np.repeat(np.arange(num_sources), per_source))
    size = np.full(num_flows, 100_000) if is_together else rng.integers(1, 300_000, num_flows)
    start = np.zeros(num_flows, int) if is_together else rng.integers(0, 400_000, num_flows)
    return flows(src, num_sources, size, start)


def at_link(scenario: Scenario, link: int) -> tuple[np.ndarray, LinkOutputs]:
    """The FCTs of all flows, which cross the link, from its simulation alone."""
    network = Decomposition.of(scenario)
    model = KernelModel.of(scenario)
    outputs = model.run(link_inputs(network, np.array([link])), lambda num_packets: None)
    fct_ns = np.full(scenario.num_flows, -1)
    fct_ns[network.row_flow[network.link_ptr[link] : network.link_ptr[link + 1]]] = outputs.fct_ns
    return fct_ns, outputs


def last_link(scenario: Scenario) -> int:
    return int(scenario.routes.data_route(0)[-1])


@pytest.mark.parametrize(("kind", "config"), ALGORITHMS, ids=IDS)
@pytest.mark.parametrize(("num_sources", "is_together"), [(2, True), (8, False), (60, True)])
def test_incast_with_a_flow_a_source(
    kind: str, config: dict[str, Any], num_sources: int, is_together: bool
) -> None:
    for seed in range(3):
        workload = incast(seed, num_sources, 1, is_together)
        scenario = Scenario(m4.topology.star(num_sources + 1), workload, kind, config)
        truth = m4.simulate(scenario, "packet")
        fct_ns, _ = at_link(scenario, last_link(scenario))
        np.testing.assert_array_equal(fct_ns, truth.fct_ns)


@pytest.mark.parametrize(("kind", "config"), ALGORITHMS[:3], ids=IDS[:3])
@pytest.mark.parametrize(("num_sources", "per_source"), [(8, 4), (8, 20), (30, 10)])
def test_incast_with_flows_that_share_a_source(
    kind: str, config: dict[str, Any], num_sources: int, per_source: int
) -> None:
    for seed in range(3):
        workload = incast(seed, num_sources, per_source, is_together=False)
        scenario = Scenario(m4.topology.star(num_sources + 1), workload, kind, config)
        truth = m4.simulate(scenario, "packet")
        fct_ns, _ = at_link(scenario, last_link(scenario))
        np.testing.assert_array_equal(fct_ns, truth.fct_ns)


def test_random_marks_are_right_in_distribution() -> None:
    config = {**NO_PFC, "ecn": {"kmin_bytes": 8000, "kmax_bytes": 60_000, "pmax": 0.2}}
    means = []
    for simulator in ("packet", "parsimon"):
        found = []
        for seed in range(12):
            workload = incast(3, 20, 3, is_together=False)
            scenario = Scenario(m4.topology.star(21), workload, "dcqcn", config, seed=seed)
            found.append(m4.simulate(scenario, simulator).slowdown)
        means.append(np.mean(found))
        assert len({tuple(each) for each in found}) == len(found)
    assert means[1] == pytest.approx(means[0], rel=0.02)


@pytest.mark.parametrize("kind", ["dctcp", "dcqcn"])
@pytest.mark.parametrize("window_bytes", [None, 5000, 18_000])
def test_uplinks_without_events_are_those_with_events(
    kind: str, window_bytes: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(1)
    for num_flows, delay_ns in ((5, 200), (30, 1000), (200, 5000)):
        size, start = rng.integers(1, 60_000, num_flows), rng.integers(0, 300_000, num_flows)
        workload = flows(0, rng.integers(1, 6, num_flows), size, start)
        control = {"kind": kind, "init_window_bytes": window_bytes}
        scenario = Scenario(m4.topology.star(6, delay_ns=delay_ns), workload, control, NO_PFC)
        uplink = int(scenario.routes.data_route(0)[0])
        fast, outputs = at_link(scenario, uplink)
        kernel = CONGESTION_KERNELS.resolve(kind)
        with monkeypatch.context() as patch:
            patch.setitem(kernel.__dict__, "slowed_by_marks_only", False)
            slow, all_outputs = at_link(scenario, uplink)
        np.testing.assert_array_equal(fast, slow)
        np.testing.assert_array_equal(outputs.sending_ns, all_outputs.sending_ns)


@pytest.mark.parametrize("kind", ["dctcp", "dcqcn", "timely"])
def test_one_sender_to_many(kind: str) -> None:
    """Flows take turns at the NIC; receivers see one flow each."""
    scenario = Scenario(
        m4.topology.star(6), flows(0, np.arange(1, 6), [9000, 50_000, 1, 1000, 77_777], 0), kind
    )
    truth = m4.simulate(scenario, "packet")
    result = m4.simulate(scenario, "parsimon", passes=1)
    np.testing.assert_array_equal(result.fct_ns, truth.fct_ns)


def chain(rates_gbps: list[float], delay_ns: int) -> nx.Graph:
    """Two hosts with switches between, and a cable of each rate."""
    graph = nx.Graph()
    nodes = [0, *range(2, len(rates_gbps) + 1), 1]
    for node in nodes:
        graph.add_node(node, kind="host" if node < 2 else "switch")
    for (a, b), gbps in zip(pairwise(nodes), rates_gbps, strict=True):
        graph.add_edge(a, b, rate_bps=int(gbps * 10**9), delay_ns=delay_ns)
    return graph


@pytest.mark.parametrize("kind", ["dctcp", "dcqcn"])
@pytest.mark.parametrize("rates_gbps", [[10, 10], [10, 40, 10], [40, 10, 40], [10, 1, 10, 5]])
@pytest.mark.parametrize("window_bytes", [None, 5000, 18_000])
@pytest.mark.parametrize("min_load", [0.0, 1e6])
def test_lone_flow(
    kind: str, rates_gbps: list[float], window_bytes: int | None, min_load: float
) -> None:
    """With its links simulated, or all of them left out."""
    config = {**NO_PFC, "ecn": {"kmin_bytes": 10**9, "kmax_bytes": 10**9}}
    control = {"kind": kind, "init_window_bytes": window_bytes}
    for size_bytes in (1, 1000, 1001, 17_999, 250_001):
        for delay_ns in (0, 1000, 20_000):
            scenario = Scenario(
                chain(rates_gbps, delay_ns), flows([0], 1, size_bytes, 7), control, config
            )
            truth = m4.simulate(scenario, "packet").fct_ns
            result = m4.simulate(scenario, "parsimon", min_load=min_load)
            np.testing.assert_array_equal(result.fct_ns, truth)


def test_disjoint_flows_are_lone_flows() -> None:
    network = m4.topology.star(8)
    size = np.array([1000, 5555, 100_000, 1_000_000])
    scenario = Scenario(network, flows(np.arange(4), np.arange(4, 8), size, 0), "dctcp")
    result = m4.simulate(scenario, "parsimon")
    np.testing.assert_array_equal(result.fct_ns, m4.simulate(scenario, "packet").fct_ns)


@pytest.mark.parametrize("kind", ["dctcp", "dcqcn", "timely"])
def test_incast_from_near_and_far(kind: str) -> None:
    """Packets come to the link in quite another order than they were sent in."""
    rng = np.random.default_rng(4)
    network = m4.topology.star(13)
    for _, _, cable in network.edges(data=True):
        cable["delay_ns"] = int(rng.integers(100, 2_000_000))
    config = {**NO_PFC, "ecn": STEP, "headroom_cap": 0.5}
    for seed in range(2):
        scenario = Scenario(network, incast(seed, 12, 3, is_together=False), kind, config)
        truth = m4.simulate(scenario, "packet")
        fct_ns, _ = at_link(scenario, last_link(scenario))
        np.testing.assert_array_equal(fct_ns, truth.fct_ns)


@pytest.mark.parametrize("num_sources", [1, 3])
@pytest.mark.parametrize("window_bytes", [None, 10**15])
def test_more_on_the_way_than_memory_had_at_first_room_for(
    num_sources: int, window_bytes: int | None
) -> None:
    """All of it comes to the link before the first ACK is back: 30 000 packets."""
    network = m4.topology.star(num_sources + 1, gbps=100, delay_ns=10_000_000)
    workload = flows(np.arange(num_sources), num_sources, 10_000_000, 0)
    control = {"kind": "dctcp", "init_window_bytes": window_bytes, "min_rate_mbps": 100.0}
    scenario = Scenario(network, workload, control, {**NO_PFC, "headroom_cap": 0.5})
    truth = m4.simulate(scenario, "packet").fct_ns
    np.testing.assert_array_equal(at_link(scenario, last_link(scenario))[0], truth)
    np.testing.assert_array_equal(m4.simulate(scenario, "parsimon", passes=1).fct_ns, truth)


def test_a_link_that_takes_longer_than_its_clock_is_refused() -> None:
    network = m4.topology.star(2, gbps=0.001)
    scenario = Scenario(network, flows([0], 1, 10**10, 0), {"kind": "timely"})
    with pytest.raises(SimulationError, match="within 70368744177664 ns"):
        m4.simulate(scenario, "parsimon")
