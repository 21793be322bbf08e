"""The original's model, against the same thing written out event by event."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch_geometric.data import HeteroData
from torch_geometric.nn import SAGEConv

from m4graph.checkpoint import load_checkpoint, read_config, save_checkpoint
from m4graph.core.errors import CheckpointError, ConfigError
from m4graph.graph.paper.component import FLOW_FEATURES, ComponentTracker
from m4graph.nn import PaperModel
from m4graph.runs import FlowNetwork, event_stream
from m4graph.runs.events import ARRIVAL
from m4graph.runs.settings import NAMES as CONFIGURATION

HIDDEN = 8
ROUTES = [[0, 2], [1, 2], [3], [1, 2, 3], [0], [3, 0]]
START_NS = [0, 500, 600, 600, 2000, 9000]
FCT_NS = [3000, 1700, 1400, 4000, 2500, 700]


@pytest.fixture
def network():
    lengths = [len(route) for route in ROUTES]
    return FlowNetwork(
        link_rate_bps=np.full(4, 10**10),
        link_delay_ns=np.full(4, 1000),
        link_kind=np.zeros(4, np.int8),
        size_bytes=np.array([1000, 5000, 300, 70_000, 20, 10**6]),
        start_ns=np.array(START_NS),
        ideal_fct_ns=np.full(6, 1000),
        route_ptr=np.cumsum([0, *lengths]),
        route_links=np.concatenate(ROUTES).astype(np.int32),
        link_src=np.arange(4, dtype=np.int32),
        link_dst=np.arange(4, dtype=np.int32) + 4,
        node_pool_bytes=np.zeros(2 * 4),
        configuration=np.zeros(len(CONFIGURATION)),
        window_bytes=np.array([10_000]),
        payload_bytes=np.array([1000]),
        paper_configuration=np.linspace(0, 1, 13, dtype=np.float32),
    )


def small_model(**config):
    torch.manual_seed(0)
    return PaperModel(**{"hidden_channels": HIDDEN, "gnn_channels": 12, **config}).eval()


def steps_of(network):
    tracker = ComponentTracker([network])
    events = event_stream(network, np.array(FCT_NS))
    return events, [tracker.step(events[k : k + 1]) for k in range(len(events))]


def test_the_released_size():
    model = PaperModel()
    assert sum(parameter.numel() for parameter in model.parameters()) == 1_501_003
    for conv, (before, after) in zip(
        model.convs, [(200, 300), (300, 300), (300, 200)], strict=True
    ):
        assert type(conv) is SAGEConv
        assert (conv.in_channels, conv.out_channels) == (before, after)
        assert conv.project
        assert conv.aggr == "sum"
    assert [norm.normalized_shape for norm in model.norms] == [(300,), (300,), (200,)]
    assert model.slowdown_head[0].in_features == 214
    assert model.flow_rate_cell.input_size == 213
    assert model.link_rate_cell.input_size == 200
    assert model.flow_time_cell.input_size == model.link_time_cell.input_size == 1
    assert model.slowdown_head[2].p == 0.2


def test_shapes(network):
    _, steps = steps_of(network)
    step = max(steps, key=lambda step: len(step.flow_ids))
    flows, links = len(step.flow_ids), len(step.link_ids)
    output = small_model()(step, torch.randn(flows, HIDDEN), torch.randn(links, HIDDEN))
    assert output.flow_state.shape == (flows, HIDDEN)
    assert output.link_state.shape == (links, HIDDEN)
    assert output.log_slowdown.shape == output.remaining.shape == (flows,)
    assert output.cbrt_queue.shape == step.hop_link.shape
    assert (output.log_slowdown >= 0).all()


class Plain:
    """The model as the paper tells it: states in dictionaries, one node after the other."""

    def __init__(self, model, network):
        self.model, self.network = model, network
        self.settings = torch.from_numpy(network.paper_configuration)
        self.flow, self.link, self.updated = {}, {}, {}

    def new_flow(self, flow):
        state = torch.zeros(HIDDEN)
        state[0] = 1
        state[2] = np.log2(self.network.size_bytes[flow] / 1000 + 1)
        state[3] = len(ROUTES[flow])
        return state

    def new_link(self):
        state = torch.zeros(HIDDEN)
        state[1] = state[2] = 1
        return state

    def take(self, event, flows):
        """Updates a component; gives queues and remaining shares as of before the messages."""
        model, now = self.model, int(event["time_ns"])
        if event["kind"] == ARRIVAL:
            self.flow[event["flow"]] = self.new_flow(event["flow"])
            self.updated[event["flow"]] = now
        links = sorted({link for flow in flows for link in ROUTES[flow]})
        for link in links:
            if link not in self.link:
                self.link[link] = self.new_link()
        gap_us = max((now - self.updated[flow] for flow in flows), default=0) / 1000
        if gap_us > 0:
            gap = torch.tensor([[gap_us]])
            for flow in flows:
                self.flow[flow] = model.flow_time_cell(gap, self.flow[flow][None])[0]
            for link in links:
                self.link[link] = model.link_time_cell(gap, self.link[link][None])[0]
        self.updated.update(dict.fromkeys(flows, now))
        remaining = {flow: model.remaining_head(self.flow[flow]) for flow in flows}
        route = ROUTES[event["flow"]] if event["kind"] == ARRIVAL else []
        queues = [model.queue_head(self.link[link]) for link in route]
        nodes = [("flow", flow) for flow in flows] + [("link", link) for link in links]
        x = torch.stack([getattr(self, kind)[name] for kind, name in nodes]) if nodes else None
        edges = [
            (nodes.index(("flow", flow)), nodes.index(("link", link)))
            for flow in flows
            for link in ROUTES[flow]
        ]
        for conv, norm in zip(model.convs, model.norms, strict=True):
            x = norm(dense_sage(conv, x, edges)) if nodes else None
        for row, (kind, name) in enumerate(nodes):
            if kind == "flow":
                inputs = torch.cat((x[row], self.settings))
                self.flow[name] = model.flow_rate_cell(inputs[None], self.flow[name][None])[0]
            else:
                self.link[name] = model.link_rate_cell(x[row][None], self.link[name][None])[0]
        for link in set(self.link) - {link for flow in self.active() for link in ROUTES[flow]}:
            del self.link[link]
        return remaining, queues

    def active(self):
        return self.flow

    def slowdown(self, flow):
        links = torch.tensor([float(len(ROUTES[flow]))])
        return self.model.slowdown_head(torch.cat((links, self.settings, self.flow[flow])))


def dense_sage(conv, x, edges):
    """PyG's formula with an adjacency matrix."""
    adjacency = torch.zeros(len(x), len(x))
    for flow, link in edges:
        adjacency[flow, link] = adjacency[link, flow] = 1
    return conv.lin_l(adjacency @ torch.relu(conv.lin(x))) + conv.lin_r(x)


@torch.no_grad()
def test_equal_to_the_paper_event_by_event(network):
    model = small_model()
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.4)
    events, steps = steps_of(network)
    plain = Plain(model, network)
    flow_state, link_state = torch.full((6, HIDDEN), 9.0), torch.full((4, HIDDEN), 9.0)
    gaps, active = [], set()
    for event, step in zip(events, steps, strict=True):
        output = model(step, flow_state[step.flow_ids], link_state[step.link_ids])
        flow_state[step.flow_ids] = output.flow_state
        link_state[step.link_ids] = output.link_state
        if event["kind"] == ARRIVAL:
            active.add(int(event["flow"]))
        else:
            active.remove(int(event["flow"]))
            del plain.flow[event["flow"]]
        flows = step.flow_ids.tolist()
        remaining, queues = plain.take(event, flows)
        assert set(flows) <= active
        for row, flow in enumerate(flows):
            torch.testing.assert_close(output.flow_state[row], plain.flow[flow])
            torch.testing.assert_close(output.remaining[row], remaining[flow][0])
            log_slowdown = plain.slowdown(flow).clamp_min(1).log()[0]
            torch.testing.assert_close(output.log_slowdown[row], log_slowdown)
        for row, link in enumerate(step.link_ids.tolist()):
            torch.testing.assert_close(output.link_state[row], plain.link[link])
        torch.testing.assert_close(
            output.cbrt_queue, torch.cat(queues) if queues else torch.zeros(0)
        )
        gaps.append(float(step.flow_gap_us.sum()))
    assert 0 in gaps
    assert max(gaps) > 0


@torch.no_grad()
def test_messages_equal_pyg_on_a_homogeneous_graph(network):
    """The graph of a step, made homogeneous by PyG itself, through plain layers of PyG."""
    model = small_model()
    step = max(steps_of(network)[1], key=lambda step: len(step.flow_ids))
    data = HeteroData()
    data["flow"].x = torch.randn(len(step.flow_ids), HIDDEN)
    data["link"].x = torch.randn(len(step.link_ids), HIDDEN)
    data["flow", "crosses", "link"].edge_index = torch.stack((step.edge_flow, step.edge_link))
    data["link", "rev_crosses", "flow"].edge_index = torch.stack((step.edge_link, step.edge_flow))
    graph = data.to_homogeneous()
    x = graph.x
    for conv, norm in zip(model.convs, model.norms, strict=True):
        plain = SAGEConv(conv.in_channels, conv.out_channels, aggr="sum", project=True)
        plain.load_state_dict(conv.state_dict())
        x = norm(plain(x, graph.edge_index))
    flow, link = model._exchange(step, data["flow"].x, data["link"].x)
    torch.testing.assert_close(torch.cat((flow, link)), x)


def test_states_of_what_is_new_are_not_read(network):
    model = small_model()
    for step in steps_of(network)[1]:
        flow_state = torch.randn(len(step.flow_ids), HIDDEN)
        link_state = torch.randn(len(step.link_ids), HIDDEN)
        expected = model(step, flow_state, link_state)
        flow_state[step.flow_is_new] = float("nan")
        link_state[step.link_is_new] = float("nan")
        for ours, theirs in zip(model(step, flow_state, link_state), expected, strict=True):
            assert torch.equal(ours, theirs)


def test_gradients_reach_every_parameter(network):
    model = small_model()
    step = next(
        step for step in steps_of(network)[1] if len(step.hop_link) and step.flow_gap_us.max() > 0
    )
    output = model.update(
        step, torch.randn(len(step.flow_ids), HIDDEN), torch.randn(len(step.link_ids), HIDDEN)
    )
    slowdown = model.slowdown(step.flow_x, output.flow_state)
    sum(part.square().sum() for part in (*output, slowdown)).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_config_builds_the_same_model():
    model = small_model(num_layers=2, dropout=0.5)
    again = PaperModel(**json.loads(json.dumps(model.config)))
    again.load_state_dict(model.state_dict())
    assert again.config == model.config


@pytest.mark.parametrize(
    ("name", "value"),
    [("hidden_channels", 3), ("hidden_channels", 8.0), ("gnn_channels", 0), ("num_layers", True)],
)
def test_bad_sizes(name, value):
    with pytest.raises(ConfigError, match=f"{name}: expected an integer of"):
        PaperModel(**{name: value})


METADATA = {
    "training": {"config_hash": "a", "data_hash": "b", "seed": 0, "steps": 1, "wall_s": 1.0},
    "training_domain": {"congestion_control": "dctcp"},
    "licence": "none",
}


def test_a_checkpoint_at_half_precision(tmp_path):
    torch.manual_seed(0)
    model = PaperModel()
    save_checkpoint(tmp_path / "m", model, METADATA, "A card.", half=True)
    size = (tmp_path / "m" / "model.safetensors").stat().st_size
    assert 3.0e6 < size < 3.1e6
    loaded = load_checkpoint(tmp_path / "m")
    assert type(loaded) is PaperModel
    assert loaded.config == model.config
    for name, value in loaded.state_dict().items():
        assert value.dtype == torch.float32
        assert torch.equal(value, model.state_dict()[name].half().float()), name


def test_a_checkpoint_names_its_own_features(tmp_path):
    save_checkpoint(tmp_path / "m", small_model(), METADATA, "A card.")
    record = read_config(tmp_path / "m").graph
    assert tuple(record.flow_features) == FLOW_FEATURES
    assert record.link_features == []
    path = tmp_path / "m" / "config.json"
    path.write_text(path.read_text().replace("log2_size", "log_size"))
    with pytest.raises(CheckpointError, match=r"flow_features: expected 'log2_size' in column 0"):
        read_config(tmp_path / "m")


def test_a_step_moves_to_a_device(network):
    step = steps_of(network)[1][2]
    moved = replace(step).to("cpu")
    for name, value in vars(step).items():
        assert torch.equal(getattr(moved, name), value)
