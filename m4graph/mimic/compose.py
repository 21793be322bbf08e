"""One pod by packet, the others mimics: the flows that are left, and the hook at the borders."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from m4graph.mimic.border_rows import EGRESS, INGRESS
from m4graph.mimic.clusters import Pods
from m4graph.mimic.models.base import MimicStep
from m4graph.mimic.shape import AGG_UP, CORE_DOWN, HOST_UP, RACK_DOWN
from m4graph.routing import EcmpRouting
from m4graph.scenario import Scenario
from m4graph.simulators.packet.link_hook import LinkHook
from m4graph.workload import Workload

SIMULATED_POD = 0
"""The pod whose packets are simulated one by one; all others are mimics."""


def is_visible(scenario: Scenario, pods: Pods) -> NDArray[np.bool_]:
    """Which flows have an end in the simulated pod, bool ``[num_flows]``."""
    ends = pods.host_pod[scenario.workload.src], pods.host_pod[scenario.workload.dst]
    return np.asarray((ends[0] == SIMULATED_POD) | (ends[1] == SIMULATED_POD))


def visible(scenario: Scenario, pods: Pods) -> Scenario:
    """The scenario of the flows with an end in the simulated pod, on the routes that they have
    among all.

    Args:
        scenario (Scenario): Of all flows, an open loop.
        pods (Pods): Of its network.
    """
    rows = is_visible(scenario, pods)
    if not isinstance(scenario.routing, EcmpRouting):
        return scenario.of_flows(rows)
    # ECMP knows a flow by its hosts and its place among theirs: hidden flows change neither.
    assert isinstance(scenario.workload, Workload)
    return scenario.replace(workload=scenario.workload.of_rows(rows), expected=None)


def hook(pods: Pods, step: MimicStep) -> LinkHook:
    """The hook that puts a step at the borders of all mimics.

    Args:
        pods (Pods): Of the network.
        step (MimicStep): Of a model.
    """
    mimics = np.arange(1, pods.num_pods)
    up, down = pods.links(HOST_UP, mimics), pods.links(CORE_DOWN, mimics)
    entries = np.concatenate([up, down])
    exits = np.concatenate([pods.links(AGG_UP, mimics), pods.links(RACK_DOWN, mimics)])
    return LinkHook(
        step.step,
        links=pods.ends(entries),
        exits=pods.ends(exits),
        groups=pods.link_pod[entries].tolist(),
        directions=np.repeat([EGRESS, INGRESS], [len(up), len(down)]).tolist(),
        arrays=step.arrays,
        gate=step.gate,
    )
