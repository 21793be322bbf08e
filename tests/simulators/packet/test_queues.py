"""Queues of switch ports: drop-tail and RED, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit

import m4graph as m4
from m4graph.simulators.packet import queues
from m4graph.simulators.packet.build import build_state
from m4graph.workload import Workload

STAR = m4.topology.star(num_hosts=4, gbps=8, delay_ns=1000)
RED = {"kind": "red", "min_packets": 5, "max_packets": 15, "max_p": 0.1, "weight": 1.0}


def incast(num_flows: int = 3, size_bytes: int = 60_000) -> Workload:
    ids = np.arange(num_flows)
    return Workload.from_arrays(
        ids, ids % 3, np.full(num_flows, 3), np.full(num_flows, size_bytes), 10 * ids
    )


def scenario(queue, kind="newreno", workload=None, **parameters):
    workload = workload or incast()
    control = {"kind": kind, **parameters}
    return m4.Scenario(STAR, workload, control, config={"queue": queue})


@njit
def hit(s, link_id):
    return queues._hit_by_red(s, link_id, s.queues[link_id])


def red_state(**changes):
    state = build_state(scenario(RED | changes))
    return state, state.queues[0]


def test_drop_tail_takes_so_many_and_no_more():
    """Three hosts send ten packets each at once: one is on the wire, four wait, 25 are lost."""
    same_time = Workload.from_arrays(
        np.arange(3), np.arange(3), np.full(3, 3), np.full(3, 10_000), np.zeros(3, np.int64)
    )
    # While one packet leaves, two come: nothing is lost until four wait.
    for queue in ({"capacity_packets": 4}, {"capacity_packets": None, "capacity_bytes": 4 * 1048}):
        result = m4.simulate(scenario({"kind": "drop_tail", **queue}, "dctcp", same_time), "packet")
        assert result.extra["pfc_pauses_sent"] == 0
        assert result.num_finished < 3
    lossless = m4.simulate(scenario("drop_tail", "dctcp", same_time), "packet")
    assert lossless.num_finished == 3
    assert lossless.extra["packets_dropped"] == 0


def test_a_queue_as_large_as_the_shared_buffer_is_the_same():
    """Without loss and without PFC the discipline makes no difference."""
    default = m4.simulate(scenario("shared"), "packet")
    large = m4.simulate(scenario({"kind": "drop_tail", "capacity_packets": 10_000}), "packet")
    np.testing.assert_array_equal(default.fct_ns, large.fct_ns)


def test_a_small_buffer_is_no_concern_of_a_port_with_its_own_queue():
    config = {"queue": "drop_tail", "buffer_bytes": 1}
    result = m4.simulate(m4.Scenario(STAR, incast(), "newreno", config=config), "packet")
    assert result.num_finished == 3


def test_red_without_memory_and_with_one_threshold_is_drop_tail():
    step = RED | {"min_packets": 6, "max_packets": 6}
    drop_tail = {"kind": "drop_tail", "capacity_packets": 6}
    by_red, by_capacity = (m4.simulate(scenario(queue), "packet") for queue in (step, drop_tail))
    assert by_red.extra["packets_dropped"] == by_capacity.extra["packets_dropped"] > 0
    np.testing.assert_array_equal(by_red.fct_ns, by_capacity.fct_ns)


def test_red_marks_what_knows_ecn_and_drops_the_rest():
    step = RED | {"min_packets": 6, "max_packets": 6, "ecn": True, "capacity_packets": 10_000}
    for kind, knows_ecn in (("dctcp_window", True), ("dctcp", True), ("newreno", False)):
        result = m4.simulate(scenario(step, kind), "packet")
        assert (result.extra["packets_dropped"] == 0) == knows_ecn
    marked = m4.simulate(scenario(step, "dctcp_window"), "packet")
    deaf = m4.simulate(scenario(step | {"max_packets": 10_000}, "dctcp_window"), "packet")
    assert (marked.fct_ns != deaf.fct_ns).any()


def test_red_spreads_its_hits_evenly():
    """With a chance of 1/20 the paper's code has gaps that are uniform on 1 to 19."""
    state, queue = red_state()
    queue["num_packets"] = 10
    hits = np.flatnonzero([hit(state, 0) for _ in range(40_000)])
    gaps = np.diff(hits)
    counts = np.bincount(gaps, minlength=20)
    assert counts[0] == 0
    assert len(counts) == 20
    expected = len(gaps) / 19
    assert ((counts[1:] - expected) ** 2 / expected).sum() < 42.3  # chi square, 18, 0.999


def test_red_hits_nothing_below_and_everything_above_its_thresholds():
    state, queue = red_state()
    queue["num_packets"] = 4
    assert not any(hit(state, 0) for _ in range(100))
    queue["num_packets"] = 15
    assert all(hit(state, 0) for _ in range(100))


def test_red_averages_and_forgets_while_idle():
    state, queue = red_state(weight=0.25)
    queue["average"], queue["num_packets"] = 4.0, 8
    hit(state, 0)
    assert queue["average"] == 5.0
    # The port has been idle for the time of three full packets since.
    queue["num_packets"] = 0
    state.control["now"] = queue["idle_since_ticks"] + 3 * state.links["full_tx_ticks"][0]
    hit(state, 0)
    assert queue["average"] == pytest.approx(5 * 0.75**3)
    # On the wire is not idle.
    state.control["now"] += 10**6
    state.links["free_ticks"][0] = state.control["now"][0] + 1
    hit(state, 0)
    assert queue["average"] == pytest.approx(5 * 0.75**4)


def test_red_follows_the_seed():
    gentle = scenario(RED | {"max_packets": 60, "weight": 0.1}, workload=incast(9, 300_000))
    first, again, other = (
        m4.simulate(gentle.replace(seed=seed), "packet").fct_ns for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize(
    ("queue", "message"),
    [
        ("fifo", "network.queue: unknown queue discipline: expected one of drop_tail, red"),
        ({"capacity_packets": 3}, "network.queue.kind: missing key: expected one of drop_tail"),
        ({"kind": "drop_tail", "capacity": 3}, "network.queue.capacity: unknown key: expected one"),
        ({"kind": "drop_tail", "capacity_packets": 0}, "network.queue.capacity_packets: expected "
         "at least 1 (got 0)"),
        ({"kind": "drop_tail", "capacity_packets": None}, "network.queue: expected "
         "capacity_packets or capacity_bytes (got null for both)"),
        ({"kind": "red", "min_packets": 20}, "network.queue: expected min_packets to be at most "
         "max_packets (got 20 and 15)"),
        ({"kind": "red", "max_p": 2}, "network.queue.max_p: expected at most 1.0 (got 2)"),
        (7, "network.queue: expected a name or a block of keys (got 7)"),
    ],
)  # fmt: skip
def test_bad_queues(queue, message):
    with pytest.raises(m4.M4GraphError) as caught:
        scenario(queue)
    assert str(caught.value).startswith(message)


def test_a_queue_survives_the_round_trip_through_a_folder(tmp_path):
    original = scenario(RED | {"ecn": True})
    m4.save_scenario(original, tmp_path / "s")
    assert m4.load_scenario(tmp_path / "s").config == original.config
