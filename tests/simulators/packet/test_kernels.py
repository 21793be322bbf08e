"""What the congestion controls refuse, derive and survive, beyond the runs of ns-3."""

from __future__ import annotations

import numpy as np
import pytest

from m4graph import topology
from m4graph.congestion import CONGESTION_CONTROLS, RdmaControl
from m4graph.core.errors import ConfigError
from m4graph.scenario import Scenario
from m4graph.simulators.packet import PacketSimulator
from m4graph.simulators.packet.congestion import CONGESTION_KERNELS
from m4graph.simulators.packet.idle_rtt import largest_idle_rtt_ns
from m4graph.topology import validate
from m4graph.workload import Workload

KINDS = CONGESTION_CONTROLS.names()
RDMA_KINDS = [kind for kind in KINDS if issubclass(CONGESTION_CONTROLS.resolve(kind), RdmaControl)]
STAR = topology.star(num_hosts=9, gbps=10, delay_ns=1000)


def incast(num_flows: int, size_bytes: int) -> Workload:
    ids = np.arange(num_flows)
    return Workload.from_arrays(
        ids, ids % 8, np.full(num_flows, 8), np.full(num_flows, size_bytes), 1000 * ids
    )


def run(kind: str, workload: Workload, network=STAR, config=None, **parameters: object):
    control = {"kind": kind, **parameters}
    scenario = Scenario(network, workload, control, config=config)
    return PacketSimulator().run(scenario)


def test_every_congestion_control_has_a_kernel() -> None:
    assert CONGESTION_KERNELS.names() == KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_packets_have_the_headers_that_others_count_on(kind: str) -> None:
    header_bytes = CONGESTION_CONTROLS.resolve(kind).header_bytes
    assert CONGESTION_KERNELS.resolve(kind).data_overhead_bytes == header_bytes


@pytest.mark.parametrize("kind", KINDS)
def test_senders_share_a_link(kind: str) -> None:
    workload = incast(8, 400_000)
    result = run(kind, workload)
    assert result.num_finished == 8
    # All together need 8 * 400 packets on the receiver's link, and keep it nearly full.
    busy_ns = 8 * 400 * 838
    assert busy_ns < (workload.start_ns + result.fct_ns).max() < 1.2 * busy_ns


@pytest.mark.parametrize("kind", KINDS)
def test_a_small_pool_grows_without_a_trace(kind: str, monkeypatch) -> None:
    workload = incast(40, 60_000)
    whole = run(kind, workload, init_window_bytes=90_000)
    monkeypatch.setattr("m4graph.simulators.packet.build._FIRST_POOL", 80)
    monkeypatch.setattr("m4graph.simulators.packet.driver.EVENTS_A_TURN", 501)
    pieces = run(kind, workload, init_window_bytes=90_000)
    np.testing.assert_array_equal(whole.fct_ns, pieces.fct_ns)


@pytest.mark.parametrize("kind", RDMA_KINDS)
def test_a_flow_whose_last_packet_is_lost_ends_the_run_unfinished(kind: str) -> None:
    config = {"pfc": False, "buffer_bytes": 170_000}
    result = run(kind, incast(8, 90_000), config=config, init_window_bytes=90_000)
    assert result.extra["packets_dropped"] > 0
    assert 0 < result.num_finished < 8


@pytest.mark.parametrize("kind", sorted(set(KINDS) - set(RDMA_KINDS)))
def test_tcp_recovers_where_rdma_loses_a_tail(kind: str) -> None:
    config = {"pfc": False, "buffer_bytes": 170_000}
    result = run(kind, incast(8, 90_000), config=config, init_window_bytes=90_000)
    assert result.extra["packets_dropped"] > 0
    assert result.num_finished == 8


def test_base_rtt_is_the_idle_round_trip_of_a_full_packet() -> None:
    # What ns-3 measures for a flow of 1000 bytes, from its start to its last ACK.
    assert largest_idle_rtt_ns(validate(STAR), 1090, 88) == 5884
    fat_tree = topology.fat_tree(k=4, host_gbps=10, fabric_gbps=10, delay_ns=1000)
    assert largest_idle_rtt_ns(validate(fat_tree), 1090, 88) == 17_652


def test_base_rtt_is_hpccs_default() -> None:
    workload = incast(8, 100_000)
    default, given, other = (
        run("hpcc", workload, **parameters).fct_ns.tolist()
        for parameters in ({}, {"base_rtt_ns": 5884}, {"base_rtt_ns": 14_400})
    )
    assert default == given != other


def test_hpcc_refuses_a_route_with_more_switches_than_a_packet_has_room_for() -> None:
    chain = topology.parking_lot(num_switches=6, hosts_per_switch=1)
    arrays = validate(chain)
    last = arrays.num_hosts - 1
    workload = Workload.from_arrays(
        np.array([7]), np.array([0]), np.array([last]), np.array([1000]), np.array([0])
    )
    with pytest.raises(ConfigError, match=r"flow 7: expected at most 5 switches.*got 6"):
        run("hpcc", workload, network=chain)


def test_hpcc_refuses_a_link_rate_that_its_telemetry_cannot_name() -> None:
    network = topology.star(num_hosts=9, gbps=20, delay_ns=1000)
    with pytest.raises(ConfigError, match=r"link 9-0: expected a rate .* \(got 20 Gb/s\)"):
        run("hpcc", incast(2, 1000), network=network)


def test_timely_backs_off_when_round_trips_are_long() -> None:
    workload = incast(8, 2_000_000)
    shallow = run("timely", workload, init_window_bytes=None, min_rate_mbps=100.0)
    deaf = run("timely", workload, init_window_bytes=None, min_rate_mbps=100.0, beta=0.0)
    assert shallow.extra["pfc_pauses_sent"] < deaf.extra["pfc_pauses_sent"]


def test_marks_slow_dcqcn_down() -> None:
    workload = incast(1, 4_000_000)
    lone = run("dcqcn", workload)
    assert lone.slowdown[0] == pytest.approx(1.0, abs=1e-3)
    # With a threshold of zero and two senders, marks keep both below their share for a while.
    marked = run("dcqcn", incast(2, 4_000_000), config={"ecn": {"kmin_bytes": 0, "kmax_bytes": 0}})
    assert marked.fct_ns.min() > 1.9 * lone.fct_ns[0]
