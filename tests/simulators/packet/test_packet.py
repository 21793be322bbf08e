"""Exact answers that follow from the rules by hand, and what holds in every run."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from m4graph import topology
from m4graph.core.errors import ConfigError
from m4graph.scenario import Scenario
from m4graph.simulators.packet import EventLabels, PacketSimulator
from m4graph.workload import Workload

STAR = topology.star(num_hosts=4, gbps=10, delay_ns=1000)
DCTCP = {"kind": "dctcp"}


def flows(*rows: tuple[int, int, int, int]) -> Workload:
    """A workload of rows (src, dst, bytes, start_ns)."""
    src, dst, size_bytes, start_ns = (np.array(column) for column in zip(*rows, strict=True))
    return Workload.from_arrays(np.arange(len(rows)), src, dst, size_bytes, start_ns)


def run(workload: Workload, labels: bool = False, **changes: object):
    arguments = {"network": STAR, "congestion_control": DCTCP} | changes
    return PacketSimulator(labels).run(Scenario(workload=workload, **arguments))


@pytest.mark.parametrize(
    ("size_bytes", "fct_ns"),
    [(1, 2078), (1000, 3676), (1001, 3715), (10_000, 11_218), (1_000_000, 840_838)],
)
def test_lone_flow_on_a_star(size_bytes: int, fct_ns: int) -> None:
    assert run(flows((0, 1, size_bytes, 0))).fct_ns.tolist() == [fct_ns]


@pytest.mark.parametrize("size_bytes", [1, 999, 1000, 18_000])
def test_lone_flow_takes_its_ideal_time_anywhere(size_bytes: int) -> None:
    network = topology.fat_tree(k=4, host_gbps=10, fabric_gbps=40, delay_ns=1000)
    result = run(flows((0, 15, size_bytes, 77)), network=network)
    assert result.slowdown.tolist() == [1.0]


def test_two_senders_into_one_match_ns3() -> None:
    result = run(flows((0, 2, 1_000_000, 0), (1, 2, 1_000_000, 0)))
    assert sorted(result.fct_ns.tolist()) == [1_637_776, 1_678_838]


def test_no_window_and_no_marks_fill_the_link() -> None:
    control = DCTCP | {"init_window_bytes": None}
    alone = run(flows((0, 2, 3_000_000, 0)), congestion_control=control)
    assert alone.fct_ns[0] == pytest.approx(alone.ideal_fct_ns[0], abs=3000)


def test_a_congestion_control_is_deterministic_and_resumable(monkeypatch) -> None:
    workload = flows(*((i % 3, 3, 200_000, 10_000 * i) for i in range(12)))
    whole = run(workload, labels=True)
    monkeypatch.setattr("m4graph.simulators.packet.driver.EVENTS_A_TURN", 7)
    pieces = run(workload, labels=True)
    np.testing.assert_array_equal(whole.fct_ns, pieces.fct_ns)
    for name in EventLabels.__dataclass_fields__:
        expected = getattr(whole.extra["labels"], name)
        np.testing.assert_array_equal(getattr(pieces.extra["labels"], name), expected)


def test_small_pools_grow_without_a_trace(monkeypatch) -> None:
    workload = flows(*((i % 3, 3, 50_000, 0) for i in range(60)))
    control = DCTCP | {"init_window_bytes": 90_000}
    whole = run(workload, congestion_control=control)
    monkeypatch.setattr("m4graph.simulators.packet.build._FIRST_POOL", 80)
    np.testing.assert_array_equal(whole.fct_ns, run(workload, congestion_control=control).fct_ns)


def test_labels_of_two_flows_by_hand() -> None:
    # Flow 1 starts when flow 0 has 10 packets sent, of which the receiver has some.
    result = run(flows((0, 2, 20_000, 0), (1, 2, 1000, 8380)), labels=True)
    labels = result.extra["labels"]
    assert labels.kind.tolist() == [0, 0, 1, 1]
    assert labels.flow.tolist()[:2] == [0, 1]
    np.testing.assert_array_equal(np.diff(labels.flow_ptr), [1, 2, 1, 0])
    np.testing.assert_array_equal(np.diff(labels.link_ptr), [2, 2, 2, 2])
    assert labels.remaining_bytes[0] == 20_000
    # A packet is complete at the receiver at 838 n + 838 + 2000: seven by 8380.
    second = dict(zip(labels.flows[1:3], labels.remaining_bytes[1:3], strict=True))
    assert second == {0: 20_000 - 6_000, 1: 1000}
    assert labels.queue_bytes[:4].tolist() == [0, 0, 0, 0]


def test_marking_between_thresholds_follows_the_seed() -> None:
    workload = flows(*((i % 3, 3, 300_000, 0) for i in range(9)))
    ecn = {"ecn": {"kmin_bytes": 5000, "kmax_bytes": 60_000, "pmax": 0.5}}
    first = run(workload, config=ecn, seed=1)
    np.testing.assert_array_equal(first.fct_ns, run(workload, config=ecn, seed=1).fct_ns)
    assert (first.fct_ns != run(workload, config=ecn, seed=2).fct_ns).any()


def test_headroom_larger_than_the_buffer_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"headroom of switch 4.*got 20000"):
        run(flows((0, 1, 1000, 0)), config={"buffer_bytes": 20_000})


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_every_run_conserves_bytes_and_respects_capacity(data) -> None:
    hosts = 6
    network = topology.leaf_spine(
        num_leaves=2, hosts_per_leaf=3, num_spines=2, host_gbps=10, fabric_gbps=10, delay_ns=500
    )
    row = st.tuples(
        st.integers(0, hosts - 1),
        st.integers(1, hosts - 1),
        st.integers(1, 60_000),
        st.integers(0, 40_000),
    )
    rows = [
        (src, (src + step) % hosts, size, start)
        for src, step, size, start in data.draw(st.lists(row, min_size=1, max_size=25))
    ]
    workload = flows(*rows)
    config = {"buffer_bytes": data.draw(st.sampled_from([80_000, 3_072_000]))}
    result = run(workload, network=network, config=config)
    assert result.num_finished == len(rows)
    assert (result.fct_ns >= result.ideal_fct_ns - 1).all()
    for host in range(hosts):
        for ends in (workload.src, workload.dst):
            mine = ends == host
            if mine.any():
                span_ns = (workload.start_ns + result.fct_ns)[mine].max() - workload.start_ns[
                    mine
                ].min()
                assert workload.size_bytes[mine].sum() * 8 / 10 <= span_ns
