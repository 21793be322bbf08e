"""The raw configuration: 16 numbers as in the first stored runs, and four that came later."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import m4graph as m4
from m4graph.runs import FlowNetwork, LabelledRun
from m4graph.runs.settings import (
    FEATURE_NAMES,
    NAMES,
    configuration_features,
    pool_bytes,
    setting_values,
)
from m4graph.simulators.packet.build import build_idle_state
from tests.graph.conftest import star_scenario

LATER = {
    "increase_timer_ns": 55_000.0,
    "fast_recovery_steps": 1.0,
    "clamp_target_rate": 0.0,
    "min_rtt_ns": 20_000.0,
}


def network_of(**control):
    base = star_scenario([(0, 1, 1000, 0)])
    return FlowNetwork.from_scenario(base.replace(congestion_control=control))


@pytest.mark.parametrize("kind", m4.congestion.CONGESTION_CONTROLS.names())
def test_at_their_defaults_later_parameters_are_left_out(kind):
    configuration = network_of(kind=kind).configuration
    assert configuration.shape == (16,)
    values = setting_values(configuration)
    assert tuple(values) == NAMES
    assert {name: values[name] for name in LATER} == LATER
    assert list(values.values())[:16] == configuration.tolist()


@pytest.mark.parametrize(
    ("control", "changed"),
    [
        ({"kind": "dcqcn", "increase_timer_us": 500.0}, {"increase_timer_ns": 500_000.0}),
        ({"kind": "dcqcn", "fast_recovery_steps": 5}, {"fast_recovery_steps": 5.0}),
        ({"kind": "dcqcn", "clamp_target_rate": True}, {"clamp_target_rate": 1.0}),
        ({"kind": "timely", "min_rtt_us": 5.0}, {"min_rtt_ns": 5000.0}),
    ],
)
def test_later_parameters_are_kept_where_they_differ(control, changed, fat_tree_run, tmp_path):
    network = network_of(**control)
    values = setting_values(network.configuration)
    assert {name: values[name] for name in LATER} == LATER | changed
    # They are no features: a model that was trained before reads the same columns.
    default = network_of(kind=control["kind"])
    features = [configuration_features(net.configuration, 1.0) for net in (network, default)]
    assert features[0].shape == (len(FEATURE_NAMES),)
    assert features[0].tolist() == features[1].tolist()
    run = LabelledRun.from_result(fat_tree_run)
    stored = replace(run, network=replace(run.network, configuration=network.configuration))
    stored.save(tmp_path / "run.npz")
    loaded = LabelledRun.load(tmp_path / "run.npz").network.configuration
    assert loaded.tolist() == network.configuration.tolist()


@pytest.mark.parametrize("headroom_cap", [None, 0.1])
@pytest.mark.parametrize("delay_ns", [1000, 333])
def test_the_pool_is_that_of_the_packet_simulator(headroom_cap, delay_ns):
    network = m4.topology.leaf_spine(
        num_leaves=2,
        hosts_per_leaf=3,
        num_spines=2,
        host_gbps=10,
        fabric_gbps=40,
        delay_ns=delay_ns,
    )
    workload = m4.workload.generate(network, num_flows=1)
    config = {"headroom_cap": headroom_cap, "buffer_bytes": 500_000}
    scenario = m4.Scenario(network, workload, "dctcp", config=config)
    hosts = scenario.arrays.num_hosts
    pool = build_idle_state(scenario).nodes["pool_limit_bytes"][hosts:]
    assert pool_bytes(scenario)[:hosts].tolist() == [0.0] * hosts
    assert pool_bytes(scenario)[hosts:] == pytest.approx(pool, abs=1)
    if headroom_cap is None:
        assert (pool_bytes(scenario)[hosts:] == pool).all()
    assert np.all(pool > 0)
