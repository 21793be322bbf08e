from __future__ import annotations

import dataclasses
import json

import pytest
import torch
from torch import nn
from torch_geometric.nn.conv import SAGEConv

from m4graph.core.errors import ConfigError
from m4graph.graph import EventStep
from m4graph.graph.schema import EDGE_FEATURES, FLOW_FEATURES
from m4graph.nn import CONVS, FlowLinkModel
from m4graph.testing import tiny_step

HIDDEN = 8


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture
def inputs():
    return tiny_step(), torch.randn(4, HIDDEN), torch.randn(5, HIDDEN)


def random_model(**config):
    model = FlowLinkModel(**{"hidden_channels": HIDDEN, **config})
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.3)
    return model


def tensors(output):
    return [*output[:-1], *output.extra.values()]


def test_shapes_and_ranges(inputs):
    output = random_model()(*inputs)
    assert output.flow_state.shape == (4, HIDDEN)
    assert output.link_state.shape == (2, HIDDEN)
    assert output.log_slowdown.shape == (4,)
    assert output.remaining.shape == (4,)
    assert output.log_queue.shape == (2,)
    assert ((output.remaining >= 0) & (output.remaining <= 1)).all()
    assert (output.log_queue >= 0).all()


def test_a_new_model_answers_with_the_prior(inputs):
    output = FlowLinkModel(hidden_channels=HIDDEN)(*inputs)
    assert torch.equal(output.log_slowdown, inputs[0].log_prior)


def test_what_is_left_and_what_has_passed_have_a_factor_each(inputs):
    """With the second factor at 1, only what is left is corrected."""
    model = FlowLinkModel(hidden_channels=HIDDEN)
    step = inputs[0]
    prior, now = step.log_prior.exp(), step.log_now.exp()
    assert ((now > 0.06) & (now < prior)).any()
    with torch.no_grad():
        model.slowdown_head[-1].bias[0] = 0.5
    ratio = torch.exp(3 * torch.tanh(torch.tensor(0.5 / 3)))
    passed = torch.minimum(now, prior)
    expected = (prior - passed) * ratio + passed
    torch.testing.assert_close(model(*inputs).log_slowdown.exp(), expected)
    with torch.no_grad():
        model.slowdown_head[-1].bias[1] = 0.5
    torch.testing.assert_close(model(*inputs).log_slowdown.exp(), prior * ratio)


def test_config_builds_the_same_model(inputs):
    model = random_model(conv="gatv2", num_layers=3, heads=2)
    config = json.loads(json.dumps(model.config))
    again = FlowLinkModel(**config)
    again.load_state_dict(model.state_dict())
    assert again.config == model.config
    for ours, theirs in zip(tensors(again(*inputs)), tensors(model(*inputs)), strict=True):
        assert torch.equal(ours, theirs)


def test_gradients_reach_every_parameter_and_state(inputs):
    step, flow_state, link_state = inputs
    model = random_model()
    output = model(step, flow_state.requires_grad_(), link_state.requires_grad_())
    # The square of the states, as their sum over a normalised layer has no gradient.
    sum(part.square().sum() for part in tensors(output)).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name
    assert (flow_state.grad.abs().sum(1) > 0).all()
    assert (link_state.grad.abs().sum(1) > 0).all()


def test_what_a_flow_hears_of_the_others(inputs):
    """Messages reach a flow over a shared updated link, and no flow is deaf to its own links."""
    step, flow_state, link_state = inputs
    model = random_model(num_layers=1)
    before = model(step, flow_state, link_state).log_slowdown
    link_state = link_state.clone()
    link_state[3] += 1  # read only; on the route of flow 2 alone
    after = model(step, flow_state, link_state).log_slowdown
    assert (before != after).tolist() == [False, False, True, False]
    flow_state = flow_state.clone()
    flow_state[0] += 1  # on link 0, with flows 1 and 3
    changed = model(step, flow_state, link_state).log_slowdown
    assert (changed != after).tolist() == [True, True, False, True]


@pytest.mark.parametrize("conv", ["sage", "gat"])
def test_the_order_of_nodes_and_edges_does_not_matter(conv, inputs):
    step, flow_state, link_state = inputs
    model = random_model(conv=conv)
    expected = model(step, flow_state, link_state)
    flows = torch.tensor([2, 0, 3, 1])
    links = torch.tensor([1, 0, 4, 2, 3])  # updated ones stay in front
    new_flow, new_link = flows.argsort(), links.argsort()
    order, updated_order = torch.randperm(9), torch.randperm(step.crosses.size(1))
    permuted = EventStep(
        flow_ids=step.flow_ids[flows],
        flow_x=step.flow_x[flows],
        flow_gap=step.flow_gap[flows],
        link_ids=step.link_ids[links],
        link_x=step.link_x[links],
        link_gap=step.link_gap[links],
        num_updated=2,
        crosses=torch.stack((new_flow[step.crosses[0]], new_link[step.crosses[1]]))[
            :, updated_order
        ],
        crosses_x=step.crosses_x[updated_order],
        crossed_by=torch.stack((new_link[step.crossed_by[0]], new_flow[step.crossed_by[1]]))[
            :, order
        ],
        crossed_by_x=step.crossed_by_x[order],
    )
    output = model(permuted, flow_state[flows], link_state[links])
    for name in ("flow_state", "log_slowdown", "remaining"):
        torch.testing.assert_close(getattr(output, name), getattr(expected, name)[flows])
    for name in ("link_state", "log_queue"):
        torch.testing.assert_close(getattr(output, name), getattr(expected, name)[links[:2]])


@pytest.mark.parametrize("conv", CONVS.names())
def test_every_layer_of_the_registry_fits(conv, inputs):
    output = random_model(conv=conv)(*inputs)
    assert all(part.isfinite().all() for part in tensors(output))


@pytest.mark.parametrize(("conv", "sees_hops"), [("sage", False), ("gatv2", True)])
def test_hops_reach_layers_that_take_edges(conv, sees_hops, inputs):
    step, flow_state, link_state = inputs
    model = random_model(conv=conv)
    moved = dataclasses.replace(step, crossed_by_x=step.crossed_by_x + 1)
    before = model(step, flow_state, link_state).log_slowdown
    after = model(moved, flow_state, link_state).log_slowdown
    assert bool((before != after).all()) == sees_hops
    assert sees_hops or torch.equal(before, after)


def test_parts_can_be_left_out(inputs):
    step, *states = inputs
    whole = random_model()
    without = {
        "no GNN": random_model(num_layers=0),
        "no time cells": random_model(time_cells=False),
        "no prior": random_model(prior=False),
    }
    number = {name: sum(p.numel() for p in model.parameters()) for name, model in without.items()}
    # What is left and what has passed have a factor each.
    second_factor = whole.hidden_channels + 1
    assert number["no prior"] == sum(p.numel() for p in whole.parameters()) - second_factor
    assert number["no GNN"] < number["no prior"]
    assert number["no time cells"] < number["no prior"]
    for model in without.values():
        assert all(part.isfinite().all() for part in tensors(model(step, *states)))
    later = dataclasses.replace(step, flow_gap=step.flow_gap + 1)
    ageless = without["no time cells"]
    assert torch.equal(ageless(step, *states).log_slowdown, ageless(later, *states).log_slowdown)
    other = step.flow_x.clone()
    other[:, FLOW_FEATURES.index("log_prior")] += 1
    elsewhere = dataclasses.replace(step, flow_x=other)
    free = without["no prior"]
    assert torch.equal(free(step, *states).log_slowdown, free(elsewhere, *states).log_slowdown)


def test_any_pyg_style_class_fits(inputs):
    model = random_model(conv=SAGEConv, aggr="max")
    assert isinstance(model.link_convs[0], SAGEConv)
    assert model.link_convs[0].aggr == "max"
    assert model(*inputs).log_slowdown.isfinite().all()


def test_an_event_that_touches_no_flow():
    step, empty = tiny_step(), torch.zeros(2, 0, dtype=torch.int64)
    departed = EventStep(
        flow_ids=step.flow_ids[:0],
        flow_x=step.flow_x[:0],
        flow_gap=step.flow_gap[:0],
        link_ids=step.link_ids[:2],
        link_x=step.link_x[:2],
        link_gap=step.link_gap[:2],
        num_updated=2,
        crosses=empty,
        crosses_x=torch.zeros(0, len(EDGE_FEATURES)),
        crossed_by=empty,
        crossed_by_x=torch.zeros(0, len(EDGE_FEATURES)),
    )
    output = random_model()(departed, torch.zeros(0, HIDDEN), torch.randn(2, HIDDEN))
    assert output.log_slowdown.shape == (0,)
    assert output.link_state.isfinite().all()


@pytest.mark.parametrize(("name", "least"), [("hidden_channels", 1), ("num_layers", 0)])
@pytest.mark.parametrize("value", [None, -1, 1.5, True, "8"])
def test_bad_sizes(name, least, value):
    with pytest.raises(ConfigError, match=f"{name}: expected an integer of {least} or above"):
        FlowLinkModel(**{name: value})


def test_a_width_of_zero():
    with pytest.raises(ConfigError, match="hidden_channels: expected an integer of 1 or above"):
        FlowLinkModel(hidden_channels=0)


def test_bad_layers():
    with pytest.raises(ConfigError, match="conv"):
        FlowLinkModel(conv="gatt")
    with pytest.raises(ConfigError, match="conv 'sage': expected a layer made as"):
        FlowLinkModel(conv="sage", no_such_option=1)
