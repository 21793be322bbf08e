"""Small networks, and every simulator that has sessions."""

from __future__ import annotations

import pytest
import torch

import m4graph as m4
from m4graph.nn import FlowLinkModel

SIMULATORS = ["packet", "fluid", "learned"]


def random_model(seed):
    """A small model whose head says something, which a new one's does not."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = FlowLinkModel(hidden_channels=8, num_layers=1)
        torch.nn.init.normal_(model.slowdown_head[-1].weight, std=0.3)
        torch.nn.init.normal_(model.slowdown_head[-1].bias, std=0.3)
    return model


def options_of(simulator):
    """A model that says something, if the simulator takes one."""
    return {"model": random_model(0)} if simulator == "learned" else {}


@pytest.fixture(params=SIMULATORS)
def simulator(request):
    """A simulator with sessions."""
    return m4.simulators.build_simulator(request.param, **options_of(request.param))


def star(num_hosts=4):
    return m4.topology.star(num_hosts=num_hosts, gbps=10, delay_ns=1000)


def leaf_spine():
    return m4.topology.leaf_spine(
        num_leaves=2,
        hosts_per_leaf=4,
        num_spines=2,
        host_gbps=10,
        fabric_gbps=40,
        delay_ns=1000,
    )
