"""What people try ends in one line that says what is right."""

from __future__ import annotations

import inspect

import networkx as nx
import pandas as pd
import pytest

import m4graph as m4
from m4graph.core.calls import plain_call
from m4graph.core.errors import ConfigError, InputError
from m4graph.datasets.making.laws import Uniform
from m4graph.mimic import PodShape
from m4graph.workload import sizes


def flows():
    return pd.DataFrame({"src": [0], "dst": [1], "bytes": [10**6], "start_ns": [0]})


def scenario():
    network = m4.topology.star(2)
    return m4.Scenario(network, m4.Workload.from_frame(flows(), network), "dctcp")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: m4.topology.fat_tree(hosts=64),
         "fat_tree: unknown argument: expected one of k, host_gbps, .*'hosts'"),
        (lambda: m4.topology.fat_tree(4, host_gpbs=10), "did you mean 'host_gbps'"),
        (lambda: m4.topology.fat_tree(),
         "fat_tree: expected the arguments k, .*missing a required argument: 'k'"),
        (lambda: m4.topology.star(2, 10, 1000, 5, 6),
         "star: expected the arguments num_hosts, .*too many positional"),
        (lambda: m4.topology.from_networkx(64), r"an undirected networkx.Graph \(got int\)"),
        (lambda: m4.workload.generate(64), r"an undirected networkx.Graph \(got int\)"),
        (lambda: m4.workload.closed_loop(flows()), r"expected a Workload \(got DataFrame\)"),
        (lambda: m4.Workload.from_arrays(ids=[1]),
         "Workload.from_arrays: unknown argument: expected one of id, src,.*did you mean 'id'"),
        (lambda: m4.Scenario(m4.topology.star(2), flows(), "dctcp"),
         r"workload: expected a Workload \(got DataFrame\); m4.Workload.from_frame takes"),
        (lambda: m4.Scenario(network=2, workload=3),
         "Scenario: expected the arguments .*missing .*'congestion_control'"),
        (lambda: m4.Scenario(m4.topology.star(2), m4.Workload.empty(), "dctcp", sed=1),
         "Scenario: unknown argument: .*did you mean 'seed'"),
        (lambda: scenario().replace(sed=1), "did you mean 'seed'"),
        (lambda: m4.simulate("scenario.yaml"), r"expected a Scenario, .*load_scenario \(got str\)"),
        (lambda: m4.simulate(scenario(), 5), r"simulator: expected a name, a class .* \(got 5\)"),
        (lambda: m4.simulate(scenario(), "fluid", window_limt=True),
         "unknown option 'window_limt' .*; did you mean 'window_limit'"),
        (lambda: m4.simulate_batch([flows()], "fluid"), r"a Scenario, .*\(got DataFrame\)"),
        (lambda: m4.compare(flows()), r"expected results, .*\(got DataFrame\)"),
        (lambda: m4.simulate(scenario(), "fluid").plot(axes=1),
         "plot: unknown argument: .*did you mean 'ax'"),
        (lambda: sizes.FixedSizes(byte=3), "FixedSizes: unknown argument: expected "),
        (lambda: m4.NetworkConfig(gpbs=10),
         "^NetworkConfig.gpbs: unknown key: expected one of payload_bytes, "),
        (lambda: m4.NetworkConfig(payload_byts=10), "did you mean 'payload_bytes'"),
        (lambda: m4.NetworkConfig(ecn={"pmax": 2}), "^NetworkConfig.ecn.pmax: expected at most 1"),
        (lambda: m4.NetworkConfig(1000), "^NetworkConfig: expected the arguments payload_bytes, "),
        (lambda: m4.training.TrainConfig(nam="x"), "TrainConfig.nam: unknown key.*mean 'name'"),
        (lambda: Uniform(lo=1, high=2), "^Uniform: unknown argument: .*did you mean 'low'"),
        (lambda: PodShape(), "^PodShape: expected the arguments .*missing"),
        (lambda: m4.Completion(1), "^Completion: expected the arguments flow_id, .*missing"),
        (lambda: m4.workload.ExponentialSizes(mean=3), "^ExponentialSizes: unknown argument"),
        (lambda: m4.workload.PoissonArrivals(rate=3), "^PoissonArrivals: .* expected none"),
        (lambda: m4.Workload(ids=3), "^Workload: unknown argument: .*did you mean 'id'"),
        (lambda: m4.datasets.FlowEventDataset("x", recipes="y"), "did you mean 'recipe'"),
        (lambda: m4.Workload.empty().to_frame(net=1), "^Workload.to_frame: unknown.*'network'"),
        (lambda: m4.Workload.empty().to_csv(), "^Workload.to_csv: expected the arguments path"),
    ],
)  # fmt: skip
def test_what_people_try(call, message):
    with pytest.raises(InputError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_an_error_inside_a_right_call_stays_what_it_is():
    @plain_call
    def add(one, other=1):
        return one + other

    assert add(1) == 2
    assert str(inspect.signature(add)) == "(one, other=1)"
    with pytest.raises(TypeError, match="unsupported operand"):
        add(nx.Graph())
    with pytest.raises(ConfigError, match=r"add: unknown argument: expected one of one, other"):
        add(1, another=2)


def test_warnings_point_at_the_caller():
    network = m4.topology.star(2, gbps=100, delay_ns=10**6)
    workload = m4.Workload.from_frame(flows(), network)
    slow = m4.Scenario(network, workload, {"kind": "dctcp", "init_window_bytes": 1000})
    with pytest.warns(Warning, match="bandwidth-delay product") as caught:
        m4.simulate(slow, "fluid")
    assert caught[0].filename == __file__
