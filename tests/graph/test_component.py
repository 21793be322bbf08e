"""Components of active flows, against networkx."""

from __future__ import annotations

from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
import torch

from m4graph.graph.paper.component import FLOW_FEATURES, ComponentTracker
from m4graph.runs import FlowNetwork, LabelledRun, event_stream, true_stream
from m4graph.runs.events import ARRIVAL, DEPARTURE
from m4graph.runs.paper_settings import NAMES
from m4graph.runs.settings import NAMES as CONFIGURATION

NUM_LINKS = 12


def random_network(seed, num_flows=80):
    """Flows with one to three links each, drawn at random."""
    random = np.random.default_rng(seed)
    routes = [random.choice(NUM_LINKS, random.integers(1, 4), False) for _ in range(num_flows)]
    return FlowNetwork(
        link_rate_bps=np.full(NUM_LINKS, 10**10),
        link_delay_ns=np.full(NUM_LINKS, 1000),
        link_kind=np.zeros(NUM_LINKS, np.int8),
        size_bytes=random.integers(1, 10**6, num_flows),
        start_ns=np.sort(random.integers(0, 25_000, num_flows)),
        ideal_fct_ns=np.full(num_flows, 1000),
        route_ptr=np.cumsum([0, *map(len, routes)]),
        route_links=np.concatenate(routes).astype(np.int32),
        link_src=np.arange(NUM_LINKS, dtype=np.int32),
        link_dst=np.arange(NUM_LINKS, dtype=np.int32) + NUM_LINKS,
        node_pool_bytes=np.zeros(2 * NUM_LINKS),
        configuration=np.zeros(len(CONFIGURATION)),
        window_bytes=np.array([10_000]),
        payload_bytes=np.array([1000]),
        paper_configuration=np.arange(len(NAMES), dtype=np.float32),
    )


def random_stream(network, seed):
    fct_ns = np.random.default_rng(seed).integers(1, 2500, network.num_flows)
    return event_stream(network, fct_ns)


class Reference:
    """Flows that were ever under way together on a link are joined, by a graph of networkx."""

    def __init__(self, network):
        self.route = np.split(network.route_links, network.route_ptr[1:-1])
        self.history, self.active, self.updated = nx.Graph(), set(), {}

    def users(self, link):
        return {flow for flow in self.active if link in self.route[flow]}

    def take(self, event):
        flow, now = int(event["flow"]), int(event["time_ns"])
        idle = {link for link in range(NUM_LINKS) if not self.users(link)}
        if event["kind"] == ARRIVAL:
            self.history.add_node(flow)
            for link in self.route[flow]:
                self.history.add_edges_from((flow, other) for other in self.users(link))
            self.active.add(flow)
            self.updated[flow] = now
        else:
            self.active.remove(flow)
        flows = nx.node_connected_component(self.history, flow) & self.active
        gap_us = max((now - self.updated[each] for each in flows), default=0) / 1000
        self.updated.update(dict.fromkeys(flows, now))
        links = {int(link) for each in flows for link in self.route[each]}
        return flows, links, links & idle, gap_us

    def connected_now(self, flow):
        """The flows joined to a flow by links that are in use at this moment."""
        graph = nx.Graph()
        for each in self.active:
            graph.add_edges_from((("flow", each), ("link", link)) for link in self.route[each])
        return {
            each
            for kind, each in nx.node_connected_component(graph, ("flow", flow))
            if kind == "flow"
        }


@pytest.mark.parametrize("seed", range(6))
def test_components_are_those_of_networkx(seed):
    network = random_network(seed)
    tracker, reference = ComponentTracker([network]), Reference(network)
    sizes, kept_together = [], 0
    for event in random_stream(network, seed):
        step = tracker.step(np.array([event]))
        flows, links, new_links, gap_us = reference.take(event)
        assert set(step.flow_ids.tolist()) == flows
        assert len(step.flow_ids) == len(flows)
        assert set(step.link_ids.tolist()) == links
        assert len(step.link_ids) == len(links) == step.num_updated
        new = step.flow_ids[step.flow_is_new].tolist()
        assert new == ([event["flow"]] if event["kind"] == ARRIVAL else [])
        assert set(step.link_ids[step.link_is_new].tolist()) == new_links
        np.testing.assert_allclose(step.flow_gap_us, gap_us, rtol=1e-6)
        np.testing.assert_allclose(step.link_gap_us, gap_us, rtol=1e-6)
        edges = {
            (int(step.flow_ids[i]), int(step.link_ids[j]))
            for i, j in zip(step.edge_flow, step.edge_link, strict=True)
        }
        assert edges == {(flow, int(link)) for flow in flows for link in reference.route[flow]}
        assert len(step.edge_flow) == len(edges)
        if event["kind"] == ARRIVAL:
            connected = reference.connected_now(event["flow"])
            assert connected <= flows
            kept_together += len(flows) > len(connected)
            hops = step.link_ids[step.hop_link].tolist()
            assert hops == reference.route[event["flow"]].tolist()
        else:
            assert len(step.hop_link) == 0
        sizes.append(len(flows))
    assert max(sizes) > 5
    assert kept_together > 0  # components that have fallen apart stay one


def test_features_of_flows():
    network = random_network(3)
    tracker = ComponentTracker([network])
    for event in random_stream(network, 3):
        step = tracker.step(np.array([event]))
        for row, flow in enumerate(step.flow_ids.tolist()):
            size, links = network.size_bytes[flow], np.diff(network.route_ptr)[flow]
            expected = [np.log2(size / 1000 + 1), links, *range(len(NAMES))]
            np.testing.assert_allclose(step.flow_x[row], expected, rtol=1e-6)
    assert step.flow_x.shape[1] == len(FLOW_FEATURES) == 15


def test_networks_side_by_side_equal_networks_alone():
    networks = [random_network(seed, num_flows=40 + 10 * seed) for seed in range(3)]
    streams = [random_stream(network, seed) for seed, network in enumerate(networks)]
    together = ComponentTracker(networks)
    alone = [ComponentTracker([network]) for network in networks]
    for k in range(max(map(len, streams))):
        events, parts = [], []
        for index, stream in enumerate(streams):
            if k < len(stream):
                parts.append((index, alone[index].step(stream[k : k + 1])))
                event = stream[k].copy()
                event["flow"] += together.first_flow[index]
                events.append(event)
        step = together.step(np.array(events))
        flows = [part.flow_ids + int(together.first_flow[index]) for index, part in parts]
        links = [part.link_ids + int(together.first_link[index]) for index, part in parts]
        assert torch.equal(step.flow_ids, torch.cat(flows))
        assert torch.equal(step.link_ids, torch.cat(links))
        for name in ("flow_x", "flow_is_new", "flow_gap_us", "link_is_new", "link_gap_us"):
            expected = torch.cat([getattr(part, name) for _, part in parts])
            assert torch.equal(getattr(step, name), expected)
        pairs = torch.cat([part.link_ids[part.edge_link] for _, part in parts])
        offsets = torch.cat(
            [torch.full((len(part.edge_link),), int(together.first_link[i])) for i, part in parts]
        )
        assert torch.equal(step.link_ids[step.edge_link], pairs + offsets)


def test_flows_can_be_admitted_one_by_one():
    network = random_network(1, num_flows=700)
    stream = random_stream(network, 1)
    nothing = replace(
        network,
        size_bytes=network.size_bytes[:0],
        start_ns=network.start_ns[:0],
        ideal_fct_ns=network.ideal_fct_ns[:0],
        route_ptr=network.route_ptr[:1],
        route_links=network.route_links[:0],
    )
    growing, whole = ComponentTracker([nothing]), ComponentTracker([network])
    for k in range(len(stream)):
        if stream[k]["kind"] == ARRIVAL:
            flow = int(stream[k]["flow"])
            route = slice(*network.route_ptr[flow : flow + 2])
            growing.admit_flows(
                replace(
                    nothing,
                    size_bytes=network.size_bytes[flow : flow + 1],
                    start_ns=network.start_ns[flow : flow + 1],
                    ideal_fct_ns=network.ideal_fct_ns[flow : flow + 1],
                    route_ptr=np.array([0, route.stop - route.start]),
                    route_links=network.route_links[route],
                )
            )
            assert growing.num_flows == flow + 1
        step, expected = growing.step(stream[k : k + 1]), whole.step(stream[k : k + 1])
        for name in vars(expected):
            assert torch.equal(getattr(step, name), getattr(expected, name)), name


def test_a_packet_run_falls_into_components(fat_tree_run):
    run = LabelledRun.from_result(fat_tree_run)
    tracker = ComponentTracker([run.network])
    stream = true_stream(run)
    for k in range(len(stream)):
        step = tracker.step(stream[k : k + 1])
        labelled = run.label_flows[run.label_flow_ptr[k] : run.label_flow_ptr[k + 1]]
        # Flows that share a link with the event's are a part of its component.
        assert set(labelled.tolist()) <= set(step.flow_ids.tolist())
        assert tracker.now_ns(np.array([0]))[0] == stream[k]["time_ns"]
    assert stream[-1]["kind"] == DEPARTURE
    assert len(step.flow_ids) == len(step.link_ids) == 0
