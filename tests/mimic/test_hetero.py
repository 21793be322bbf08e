"""A pod as a graph: ports, what feeds what, and the load of each port."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from m4graph.core.errors import ConfigError
from m4graph.mimic.clusters import Pods
from m4graph.mimic.hetero import PORT_FEATURES, pod_graph
from m4graph.mimic.pod_inputs import ROLES, PodInputs
from m4graph.mimic.shape import CORE_DOWN, HOST_UP, RACK_UP, PodShape
from tests.mimic.scenes import scene

SHAPE = PodShape(
    racks=2, hosts=1, aggs=1, spines=1,
    host_rate_bps=10**8, rack_rate_bps=10**8, agg_rate_bps=10**8,
    host_delay_ns=500_000, rack_delay_ns=500_000, agg_delay_ns=250_000,
)  # fmt: skip
COUNTS = [2, 2, 1, 1, 2, 2]


def inputs(**changes) -> PodInputs:
    made = PodInputs(
        shape=SHAPE,
        protocol="newreno",
        num_pods=4,
        hidden_share=0.75,
        queue_packets=100.0,
        mark_packets=100.0,
        timeout_ns=2e8,
        packet_bytes=1250.0,
        mean_bytes=125_000.0,
        heavy_bytes=1_250_000.0,
        load={role: np.full(COUNTS[role], 0.1 * (role + 1)) for role in ROLES},
        external={role: np.full(COUNTS[role], 0.9) for role in ROLES},
    )
    return replace(made, **changes)


def pairs(graph, *edge) -> set[tuple[int, int]]:
    return set(map(tuple, graph[edge].edge_index.T.tolist()))


def test_ports_of_two_racks_of_one_host():
    graph = pod_graph(inputs())
    assert graph["port"].role.tolist() == [0, 0, 1, 1, 2, 3, 4, 4, 5, 5]
    assert {name: graph[name].num_nodes for name in ("host", "rack", "agg", "core")} == {
        "host": 2, "rack": 2, "agg": 1, "core": 1,
    }  # fmt: skip
    assert pairs(graph, "host", "on", "port") == {(0, 0), (1, 1)}
    assert pairs(graph, "rack", "on", "port") == {(0, 2), (1, 3), (0, 8), (1, 9)}
    assert pairs(graph, "agg", "on", "port") == {(0, 4), (0, 6), (0, 7)}
    assert pairs(graph, "core", "on", "port") == {(0, 5)}
    assert pairs(graph, "port", "to", "agg") == {(2, 0), (3, 0), (5, 0)}
    assert pairs(graph, "port", "to", "host") == {(8, 0), (9, 1)}


def test_packets_go_on_to_the_ports_that_a_port_feeds():
    graph = pod_graph(inputs())
    feeds = {(0, 2), (1, 3), (2, 4), (3, 4), (2, 7), (3, 6), (4, 5), (5, 6), (5, 7), (6, 8), (7, 9)}
    assert pairs(graph, "port", "feeds", "port") == feeds
    assert pairs(graph, "port", "fed_by", "port") == {(after, before) for before, after in feeds}


def test_features_of_ports():
    x = pod_graph(inputs(mark_packets=20.0))["port"].x.numpy()

    def column(name):
        return x[:, PORT_FEATURES.index(name)]

    assert column("role_3").tolist() == [0, 0, 0, 0, 0, 1, 0, 0, 0, 0]
    assert (column("newreno") == 1).all()
    assert (column("dctcp_window") == 0).all()
    np.testing.assert_allclose(
        column("load"), [0.1, 0.1, 0.2, 0.2, 0.3, 0.4, 0.5, 0.5, 0.6, 0.6], rtol=1e-6
    )
    delay = np.log([5, 5, 5, 5, 2.5, 2.5, 5, 5, 5, 5])  # a full packet takes 100 us
    np.testing.assert_allclose(column("log_delay"), delay, rtol=1e-6)
    np.testing.assert_allclose(column("log_mark"), np.log(20), rtol=1e-6)
    np.testing.assert_allclose(column("log_heavy"), np.log(1000), rtol=1e-6)
    np.testing.assert_allclose(column("log_fan_in"), np.log(3), rtol=1e-6)


def test_load_is_that_of_the_routes():
    scenario = scene(pods=4, num_flows=400)
    pods = Pods.of(scenario.network, scenario.arrays)
    made = PodInputs.of(pods, scenario, [1, 2, 3], num_pods=4)
    routes, workload = scenario.routes, scenario.workload
    size = np.repeat(workload.size_bytes, np.diff(routes.data_ptr))
    link_bytes = np.bincount(routes.data_links, size, scenario.arrays.num_links)
    for role in ROLES:
        links = pods.links(role, [1, 2, 3])
        load = link_bytes[links] * 8e9 / workload.start_ns.max() / 1e8
        assert made.load[role].mean() == pytest.approx(load.mean())
        if role == HOST_UP:
            by_host = [load[pods.link_local[links] == host].mean() for host in range(8)]
            np.testing.assert_allclose(made.load[role], by_host)
    assert (made.external[CORE_DOWN] == 1).all()
    crossing = {role: (made.load[role] * made.external[role]).sum() for role in ROLES}
    assert crossing[HOST_UP] == pytest.approx(crossing[RACK_UP])
    assert made.hidden_share == pytest.approx(2 / 3)
    assert made.queue_packets == made.mark_packets == 100


def test_other_queues_are_refused():
    scenario = scene(control="dctcp")
    pods = Pods.of(scenario.network, scenario.arrays)
    with pytest.raises(ConfigError, match=r"congestion_control\.kind: expected newreno or dctcp_w"):
        PodInputs.of(pods, scenario, [1], num_pods=2)
    scenario = scene(control="newreno").replace(config={"queue": {"kind": "red"}})
    with pytest.raises(ConfigError, match=r"network\.queue: expected drop_tail with capacity"):
        PodInputs.of(pods, scenario, [1], num_pods=2)
    scenario = scene(control="dctcp_window")
    with pytest.raises(ConfigError, match=r"network\.queue: expected red .* for dctcp_window"):
        PodInputs.of(pods, scenario.replace(config={"queue": {"kind": "drop_tail"}}), [1], 2)
