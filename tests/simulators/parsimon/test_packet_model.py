from __future__ import annotations

import pickle

import numpy as np
import pytest

import m4graph as m4
from m4graph.core.errors import ConfigError
from m4graph.results import UNFINISHED
from m4graph.simulators.parsimon.decomposition import Decomposition
from m4graph.simulators.parsimon.link_inputs import link_inputs
from m4graph.simulators.parsimon.link_model import NEVER_NS, KernelModel
from m4graph.simulators.parsimon.packet_model import PacketModel

DROP_TAIL = {"queue": {"kind": "drop_tail", "capacity_packets": 20}}
RED = {"queue": {"kind": "red", "min_packets": 3, "max_packets": 9, "max_p": 0.2, "ecn": True}}


def scenario_of(network, src, dst, size_bytes, start_ns, control="dctcp", **options):
    columns = np.broadcast_arrays(np.arange(len(src)), src, dst, size_bytes, start_ns)
    return m4.Scenario(network, m4.workload.Workload.from_arrays(*columns), control, **options)


def incast(num_sources, size_bytes, gap_ns=0, control="dctcp", **options):
    network = m4.topology.star(num_hosts=num_sources + 1)
    src = np.arange(num_sources)
    return scenario_of(network, src, num_sources, size_bytes, src * gap_ns, control, **options)


def outputs(scenario, model):
    network = Decomposition.of(scenario)
    inputs = link_inputs(network, np.flatnonzero(network.link_packets))
    return model.of(scenario).run(inputs, lambda num_packets: None)


@pytest.mark.parametrize("control", ["dctcp", "newreno"])
@pytest.mark.parametrize("size_bytes", [1, 1000, 1001, 12_345, 200_000])
def test_lone_flow_takes_what_it_takes_in_the_network(control, size_bytes):
    """Through links of two rates, at each of them: also if its last packet is short."""
    network = m4.topology.clos(
        pods=2, racks=2, hosts=2, planes=2, spines=1, host_gbps=10, fabric_gbps=40, delay_ns=1000
    )
    scenario = scenario_of(network, np.zeros(1, int), 7, size_bytes, 5, control)
    truth = m4.simulate(scenario, "packet")
    assert (outputs(scenario, PacketModel).fct_ns == truth.fct_ns).all()


@pytest.mark.parametrize(
    "control", ["dctcp", {"kind": "dctcp", "init_window_bytes": 18_000, "gain": 0.25}]
)
@pytest.mark.parametrize(("size_bytes", "gap_ns"), [(50_000, 0), (123_456, 0), (90_000, 777)])
def test_incasts_are_exact(control, size_bytes, gap_ns):
    scenario = incast(9, size_bytes, gap_ns, control)
    truth = m4.simulate(scenario, "packet")
    result = m4.simulate(scenario, "parsimon", link_model="packet", passes=1)
    assert truth.extra["pfc_pauses_sent"] == 0
    assert (result.fct_ns == truth.fct_ns).all()
    kernel, packet = (outputs(scenario, model) for model in (KernelModel, PacketModel))
    assert (kernel.fct_ns == packet.fct_ns).all()


@pytest.mark.parametrize("control", ["newreno", "dctcp_window"])
def test_incasts_of_tcp_through_a_short_queue_are_exact(control):
    """Packets are lost, sent again after timeouts, and all is as in the packet simulator."""
    scenario = incast(9, 40_000, 1777, control, config=DROP_TAIL)
    truth = m4.simulate(scenario, "packet")
    result = m4.simulate(scenario, "parsimon", link_model="packet", passes=1)
    assert truth.extra["packets_dropped"] > 0
    assert (result.fct_ns == truth.fct_ns).all()


def test_what_is_lost_for_good_is_unfinished():
    """Without PFC, tails that find no room are never sent again by the RDMA algorithms."""
    network = {"pfc": False, "buffer_bytes": 30_000, "headroom_cap": 1e-15}
    scenario = incast(12, 20_000, 10_007, config=network)
    truth = m4.simulate(scenario, "packet")
    result = m4.simulate(scenario, "parsimon", link_model="packet")
    is_lost = truth.fct_ns == UNFINISHED
    assert 0 < is_lost.sum() < 12
    assert ((result.fct_ns == UNFINISHED) == is_lost).all()
    assert (result.fct_ns[~is_lost] == truth.fct_ns[~is_lost]).all()
    rows = outputs(scenario, PacketModel)
    assert (rows.fct_ns == NEVER_NS).sum() == (rows.sending_ns == NEVER_NS).sum() == is_lost.sum()


def clos_scenario(control="dctcp", **options):
    network = m4.topology.clos(
        pods=2, racks=4, hosts=4, planes=2, spines=1, host_gbps=10, fabric_gbps=40, delay_ns=1000
    )
    workload = m4.workload.generate(
        network, sizes="web_server", load=0.5, num_flows=600, seed=1_000_117
    )
    return m4.Scenario(network, workload, control, **options)


def test_agrees_with_the_kernel_under_load():
    scenario = clos_scenario({"kind": "dctcp", "init_window_bytes": 18_000})
    kernel, packet = (outputs(scenario, model) for model in (KernelModel, PacketModel))
    error = np.abs(packet.fct_ns / kernel.fct_ns - 1)
    assert error.mean() < 0.01
    assert np.quantile(packet.fct_ns, 0.99) == pytest.approx(
        np.quantile(kernel.fct_ns, 0.99), rel=0.02
    )


def test_marks_of_a_link_do_not_depend_on_other_links():
    """RED marks at random: a link alone gives what it gives among others, also elsewhere."""
    scenario = clos_scenario({"kind": "newreno", "ecn": True}, config=RED)
    network = Decomposition.of(scenario)
    links = np.flatnonzero(network.link_packets)
    model = pickle.loads(pickle.dumps(PacketModel.of(scenario)))
    together = outputs(scenario, PacketModel).fct_ns
    apart = [
        model.run(link_inputs(network, links[i : i + 1]), lambda num_packets: None).fct_ns
        for i in range(len(links))
    ]
    assert (np.concatenate(apart) == together).all()
    other_seed = outputs(scenario.replace(seed=1), PacketModel).fct_ns
    assert (other_seed != together).any()


def test_limits_of_a_second_pass_hold():
    """A flow that another link leaves 1 Gb/s takes ten times as long here."""
    scenario = incast(1, 1_000_000)
    network = Decomposition.of(scenario)
    links = np.flatnonzero(network.link_packets)
    limits = np.full(len(network.row_flow), 10**9)
    model = PacketModel.of(scenario)
    slow = model.run(link_inputs(network, links, limits), lambda num_packets: None)
    assert slow.fct_ns == pytest.approx(1048 * 8 * 1000, rel=0.01)


def test_reports_every_packet_once():
    scenario = incast(3, 10_500)
    network = Decomposition.of(scenario)
    told = []
    links = np.flatnonzero(network.link_packets)
    PacketModel.of(scenario).run(link_inputs(network, links), told.append)
    assert sum(told) == network.link_packets.sum() == 2 * 3 * 11


def test_refuses_what_needs_reports_of_switches():
    with pytest.raises(ConfigError, match=r"congestion_control.kind: .*\(got hpcc\)"):
        m4.simulate(incast(2, 1000, control="hpcc"), "parsimon", link_model="packet")


@pytest.mark.parametrize(("control", "config"), [("newreno", {}), ("dctcp", DROP_TAIL)])
def test_the_kernel_refuses_and_says_who_takes_it(control, config):
    scenario = incast(2, 1000, control=control, config=config)
    with pytest.raises(ConfigError, match="link_model: packet takes it"):
        m4.simulate(scenario, "parsimon")
    assert m4.simulate(scenario, "parsimon", link_model="packet").num_finished == 2


def test_a_cache_tells_queues_apart(tmp_path):
    """What is known of links with one queue is not taken for those with another."""
    short, shorter = (
        incast(5, 20_000, control="newreno", config={"queue": DROP_TAIL["queue"] | more})
        for more in ({}, {"capacity_packets": 10})
    )
    options = {"link_model": "packet", "cache": tmp_path, "passes": 1}
    first, again = (m4.simulate(short, "parsimon", **options) for _ in range(2))
    other = m4.simulate(shorter, "parsimon", **options)
    assert (again.extra["links_simulated"], again.extra["links_cached"]) == (0, 6)
    assert (again.fct_ns == first.fct_ns).all()
    assert other.extra["links_cached"] == 0
