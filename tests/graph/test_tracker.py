from __future__ import annotations

import math

import numpy as np
import pytest

import m4graph as m4
from m4graph.graph import FlowTracker
from m4graph.graph.schema import FLOW_FEATURES, LINK_FEATURES
from m4graph.runs import FlowNetwork, LabelledRun, event_stream, true_stream
from m4graph.runs.events import ARRIVAL, DEPARTURE, EVENT_RECORD
from m4graph.runs.settings import (
    FEATURE_NAMES,
    configuration_features,
    configuration_vector,
)

from .conftest import (
    LARGE,
    LARGE_IDEAL_NS,
    LARGE_WIRE_BYTES,
    PACKET_BYTES,
    star_scenario,
)


def steps_of(scenario, fct_ns):
    """All steps of a scenario whose flows take the given times."""
    network = FlowNetwork.from_scenario(scenario)
    tracker = FlowTracker([network])
    events = event_stream(network, np.array(fct_ns))
    return [tracker.step(events[i : i + 1]) for i in range(len(events))]


def flow_feature(step, name):
    """A feature of the flows of a step, by row of the workload."""
    values = step.flow_x[:, FLOW_FEATURES.index(name)].tolist()
    return dict(zip(step.flow_ids.tolist(), values, strict=True))


def link_feature(step, name):
    values = step.link_x[:, LINK_FEATURES.index(name)].tolist()
    return dict(zip(step.link_ids.tolist(), values, strict=True))


def vector_of(scenario):
    return configuration_vector(scenario.congestion_control, scenario.config)


def near(values):
    return pytest.approx(values, abs=2e-6)


@pytest.fixture
def two_flows():
    """Flow 0 alone for 10 us, then both into host 3, until flow 0 leaves at 150 us."""
    scenario = star_scenario([(0, 3, LARGE, 0), (1, 3, LARGE, 10_000)])
    return scenario, steps_of(scenario, [150_000, 200_000])


def test_who_is_touched(two_flows):
    _, steps = two_flows
    assert [sorted(step.flow_ids.tolist()) for step in steps] == [[0], [0, 1], [1], []]


def test_fair_rates(two_flows):
    _, steps = two_flows
    shares = [flow_feature(step, "log_fair_share") for step in steps]
    half = math.log(2)
    assert shares == [near({0: 0}), near({0: half, 1: half}), near({1: 0}), {}]


def test_remaining_bytes_drain_at_the_fair_rate(two_flows):
    _, steps = two_flows
    remaining = [flow_feature(step, "fluid_remaining") for step in steps]
    after_10_us = 1 - 10_000 / LARGE_WIRE_BYTES
    after_150_us = 1 - 140_000 / 2 / LARGE_WIRE_BYTES
    assert remaining[:2] == [near({0: 1}), near({0: after_10_us, 1: 1})]
    assert remaining[2] == near({1: after_150_us})


def test_what_is_known_of_a_flow(two_flows):
    scenario, steps = two_flows
    both = steps[1]
    packets = math.log1p(LARGE_WIRE_BYTES / PACKET_BYTES)
    assert flow_feature(both, "log_size") == near({0: packets / 4, 1: packets / 4})
    elapsed = math.log1p(10_000 / LARGE_IDEAL_NS)
    assert flow_feature(both, "log_elapsed") == near({0: elapsed, 1: 0})
    assert flow_feature(both, "is_event_flow") == {0: 0, 1: 1}
    assert flow_feature(both, "log_flows_first") == near({0: 0, 1: 0})
    assert flow_feature(both, "log_flows_last") == near({0: math.log(2), 1: math.log(2)})
    features = configuration_features(vector_of(scenario), nic_rate=1.0)
    for name, value in zip(FEATURE_NAMES, features, strict=True):
        assert flow_feature(both, f"configuration_{name}") == {0: value, 1: value}


def test_the_fluid_estimate_of_the_slowdown(two_flows):
    _, steps = two_flows
    fluid = flow_feature(steps[1], "log_fluid")
    # Flow 0: 10 us so far, then the rest at half the rate.
    rest_ns = 2 * (LARGE_WIRE_BYTES - 10_000)
    latency_ns = LARGE_IDEAL_NS - LARGE_WIRE_BYTES
    assert fluid[0] == near(math.log((10_000 + rest_ns + latency_ns) / LARGE_IDEAL_NS))
    assert fluid[1] == near(math.log((2 * LARGE_WIRE_BYTES + latency_ns) / LARGE_IDEAL_NS))


def test_what_others_have_left_to_send(two_flows):
    """Flow 0 has less left, so that the two share the link until it is through."""
    _, steps = two_flows
    left = LARGE_WIRE_BYTES - 10_000
    latency_ns = LARGE_IDEAL_NS - LARGE_WIRE_BYTES
    all_ns = left + LARGE_WIRE_BYTES + latency_ns
    shared = flow_feature(steps[1], "log_shared")
    assert shared[0] == near(math.log((10_000 + 2 * left + latency_ns) / LARGE_IDEAL_NS))
    assert shared[1] == near(math.log(all_ns / LARGE_IDEAL_NS))
    backlog = flow_feature(steps[1], "log_backlog")
    assert backlog[0] == near(math.log((10_000 + all_ns) / LARGE_IDEAL_NS))
    assert backlog[1] == near(math.log(all_ns / LARGE_IDEAL_NS))
    assert flow_feature(steps[1], "shorter_flows") == near({0: 0.0, 1: 0.5})
    assert flow_feature(steps[1], "log_flows_most") == near({0: math.log(2), 1: math.log(2)})
    packet_times = (left + LARGE_WIRE_BYTES) / PACKET_BYTES
    waiting = link_feature(steps[1], "log_backlog").values()
    assert max(waiting) == near(math.log1p(packet_times) / 4)


def test_many_flows_of_a_link_are_told_from_some():
    """Of 100 flows 32 are looked at, which stand for all: equal ones are told exactly."""
    scenario = star_scenario([(0, 1, LARGE, 0)] * 100)
    step = steps_of(scenario, [200_000_000] * 100)[99]
    latency_ns = LARGE_IDEAL_NS - LARGE_WIRE_BYTES
    expected = math.log((100 * LARGE_WIRE_BYTES + latency_ns) / LARGE_IDEAL_NS)
    assert flow_feature(step, "log_shared") == near(dict.fromkeys(range(100), expected))
    assert flow_feature(step, "log_backlog") == near(dict.fromkeys(range(100), expected))


def test_time_may_start_anywhere():
    """A link that nothing has crossed for ten seconds looks as one of some milliseconds."""
    gaps = []
    for start_ns in (10**8, 10**10):
        scenario = star_scenario([(0, 1, LARGE, start_ns)])
        gaps.append(link_feature(steps_of(scenario, [200_000])[0], "log_gap"))
    assert gaps[0] == gaps[1] == {link: 10.0 for link in gaps[0]}


def test_what_is_known_of_the_links(two_flows):
    scenario, steps = two_flows
    arrays = scenario.arrays
    up_0, up_1, down_3 = arrays.host_uplink[0], arrays.host_uplink[1], arrays.host_downlink[3]
    both = steps[1]
    assert both.link_ids.tolist()[: both.num_updated] == [up_1, down_3]
    assert link_feature(both, "on_event_route") == {up_0: 0, up_1: 1, down_3: 1}
    assert link_feature(both, "leaves_host") == {up_0: 1, up_1: 1, down_3: 0}
    assert link_feature(both, "enters_host") == {up_0: 0, up_1: 0, down_3: 1}
    assert link_feature(both, "utilisation")[down_3] == near(1)
    assert link_feature(both, "log_flows")[down_3] == near(math.log(3))
    gap = math.log1p(10_000 / PACKET_BYTES)
    assert link_feature(both, "log_gap") == near({up_0: gap, up_1: gap, down_3: gap})
    # The first link's state was last updated at its flow's arrival; host 1's never.
    assert link_feature(steps[2], "log_gap")[up_1] == near(math.log1p(140_000 / PACKET_BYTES))


@pytest.mark.parametrize("scope", ["hop", "component"])
def test_every_column_of_a_step_is_written(scope):
    network = FlowNetwork.from_scenario(star_scenario([(0, 3, LARGE, 0), (1, 3, 900, 10_000)]))
    tracker = FlowTracker([network], scope)
    for event in event_stream(network, np.array([150_000, 9000])):
        for name in ("flow_x", "flow_gap", "link_x", "link_gap", "edge_x"):
            getattr(tracker._state, name)[...] = math.nan
        step = tracker.step(np.array([event]))
        for name in ("flow_x", "flow_gap", "link_x", "link_gap", "crossed_by_x"):
            assert getattr(step, name).isfinite().all(), name


def test_edges_are_the_routes(two_flows):
    scenario, steps = two_flows
    for step in steps:
        flows = step.flow_ids[step.crossed_by[1]].tolist()
        links = step.link_ids[step.crossed_by[0]].tolist()
        routes = scenario.routes
        expected = [
            (flow, link)
            for flow in step.flow_ids.tolist()
            for link in routes.data_links[routes.data_ptr[flow] : routes.data_ptr[flow + 1]]
        ]
        assert list(zip(flows, links, strict=True)) == expected
        on_route = [edge for edge in expected if edge[1] in step.link_ids[: step.num_updated]]
        crossing = zip(step.flow_ids[step.crosses[0]], step.link_ids[step.crosses[1]], strict=True)
        assert [(int(flow), int(link)) for flow, link in crossing] == on_route


@pytest.mark.parametrize("size_bytes", [1, 1000, 5000, LARGE, 10_000_000])
@pytest.mark.parametrize(("src", "dst"), [(2, 3), (3, 2)])
def test_a_lone_flow_has_a_prior_of_exactly_one(size_bytes, src, dst):
    # The third flow shares no link with the others, which come and go while it is there.
    flows = [(0, 1, LARGE, 0), (0, 1, LARGE, 2000), (src, dst, size_bytes, 1000)]
    steps = steps_of(star_scenario(flows), [3000, 5000, 10_000_000])
    seen = [flow_feature(step, "log_prior") for step in steps]
    lone = [values[1] for values in seen if 1 in values]  # rows are in the order of the starts
    assert lone == [0.0]


def test_a_flow_after_another_is_as_good_as_alone():
    flows = [(0, 3, LARGE, 0), (0, 3, LARGE, 10_000_000)]
    steps = steps_of(star_scenario(flows), [LARGE_IDEAL_NS, LARGE_IDEAL_NS])
    assert flow_feature(steps[2], "log_prior") == {1: 0.0}


def test_touched_flows_are_those_of_the_packet_simulators_labels(fat_tree_run):
    run = LabelledRun.from_result(fat_tree_run)
    tracker, events = FlowTracker([run.network]), true_stream(run)
    routes = fat_tree_run.scenario.routes
    for i, event in enumerate(events):
        step = tracker.step(events[i : i + 1])
        labelled = run.label_flows[run.label_flow_ptr[i] : run.label_flow_ptr[i + 1]]
        assert sorted(step.flow_ids.tolist()) == sorted(labelled.tolist())
        route = slice(routes.data_ptr[event["flow"]], routes.data_ptr[event["flow"] + 1])
        assert step.link_ids[: step.num_updated].tolist() == routes.data_links[route].tolist()
        assert step.flow_x.isfinite().all()
        assert step.link_x.isfinite().all()


def test_other_numbers_for_the_hosts_change_nothing():
    rng = np.random.default_rng(0)
    pairs = np.array([rng.choice(6, 2, replace=False) for _ in range(30)])
    sizes, starts = rng.integers(1, 50_000, 30), np.sort(rng.choice(100_000, 30, replace=False))
    fct_ns = rng.integers(1000, 100_000, 30)
    # Different rates, as it is open which of two equally narrow links limits a flow.
    rates_bps = rng.integers(8_000, 12_000, 6) * 1_000_000
    renumber = rng.permutation(6)
    streams = []
    for numbers in (np.arange(6), renumber):
        flows = np.column_stack((numbers[pairs], sizes, starts))
        rates = rates_bps[np.argsort(numbers)]
        streams.append(steps_of(star_scenario(flows, num_hosts=6, rates_bps=rates), fct_ns))
    for before, after in zip(*streams, strict=True):
        for name in FLOW_FEATURES:
            assert flow_feature(before, name) == near(flow_feature(after, name))
        # Link 2h leaves host h, link 2h + 1 enters it.
        moved = {link: 2 * renumber[link // 2] + link % 2 for link in before.link_ids.tolist()}
        for name in LINK_FEATURES:
            values = {moved[link]: value for link, value in link_feature(before, name).items()}
            assert values == near(link_feature(after, name))


def test_side_by_side_is_the_same_as_alone(fat_tree_run):
    runs = [
        (FlowNetwork.from_scenario(fat_tree_run.scenario), fat_tree_run.fct_ns),
        (
            FlowNetwork.from_scenario(star_scenario([(0, 3, 9000, 0), (1, 3, 500, 400)])),
            np.array([9000, 2000]),
        ),
    ]
    streams = [event_stream(network, fct_ns) for network, fct_ns in runs]
    together = FlowTracker([network for network, _ in runs])
    alone = [FlowTracker([network]) for network, _ in runs]
    for k in range(max(map(len, streams))):
        present = [i for i, stream in enumerate(streams) if k < len(stream)]
        events = np.array([streams[i][k] for i in present])
        events["flow"] += together.first_flow[present].astype(np.int32)
        step = together.step(events)
        singles = [alone[i].step(streams[i][k : k + 1]) for i in present]
        assert step.num_updated == sum(single.num_updated for single in singles)
        for i, single in zip(present, singles, strict=True):
            assert_part_of(step, single, together.first_flow[i], together.first_link[i])
        rows = step.flow_ids.numpy()
        network_of_row = np.searchsorted(together.first_flow, rows, side="right") - 1
        now_ns = np.array([streams[i][k]["time_ns"] if i in present else -1 for i in range(2)])
        assert together.now_ns(rows).tolist() == now_ns[network_of_row].tolist()


def assert_part_of(step, single, first_flow, first_link):
    rows = {flow: row for row, flow in enumerate(step.flow_ids.tolist())}
    mine = [rows[flow + first_flow] for flow in single.flow_ids.tolist()]
    assert (step.flow_x[mine] == single.flow_x).all()
    assert (step.flow_gap[mine] == single.flow_gap).all()
    rows = {link: row for row, link in enumerate(step.link_ids.tolist())}
    mine = [rows[link + first_link] for link in single.link_ids.tolist()]
    assert (step.link_x[mine] == single.link_x).all()
    assert (step.link_gap[mine] == single.link_gap).all()


def test_buffers_grow_with_the_number_of_flows():
    flows = [(0, 3, LARGE, start) for start in range(300)]
    steps = steps_of(star_scenario(flows), [10**9] * 300)
    assert [len(step.flow_ids) for step in steps[:300]] == list(range(1, 301))
    assert flow_feature(steps[299], "log_fair_share") == near(
        dict.fromkeys(range(300), math.log(300))
    )


def test_steps_do_not_change_afterwards():
    network = FlowNetwork.from_scenario(star_scenario([(0, 3, LARGE, 0), (1, 3, LARGE, 5)]))
    tracker = FlowTracker([network])
    first = tracker.step(np.array([(0, 0, ARRIVAL)], EVENT_RECORD))
    kept = first.flow_x.clone()
    tracker.step(np.array([(5, 1, ARRIVAL)], EVENT_RECORD))
    tracker.step(np.array([(9, 0, DEPARTURE)], EVENT_RECORD))
    assert (first.flow_x == kept).all()


def test_configuration_is_free_of_scale():
    def vector(gbps, factor):
        network = m4.topology.star(num_hosts=2, gbps=gbps, delay_ns=1000)
        workload = m4.workload.generate(network, num_flows=1)
        control = {
            "kind": "dctcp",
            "init_window_bytes": 18_000 * factor,
            "min_rate_mbps": 1000 * factor,
            "additive_increase_mbps": 600 * factor,
        }
        raw = vector_of(m4.Scenario(network, workload, control))
        return configuration_features(raw, nic_rate=gbps / 8)

    assert vector(10, 1).tolist() == pytest.approx(vector(40, 4).tolist())
    assert vector(10, 1).tolist() != pytest.approx(vector(10, 2).tolist())
