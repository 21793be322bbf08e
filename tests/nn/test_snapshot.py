from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch_geometric.explain import DummyExplainer, Explainer, GNNExplainer
from torch_geometric.nn.conv import SAGEConv

import m4graph as m4
from m4graph.core.errors import ConfigError
from m4graph.graph import to_event_step
from m4graph.graph.schema import CROSSED_BY, CROSSES, FLOW, FLOW_FEATURES, LINK
from m4graph.nn import FlowLinkModel
from m4graph.nn.attribution import IntegratedGradients
from m4graph.nn.snapshot import SnapshotModel, snapshot_at, stateful_snapshots
from m4graph.runs.events import DEPARTURE

HIDDEN = 8
MASKS = {
    "explanation_type": "model",
    "node_mask_type": "attributes",
    "edge_mask_type": "object",
    "model_config": {"mode": "regression", "task_level": "node", "return_type": "raw"},
}


def random_model(**config):
    torch.manual_seed(0)
    model = FlowLinkModel(**{"hidden_channels": HIDDEN, **config})
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.2)
    return model.eval()


@pytest.fixture(scope="module")
def model():
    model = random_model()
    # With wild factors, many flows are overdue, and leave in the instant in which others do.
    nn.init.constant_(model.slowdown_head[-1].bias, 0.0)
    nn.init.normal_(model.slowdown_head[-1].weight, std=0.02)
    return model


@pytest.fixture(scope="module")
def result(model):
    network = m4.topology.leaf_spine(num_leaves=2, hosts_per_leaf=3, num_spines=1)
    workload = m4.workload.generate(network, "web_search", load=0.7, num_flows=40, seed=4)
    scenario = m4.Scenario(network, workload, "dctcp")
    with pytest.MonkeyPatch.context() as patch:
        # Flows that no event touches follow their fair shares, which no snapshot shows.
        patch.setattr("m4graph.learned.torch_engine.keep_rules", lambda agenda, state: None)
        return m4.simulate(scenario, "learned", model=model, engine="torch")


@pytest.fixture(scope="module")
def snapshots(model, result):
    return list(stateful_snapshots(model, result))


@pytest.fixture
def busy(snapshots):
    """An event that touches several flows, and reads links beyond its route."""
    return max(snapshots, key=lambda each: each[FLOW].num_nodes)


def predict(model, snapshot):
    explained = SnapshotModel(model)
    args, options = explained.inputs(snapshot)
    with torch.no_grad():
        return explained(*args, **options)


def capacity_ns(result):
    """When each flow's links can have carried what was done by its own finish, less latencies."""
    scenario = result.scenario
    workload, routes, rate_bps = scenario.workload, scenario.routes, scenario.arrays.link_rate_bps
    start_ns, finish_ns = result.start_ns, result.start_ns + result.fct_ns
    full, rest = np.divmod(workload.size_bytes - 1, 1000)
    crossed = [set(routes.data_route(flow).tolist()) for flow in range(workload.num_flows)]
    least = np.zeros(workload.num_flows)
    for flow, links in enumerate(crossed):
        for link in links:
            left = [g for g in np.flatnonzero(finish_ns <= finish_ns[flow]) if link in crossed[g]]
            for first_ns in start_ns[left]:
                inside = [g for g in left if start_ns[g] >= first_ns]
                if flow in inside:
                    busy_ns = full[inside] * (1048 * 8 * 10**9 // rate_bps[link])
                    busy_ns += (rest[inside] + 49) * 8 * 10**9 // rate_bps[link]
                    least[flow] = max(least[flow], first_ns + busy_ns.sum() - start_ns[flow])
    return least


def test_it_predicts_what_the_simulator_did(model, result, snapshots):
    """What a flow is last predicted to take, it takes, if that is not over yet or below ideal, and
    if its links can have carried it by then; where another leaves, it is not predicted to be later.
    """
    start_ns = dict(zip(result.flow_id.tolist(), result.start_ns.tolist(), strict=True))
    ideal_ns = dict(zip(result.flow_id.tolist(), result.ideal_fct_ns.tolist(), strict=True))
    fct_ns = {}
    for each in snapshots:
        slowdown = predict(model, each).exp().tolist()
        for flow, value in zip(each[FLOW].flow_id.tolist(), slowdown, strict=True):
            elapsed_ns = each.event_time_ns - start_ns[flow]
            latest_ns = max(value * ideal_ns[flow], ideal_ns[flow], elapsed_ns)
            if each.event_kind == DEPARTURE:  # no later than before, which the links may have held
                latest_ns = min(latest_ns, max(fct_ns[flow], elapsed_ns))
            fct_ns[flow] = latest_ns
    expected = np.array([fct_ns[flow] for flow in result.flow_id.tolist()])
    is_held = result.fct_ns > expected * (1 + 1e-5) + 1
    assert 0 < is_held.sum() < 20
    np.testing.assert_allclose(result.fct_ns[~is_held], expected[~is_held], rtol=1e-5, atol=1)
    # Those that are held leave as their busiest link has sent them: a route's idle time later.
    lateness_ns = (result.fct_ns - capacity_ns(result))[is_held]
    assert (lateness_ns >= 0).all()
    assert (lateness_ns < 10_000).all()
    # A result does not tell the order of what happens in one instant; here, nothing does.
    times = np.concatenate((result.start_ns, result.start_ns + result.fct_ns))
    assert len(np.unique(times)) == 80


def test_states_are_those_of_the_events_before(model, snapshots):
    """A flow or link comes with zeros, then with what its last update gave it."""
    known = {FLOW: {}, LINK: {}}
    num_met = 0
    for each in snapshots:
        for kind in (FLOW, LINK):
            for node, state in zip(each[kind].n_id.tolist(), each[kind].state, strict=True):
                num_met += node in known[kind]
                assert torch.equal(state, known[kind].get(node, torch.zeros(HIDDEN)))
        with torch.no_grad():
            out = model(to_event_step(each), each[FLOW].state, each[LINK].state)
        touched = each[LINK].n_id[each[LINK].touched]
        known[FLOW].update(zip(each[FLOW].n_id.tolist(), out.flow_state, strict=True))
        known[LINK].update(zip(touched.tolist(), out.link_state, strict=True))
    assert num_met > 100


def test_one_event(model, result, snapshots):
    snapshot = snapshot_at(model, result, 30)
    assert snapshot.at_event == 30
    assert torch.equal(snapshot[FLOW].state, snapshots[30][FLOW].state)
    assert torch.equal(predict(model, snapshot), predict(model, snapshots[30]))


def test_any_departures_can_be_followed(model, result):
    truth = m4.simulate(result.scenario, "fluid")
    times = [each.event_time_ns for each in stateful_snapshots(model, truth)]
    ends = np.concatenate((truth.start_ns, truth.start_ns + truth.fct_ns))
    assert times == np.sort(ends).tolist()


def test_a_departure_that_leaves_no_flow(model, snapshots):
    lonely = [each for each in snapshots if each[FLOW].num_nodes == 0]
    assert all(each.event_kind == DEPARTURE for each in lonely)
    assert lonely
    assert predict(model, lonely[0]).shape == (0,)


@pytest.mark.parametrize("at_event", [-1, 80, "7"])
def test_no_such_event(model, result, at_event):
    with pytest.raises(ConfigError, match=r"at_event: expected 0 to 79 \(got"):
        snapshot_at(model, result, at_event)


class Plain(nn.Module):
    """A layer whose messages cannot be masked."""

    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.lin = nn.Linear(in_channels[1], out_channels)

    def forward(self, x, edge_index):
        return self.lin(x[1])


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (nn.Linear(2, 2), "expected a FlowLinkModel"),
        (FlowLinkModel(hidden_channels=2, scope="component"), "expected one of scope 'hop'"),
        (FlowLinkModel(conv=Plain, hidden_channels=2), "MessagePassing.*got a Plain"),
    ],
)
def test_models_that_cannot_be_explained(other, message):
    with pytest.raises(ConfigError, match=message):
        SnapshotModel(other)


@pytest.mark.parametrize("conv", ["sage", "gatv2", SAGEConv])
def test_edge_masks_reach_the_layers(conv, busy):
    """Silencing all edges is as having none, but for layers that count them."""
    explained = SnapshotModel(random_model(conv=conv))
    (x, edges), options = explained.inputs(busy)
    explainer = Explainer(explained, DummyExplainer(), **MASKS)

    def masked(value):
        masks = {kind: torch.full((each.size(1),), value) for kind, each in edges.items()}
        return explainer.get_masked_prediction(x, edges, None, masks, **options)

    with torch.no_grad():
        plain = explained(x, edges, **options)
    torch.testing.assert_close(masked(1.0), plain)
    none = {kind: each[:, :0] for kind, each in edges.items()}
    bare = {kind: each[:0] for kind, each in options["edge_attr_dict"].items()}
    with torch.no_grad():
        silent = explained(x, none, bare, options["num_updated"])
        again = explained(x, edges, **options)
    torch.testing.assert_close(masked(0.0), silent)
    assert (silent - plain).abs().max() > 1e-3
    assert torch.equal(again, plain)  # nothing is left behind


def attribution(model, snapshot, index, **baselines):
    explained = SnapshotModel(model)
    args, options = explained.inputs(snapshot)
    explainer = Explainer(explained, IntegratedGradients(**baselines), **MASKS)
    return explainer(*args, **options, index=index)


def test_parts_add_up_to_the_prediction(model, busy):
    """Compared with zeros and silence, of which the model makes a prediction, too."""
    explanation = attribution(model, busy, 1, num_steps=100)
    masks = [*explanation.node_mask_dict.values(), *explanation.edge_mask_dict.values()]
    explained = SnapshotModel(model)
    (x, edges), options = explained.inputs(busy)
    zeros = {kind: torch.zeros_like(rows) for kind, rows in x.items()}
    silence = {kind: torch.zeros(each.size(1)) for kind, each in edges.items()}
    explainer = Explainer(explained, DummyExplainer(), **MASKS)
    start = explainer.get_masked_prediction(zeros, edges, None, silence, **options)[1]
    difference = float(predict(model, busy)[1] - start)
    assert abs(difference) > 0.1
    assert sum(float(mask.sum()) for mask in masks) == pytest.approx(difference, abs=0.01)


def test_a_model_that_only_adds_the_estimate(busy):
    """Then the whole prediction is the feature that holds it, whatever the number of steps."""
    untrained = FlowLinkModel(hidden_channels=HIDDEN)
    explanation = attribution(untrained, busy, 0, num_steps=1)
    expected = torch.zeros_like(explanation[FLOW].node_mask)
    column = FLOW_FEATURES.index("log_prior")
    expected[0, column] = busy[FLOW].x[0, column]
    torch.testing.assert_close(explanation[FLOW].node_mask, expected)
    assert not any(mask.any() for mask in explanation.edge_mask_dict.values())


def test_what_is_equal_to_the_baseline_or_not_heard_gets_nothing(busy):
    """With one round, a flow hears another one over a link of the event's route only."""
    model = random_model(num_layers=1)
    (x, edges), _ = SnapshotModel.inputs(busy)
    row = 0
    base = {kind: rows.clone() for kind, rows in x.items()}
    base[FLOW][row] = 0
    explanation = attribution(model, busy, row, x_baseline=base)
    assert explanation[FLOW].node_mask[row].any()
    assert not explanation[FLOW].node_mask[row + 1 :].any()
    assert not explanation[LINK].node_mask.any()
    onto_own = edges[CROSSED_BY][1] == row
    assert explanation[CROSSED_BY].edge_mask[onto_own].all()
    assert not explanation[CROSSED_BY].edge_mask[~onto_own].any()
    own_links = edges[CROSSED_BY][0][onto_own]
    heard = torch.isin(edges[CROSSES][1], own_links)
    assert not explanation[CROSSES].edge_mask[~heard].any()
    assert explanation[CROSSES].edge_mask[heard].any()


def test_shapes_of_masks_and_gnn_explainer(model, busy):
    explained = SnapshotModel(model)
    (x, edges), options = explained.inputs(busy)
    for algorithm in (IntegratedGradients(num_steps=2), GNNExplainer(epochs=2)):
        explanation = Explainer(explained, algorithm, **MASKS)(x, edges, **options, index=0)
        for kind, rows in x.items():
            assert explanation[kind].node_mask.shape == rows.shape
        for kind, each in edges.items():
            assert explanation[kind].edge_mask.shape == (each.size(1),)
            assert explanation[kind].edge_mask.any()


def test_bad_baselines_and_steps(model, busy):
    with pytest.raises(ConfigError, match="num_steps: expected an integer of 1 or above"):
        IntegratedGradients(num_steps=0)
    with pytest.raises(ConfigError, match=r"x_baseline: expected .* for 'flow' \(got none\)"):
        attribution(model, busy, 0, x_baseline={})
    short = {CROSSES: torch.zeros(1), CROSSED_BY: torch.zeros(1)}
    with pytest.raises(ConfigError, match=r"edge_baseline: expected .* \(got \(1,\)\)"):
        attribution(model, busy, 0, edge_baseline=short)


def test_masks_that_integrated_gradients_do_not_make():
    with pytest.raises(ValueError, match="does not support"):
        Explainer(nn.Linear(1, 1), IntegratedGradients(), **{**MASKS, "node_mask_type": "object"})
