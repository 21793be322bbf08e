"""The raw configuration: 16 numbers as in the first stored runs, and those that came later."""

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


def network_of(queue=None, **control):
    base = star_scenario([(0, 1, 1000, 0)])
    changed = base.replace(congestion_control=control)
    if queue is not None:
        changed = changed.replace(config={"queue": queue})
    return FlowNetwork.from_scenario(changed)


RED = {"kind": "red", "min_packets": 5, "max_packets": 20, "capacity_packets": 100, "ecn": True}
"""With packets of 1048 bytes on the wire."""


@pytest.mark.parametrize(
    ("control", "queue", "expected"),
    [
        ("newreno", None, {"tcp": 1, "first_window_bytes": 10_000, "min_rto_ns": 10_000_000}),
        ({"kind": "dctcp_window", "delayed_ack": True}, None, {"tcp": 2, "delayed_ack": 1}),
        ("newreno", {"kind": "drop_tail"}, {"queue_bytes": 104_800, "red": 0}),
        (
            "newreno",
            {"kind": "drop_tail", "capacity_packets": 100, "capacity_bytes": 50_000},
            {"queue_bytes": 50_000},
        ),
        (
            "newreno",
            RED,
            {"queue_bytes": 104_800, "red": 1, "red_min_bytes": 5240, "red_max_bytes": 20_960}
            | {"red_max_p": 0.02, "red_weight": 0.002, "red_marks": 1},
        ),
    ],
)
def test_tcp_and_queues_of_ports(control, queue, expected):
    control = {"kind": control} if isinstance(control, str) else control
    configuration = network_of(queue, **control).configuration
    assert configuration.shape == (len(NAMES),)
    values = setting_values(configuration)
    assert {name: values[name] for name in expected} == expected
    features = dict(zip(FEATURE_NAMES, configuration_features(configuration, 1.0), strict=True))
    assert features["is_newreno"] == (expected.get("tcp", 1) == 1)
    assert features["has_own_queue"] == ("queue_bytes" in expected)
    assert all(np.isfinite(value) for value in features.values())


@pytest.mark.parametrize("kind", ["dctcp", "dcqcn", "timely", "hpcc"])
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
    # Their features come after those of the first models.
    default = network_of(kind=control["kind"])
    features = [configuration_features(net.configuration, 1.0) for net in (network, default)]
    assert features[0].shape == (len(FEATURE_NAMES),)
    first = FEATURE_NAMES.index("gain")
    assert features[0][:first].tolist() == features[1][:first].tolist()
    assert features[0][first:].tolist() != features[1][first:].tolist()
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
