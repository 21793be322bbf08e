"""Models and scenarios that are quick to run."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import m4graph as m4
from m4graph.nn import FlowLinkModel, States
from m4graph.workload import Workload


def random_model(seed, scale=0.3, hidden=8, num_layers=1, conv="sage", **options):
    """A model whose head says something, which a new one's does not."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = FlowLinkModel(conv, hidden, num_layers, **options)
        torch.nn.init.normal_(model.slowdown_head[-1].weight, std=scale)
        torch.nn.init.normal_(model.slowdown_head[-1].bias, std=scale)
        for name, parameter in model.named_parameters():
            if "lin_gate" in name:  # zero in a new layer of pairs
                torch.nn.init.normal_(parameter, std=scale)
    return model


def follow(episode, model):
    """Lets a model go through an episode of a training, to its end."""
    states = States(model, episode.num_flows, episode.num_links)
    while (step := episode.next_step()) is not None:
        with torch.no_grad():
            output = model(step.step, *states.read(step.step))
        states.write(step.step, output.flow_state, output.link_state)
        episode.feed_back(step, output.log_slowdown)


def scenario_of(flows, ids=None, kind="dctcp", num_hosts=4, delay_ns=1000):
    """Flows ``(src, dst, size_bytes, start_ns)`` on a star of 10 Gb/s."""
    network = m4.topology.star(num_hosts=num_hosts, gbps=10, delay_ns=delay_ns)
    src, dst, size_bytes, start_ns = np.array(flows, dtype=np.int64).reshape(-1, 4).T
    flow_ids = np.arange(len(flows)) if ids is None else np.array(ids)
    workload = Workload.from_arrays(flow_ids, src, dst, size_bytes, start_ns)
    return m4.Scenario(network, workload, kind, name="star")


def generated(seed=0, num_flows=60, load=0.6, sizes="web_server"):
    """Random flows on a small leaf-spine."""
    network = m4.topology.leaf_spine(
        num_leaves=2,
        hosts_per_leaf=4,
        num_spines=2,
        host_gbps=10,
        fabric_gbps=40,
        delay_ns=1000,
    )
    workload = m4.workload.generate(network, sizes=sizes, load=load, num_flows=num_flows, seed=seed)
    return m4.Scenario(network, workload, "dctcp", name=f"case {seed}")


@pytest.fixture
def model():
    return random_model(0)


@pytest.fixture
def scenario():
    return generated()
