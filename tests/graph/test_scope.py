"""What an event reaches, the places of links on routes, and sound numbers for any workload."""

from __future__ import annotations

from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_geometric.data import Batch

import m4graph as m4
from m4graph.graph import FlowTracker, to_event_step
from m4graph.graph.schema import CROSSED_BY, CROSSES, EDGE_FEATURES
from m4graph.runs import FlowNetwork, event_stream
from m4graph.runs.events import ARRIVAL
from m4graph.workload import Workload

from .test_component import NUM_LINKS, random_network, random_stream

TOPOLOGIES = {
    "star": lambda: m4.topology.star(num_hosts=5, gbps=8, delay_ns=500),
    "fat tree": lambda: m4.topology.fat_tree(k=4, host_gbps=10, fabric_gbps=40),
    "parking lot": lambda: m4.topology.parking_lot(num_switches=4, hosts_per_switch=2),
    "leaf spine": lambda: m4.topology.leaf_spine(
        num_leaves=2, hosts_per_leaf=3, num_spines=2, host_gbps=25, fabric_gbps=100, delay_ns=50
    ),
}
CONTROLS = {
    "dctcp": {"kind": "dctcp"},
    "small window": {"kind": "dctcp", "init_window_bytes": 1000},
    "fixed window": {"kind": "dctcp", "init_window_bytes": 30_000, "variable_window": False},
    "dcqcn": {"kind": "dcqcn"},
    "timely": {"kind": "timely"},
    "hpcc": {"kind": "hpcc"},
    "newreno": {"kind": "newreno"},
    "window": {"kind": "dctcp_window"},
}


class Joined:
    """Active flows and their links as a graph of networkx."""

    def __init__(self, network):
        self.route = np.split(network.route_links, network.route_ptr[1:-1])
        self.graph = nx.Graph()

    def take(self, event):
        """The flows joined to the event's flow by links in use, with it only if it has come."""
        flow = ("flow", int(event["flow"]))
        links = [("link", int(link)) for link in self.route[flow[1]]]
        self.graph.add_edges_from((flow, link) for link in links)
        if event["kind"] != ARRIVAL:
            self.graph.remove_node(flow)
        parts = [nx.node_connected_component(self.graph, link) for link in links]
        return {node for kind, node in set().union(*parts) if kind == "flow"}


def reference_stream(seed):
    network = replace(random_network(seed), link_kind=np.ones(NUM_LINKS, np.int8))
    return network, random_stream(network, seed), Joined(network)


@pytest.mark.parametrize("seed", range(4))
def test_the_scope_of_a_component_is_that_of_networkx(seed):
    network, stream, joined = reference_stream(seed)
    wide, near = FlowTracker([network], scope="component"), FlowTracker([network])
    wider = 0
    for event in stream:
        flows = joined.take(event)
        step, hop = wide.step(np.array([event])), near.step(np.array([event]))
        assert set(step.flow_ids.tolist()) == flows
        assert len(step.flow_ids) == len(flows)
        links = {int(link) for flow in flows for link in joined.route[flow]}
        own = set(joined.route[event["flow"]].tolist())
        assert set(step.link_ids.tolist()) == links | own
        # All of these are updated, so that all edges run both ways.
        assert step.num_updated == len(step.link_ids)
        assert torch.equal(step.crosses, step.crossed_by.flip(0))
        assert torch.equal(step.crosses_x, step.crossed_by_x)
        assert set(hop.flow_ids.tolist()) <= flows
        wider += len(hop.flow_ids) < len(flows)
    assert wider > len(stream) / 4


def places(network, step):
    """The place of each edge of ``crossed_by`` on its route, from the routes."""
    route = np.split(network.route_links, network.route_ptr[1:-1])
    links, flows = step.link_ids[step.crossed_by[0]], step.flow_ids[step.crossed_by[1]]
    hops = [
        (route[flow].tolist().index(link), len(route[flow]))
        for link, flow in zip(links.tolist(), flows.tolist(), strict=True)
    ]
    return torch.tensor([(hop / 8, (count - 1 - hop) / 8) for hop, count in hops]).reshape(-1, 2)


@pytest.mark.parametrize("scope", ["hop", "component"])
def test_edges_know_their_place_on_the_route(scope):
    network, stream, _ = reference_stream(5)
    tracker, places_seen = FlowTracker([network], scope=scope), set()
    for event in stream:
        step = tracker.step(np.array([event]))
        assert step.crossed_by_x.shape == (step.crossed_by.size(1), len(EDGE_FEATURES))
        assert torch.equal(step.crossed_by_x, places(network, step))
        onto_updated = step.crossed_by[0] < step.num_updated
        assert torch.equal(step.crosses, step.crossed_by[:, onto_updated].flip(0))
        assert torch.equal(step.crosses_x, step.crossed_by_x[onto_updated])
        places_seen |= {tuple(row) for row in step.crossed_by_x.tolist()}
    assert places_seen == {(i / 8, (n - 1 - i) / 8) for n in (1, 2, 3) for i in range(n)}


def test_edge_features_of_snapshots(fat_tree_run):
    scenario = fat_tree_run.scenario
    network = FlowNetwork.from_scenario(scenario)
    snapshots = [m4.to_hetero_data(scenario, at_event=i) for i in (3, 130, 200)]
    wide = m4.to_hetero_data(scenario, at_event=130, scope="network")
    for data in [*snapshots, wide]:
        for edges in (CROSSES, CROSSED_BY):
            assert data[edges].edge_attr.shape == (data[edges].num_edges, len(EDGE_FEATURES))
        step = to_event_step(data)
        assert torch.equal(step.crossed_by_x, places(network, step))
    assert torch.equal(wide[CROSSES].edge_attr, wide[CROSSED_BY].edge_attr)
    batch = to_event_step(Batch.from_data_list(snapshots))
    alone = [to_event_step(data) for data in snapshots]
    assert torch.equal(batch.crossed_by_x, torch.cat([step.crossed_by_x for step in alone]))
    assert torch.equal(batch.crosses_x, torch.cat([step.crosses_x for step in alone]))


@settings(max_examples=40, deadline=None)
@given(
    topology=st.sampled_from(sorted(TOPOLOGIES)),
    control=st.sampled_from(sorted(CONTROLS)),
    flows=st.lists(
        st.tuples(
            st.integers(0, 4),
            st.integers(1, 4),
            st.one_of(st.integers(1, 5000), st.integers(1, 10**8)),
            st.one_of(st.just(0), st.integers(0, 10**6)),
            st.one_of(st.integers(1, 10**5), st.integers(1, 10**10)),
        ),
        min_size=1,
        max_size=25,
    ),
    scope=st.sampled_from(["hop", "component"]),
)
def test_any_workload_has_sound_features(topology, control, flows, scope):
    src, shift, size_bytes, start_ns, fct_ns = np.array(flows, dtype=np.int64).T
    workload = Workload.from_arrays(
        np.arange(len(flows)), src, (src + shift) % 5, size_bytes, start_ns
    )
    scenario = m4.Scenario(TOPOLOGIES[topology](), workload, CONTROLS[control])
    network = FlowNetwork.from_scenario(scenario)
    tracker, events = FlowTracker([network], scope=scope), event_stream(network, fct_ns)
    for k in range(len(events)):
        step = tracker.step(events[k : k + 1])
        for name in ("flow_x", "flow_gap", "link_x", "link_gap", "crosses_x", "crossed_by_x"):
            assert getattr(step, name).isfinite().all(), name
        assert (step.log_prior >= 0).all()
        assert (step.flow_gap >= 0).all()
        assert (step.link_gap >= 0).all()
        check_estimate(tracker._state.estimate)


def check_estimate(state):
    """Waits and queues are not negative but for rounding, rates not above what links carry."""
    links, flows = state.links, state.flows
    for name in ("wait_ns", "rest_ns", "burst_bytes", "inflow_bytes", "inflow_ns", "used", "speed"):
        assert (links[name] >= -1e-6).all(), name
    assert (links["used"] <= links["rate"] * (1 + 1e-9)).all()
    assert (links["rest_ns"] <= links["held_ns"]).all()
    assert ((links["squeeze"] > 0) & (links["squeeze"] <= 1)).all()
    assert (state.nodes["queue_bytes"] >= -1e-3).all()
    for name in ("queue_ns", "rest_ns", "burst_wait_ns", "first_wait_ns"):
        assert (flows[name] >= -1e-3).all(), name
    assert ((flows["grant"] > 0) & (flows["grant"] <= 1)).all()
