from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from m4graph.nn import FlowLinkModel, States


@pytest.fixture
def states():
    return States(FlowLinkModel(hidden_channels=2), num_flows=3, num_links=4)


STEP = SimpleNamespace(
    flow_ids=torch.tensor([2, 0]), link_ids=torch.tensor([3, 1, 0]), num_updated=2
)


def test_new_states_are_zero(states):
    flow, link = states.read(STEP)
    assert flow.tolist() == [[0, 0], [0, 0]]
    assert link.tolist() == [[0, 0], [0, 0], [0, 0]]


def test_write_puts_back_what_a_step_updates(states):
    states.link[0] = 9.0
    states.write(STEP, torch.tensor([[1.0, 2], [3, 4]]), torch.tensor([[5.0, 6], [7, 8]]))
    assert states.flow.tolist() == [[3, 4], [0, 0], [1, 2]]
    assert states.link.tolist() == [[9, 9], [7, 8], [0, 0], [5, 6]]
    assert states.read(STEP)[1].tolist() == [[5, 6], [7, 8], [9, 9]]


def test_device_and_type_are_the_models():
    states = States(FlowLinkModel(hidden_channels=2).to("meta", torch.float64), 3, 4)
    assert states.flow.device.type == states.link.device.type == "meta"
    assert states.flow.dtype == states.link.dtype == torch.float64


def test_gradients_go_through_until_detached(states):
    weight = torch.ones(2, 2, requires_grad=True)
    states.write(STEP, 2 * weight, 3 * weight)
    flow, link = states.read(STEP)
    (flow.sum() + link.sum()).backward()
    assert weight.grad.tolist() == [[5, 5], [5, 5]]
    states.detach()
    assert not states.read(STEP)[0].requires_grad
    assert states.flow[2].tolist() == [2, 2]


def test_admitted_flows_start_at_zero(states):
    states.flow[:] = 1.0
    states.admit_flows(5)
    assert len(states.flow) >= 5
    assert states.flow[:3].eq(1).all()
    assert not states.flow[3:].any()
    before = states.flow
    states.admit_flows(4)
    assert states.flow is before
