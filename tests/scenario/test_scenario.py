from __future__ import annotations

import dataclasses
import pickle

import numpy as np
import pytest

import m4graph as m4
from m4graph.congestion import DCTCP, EcnConfig
from m4graph.core.errors import ConfigError, InputError, RoutingError, WorkloadError
from m4graph.scenario import NetworkConfig
from m4graph.workload import Workload


def flows(**changes):
    columns = {
        "id": [5, 2, 9],
        "src": [0, 1, 0],
        "dst": [1, 2, 2],
        "size_bytes": [1000, 2500, 1],
        "start_ns": [7, 7, 0],
    } | changes
    return Workload.from_arrays(**{name: np.array(values) for name, values in columns.items()})


def no_flows():
    return flows(**dict.fromkeys(("id", "src", "dst", "size_bytes", "start_ns"), ()))


@pytest.fixture
def network():
    return m4.topology.star(num_hosts=3, gbps=10, delay_ns=1000)


def test_defaults_are_resolved(network):
    scenario = m4.Scenario(network, flows(), {"kind": "dctcp"})
    assert scenario.congestion_control == DCTCP(init_window_bytes=18_000, min_rate_mbps=1000.0)
    assert scenario.config == NetworkConfig()
    assert scenario.config.model_dump() == {
        "payload_bytes": 1000,
        "buffer_bytes": 3_072_000,
        "buffer_alpha": 1.0,
        "headroom_cap": None,
        "nic_rate_gbps": None,
        "tick": "ns",
        "pfc": True,
        "ecn": {
            "kmin_bytes": 30_000,
            "kmax_bytes": 30_000,
            "pmax": 1.0,
            "reference_gbps": 10.0,
        },
        "queue": {"kind": "shared"},
    }
    assert (scenario.seed, scenario.name, scenario.num_flows) == (0, "scenario", 3)
    assert scenario.arrays.num_hosts == 3
    assert scenario.expected is None


def test_thresholds_that_are_not_given_come_from_the_algorithm(network):
    class Other(DCTCP):
        default_ecn = EcnConfig(kmin_bytes=8_000, kmax_bytes=28_000, pmax=0.2)

    def ecn(config):
        return m4.Scenario(network, flows(), Other(), config).config.ecn

    assert ecn(None) == Other.default_ecn
    assert ecn({"pfc": False}) == Other.default_ecn
    assert ecn({"ecn": {"kmin_bytes": 5_000}}) == EcnConfig(
        kmin_bytes=5_000, kmax_bytes=28_000, pmax=0.2
    )
    # What is given stays, even where it equals a default of the block.
    assert ecn({"ecn": {"kmax_bytes": 30_000}}).kmax_bytes == 30_000
    with pytest.raises(ConfigError, match=r"network\.ecn: .*\(got 29000 and 28000\)"):
        ecn({"ecn": {"kmin_bytes": 29_000}})


def test_routes_and_ideal_are_computed_once(network):
    scenario = m4.Scenario(network, flows(), "dctcp")
    assert scenario.routes is scenario.routes
    assert scenario.ideal_fct_ns is scenario.ideal_fct_ns
    # Rows are by start, then id: flows 9, 2, 5. 49 bytes take 39 ns, 1048 take 838.
    assert scenario.workload.id.tolist() == [9, 2, 5]
    tail = 1500 * 8 // 10 + 2 * 38
    assert scenario.ideal_fct_ns.tolist() == [2078, 2 * 838 + 2000 + tail, 3676]
    assert not scenario.ideal_fct_ns.flags.writeable


def test_given_routes_are_used_and_checked(network):
    routes = m4.Scenario(network, flows(), "dctcp").routes
    assert m4.Scenario(network, flows(), "dctcp", routing=routes).routes is routes
    with pytest.raises(RoutingError, match="flow 5: data route: expected it to start at host 1"):
        m4.Scenario(network, flows(src=[1, 1, 0], dst=[0, 2, 2]), "dctcp", routing=routes)
    with pytest.raises(RoutingError, match="a route for each of the 0 flows"):
        m4.Scenario(network, no_flows(), "dctcp", routing=routes)


def test_a_routing_seed_changes_routes():
    network = m4.topology.fat_tree(k=4)
    far = Workload.from_arrays(
        id=np.arange(64), src=np.zeros(64, np.int64), dst=np.full(64, 15),
        size_bytes=np.ones(64, np.int64), start_ns=np.arange(64),
    )  # fmt: skip
    plain = m4.Scenario(network, far, "dctcp").routes
    zero = m4.Scenario(network, far, "dctcp", routing={"kind": "ecmp", "seed": 0}).routes
    other = m4.Scenario(network, far, "dctcp", routing={"seed": 1}).routes
    assert np.array_equal(plain.data_links, zero.data_links)
    assert not np.array_equal(plain.data_links, other.data_links)


def test_a_workload_without_flows(network):
    scenario = m4.Scenario(network, no_flows(), "dctcp")
    assert scenario.ideal_fct_ns.tolist() == []
    assert scenario.routes.num_flows == 0


def test_it_is_frozen_and_pickles(network):
    scenario = m4.Scenario(network, flows(), "dctcp", seed=4, name="x")
    with pytest.raises(dataclasses.FrozenInstanceError):
        scenario.seed = 1
    back = pickle.loads(pickle.dumps(scenario))
    assert back.ideal_fct_ns.tolist() == scenario.ideal_fct_ns.tolist()
    assert back.congestion_control == scenario.congestion_control
    assert repr(back) == (
        "Scenario('x', num_hosts=3, num_flows=3, congestion_control='dctcp', seed=4)"
    )


def test_replace(network):
    scenario = m4.Scenario(network, flows(), "dctcp", {"pfc": False}, seed=4)
    changed = scenario.replace(seed=5)
    assert (changed.seed, scenario.seed) == (5, 4)
    assert changed.config == scenario.config
    with pytest.raises(ConfigError, match=r"^sede: unknown key: .* did you mean 'seed'"):
        scenario.replace(sede=5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": True}, "seed: expected an integer of 0 or above (got true)"),
        ({"seed": 1.0}, "seed: expected an integer of 0 or above (got 1.0)"),
        ({"seed": -1}, "seed: expected an integer of 0 or above (got -1)"),
        ({"name": ""}, "name: expected text (got '')"),
        ({"name": None}, "name: expected text (got null)"),
        ({"config": {"pcf": 1}}, "network.pcf: unknown key"),
        ({"config": 3}, "network: expected a block of keys (got 3)"),
        (
            {"routing": {"kind": "ospf"}},
            "routing.kind: unknown routing: expected one of ecmp, file",
        ),
        ({"routing": 3}, "routing: expected a name or a block of keys (got 3)"),
        ({"congestion_control": None}, "congestion_control: expected a name"),
        (
            {"expected": m4.ExpectedTimes(np.ones(1, np.int64), np.ones(1, np.int64))},
            "expected: expected times of 3 flows (got 1)",
        ),
    ],
)
def test_bad_arguments(network, changes, message):
    arguments = {"network": network, "workload": flows(), "congestion_control": "dctcp"}
    with pytest.raises(InputError) as caught:
        m4.Scenario(**arguments | changes)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dst": [1, 3, 2]}, "flow 2: expected dst to be a host, 0 to 2 (got a switch, 3)"),
        ({"src": [0, 1, 8]}, "flow 9: expected src to be a host, 0 to 2 (got an unknown node, 8)"),
    ],
)
def test_flows_between_other_nodes_than_hosts(network, changes, message):
    with pytest.raises(WorkloadError) as caught:
        m4.Scenario(network, flows(**changes), "dctcp")
    assert str(caught.value) == message


def test_equal_inputs_are_an_equal_scenario(network, tmp_path):
    def make(**changes):
        workload = m4.workload.generate(network, num_flows=20, seed=changes.pop("flows", 3))
        return m4.Scenario(network, workload, "dctcp").replace(**changes)

    scenario = make()
    assert scenario == make()
    assert hash(scenario) == hash(make())
    m4.save_scenario(scenario, tmp_path / "saved")
    loaded = m4.load_scenario(tmp_path / "saved")
    assert m4.load_scenario(tmp_path / "saved") == loaded
    assert loaded == scenario
    for changes in (
        {"flows": 4},
        {"seed": 1},
        {"name": "other"},
        {"congestion_control": "hpcc"},
        {"config": {"pfc": False}},
        {"routing": scenario.routes},
        {"stop_ns": 10**6},
        {"network": m4.topology.star(num_hosts=network.number_of_nodes())},
        {"expected": m4.ExpectedTimes(np.ones(20, np.int64), np.ones(20, np.int64))},
    ):
        assert scenario != make(**changes), changes
    assert scenario != "scenario"


def test_defaults_are_for_nics_and_not_for_nvlink():
    network = m4.topology.rail(servers=2, gpus_per_server=2, spines=1, nic_gbps=100)
    workload = m4.workload.generate(network, num_flows=3)
    control = m4.Scenario(network, workload, "dctcp").congestion_control
    assert (control.init_window_bytes, control.min_rate_mbps) == (180_000, 10_000)
    config = {"nic_rate_gbps": 50}
    control = m4.Scenario(network, workload, "dctcp", config).congestion_control
    assert (control.init_window_bytes, control.min_rate_mbps) == (90_000, 5_000)


def test_nvswitches_windows_by_pair_and_nics_are_saved(tmp_path):
    network = m4.topology.rail(servers=2, gpus_per_server=2, tors=2, spines=2)
    workload = m4.workload.generate(network, num_flows=30, sizes="hadoop")
    control = {"kind": "dcqcn", "init_window_bytes": "pair"}
    routing = {"kind": "simai", "nic": "given", "nics": [1, 0, 1, 0]}
    scenario = m4.Scenario(network, workload, control, routing=routing)
    m4.save_scenario(scenario, tmp_path / "out")
    again = m4.load_scenario(tmp_path / "out")
    assert again.congestion_control == scenario.congestion_control
    assert again.arrays.nvswitches.tolist() == [4, 5]
    assert again.routes.data_links.tolist() == scenario.routes.data_links.tolist()
    assert again.routes.ack_links.tolist() == scenario.routes.ack_links.tolist()
