"""Traces of a pod's borders, against packets whose ways are known by hand."""

from __future__ import annotations

import numpy as np
import pytest

import m4graph as m4
from m4graph.core.errors import ConfigError, InputError
from m4graph.mimic.border_rows import EGRESS, INGRESS
from m4graph.mimic.boundary import BoundaryTrace, taps_of
from m4graph.mimic.clusters import Pods
from m4graph.workload import Workload
from tests.mimic.scenes import CONTROLS, clos, scene, traced

DATA_TX, ACK_TX, DELAY = 121_440, 5_120, 500_000
"""Of 1518 and 64 bytes at 100 Mb/s, and of a cable."""


def flows(*rows):
    src, dst, size, start = (np.array(column) for column in zip(*rows, strict=True))
    return Workload.from_arrays(np.arange(len(rows)) + 10, src, dst, size, start)


def run_of(*rows, pods=2, queue=100, **options):
    kind, config = CONTROLS["newreno"]
    config = {**config, "queue": {"kind": "drop_tail", "capacity_packets": queue}}
    return traced(m4.Scenario(clos(pods), flows(*rows), kind, config=config, **options))


def test_one_packet_and_its_ack():
    """From host 9 of pod 1 to host 2 of pod 0: data goes out, an ACK comes in."""
    pods, full, [trace] = run_of((9, 2, 1460, 7000), (0, 3, 500, 50_000_000))
    assert (trace.pod, trace.num_pods, trace.ticks_per_ns) == (1, 2, 1)
    data, ack = trace.rows
    hop = DATA_TX + DELAY
    assert data["enter_ticks"] == 7000 + hop
    assert data["middle_ticks"] == data["exit_ticks"] == 7000 + 2 * hop
    # The data takes six hops; the ACK comes to pod 1 after three of its own.
    back, ack_hop = 7000 + 6 * hop, ACK_TX + DELAY
    assert ack["enter_ticks"] == back + 4 * ack_hop
    assert ack["middle_ticks"] == ack["exit_ticks"] == back + 5 * ack_hop
    for row, direction, kind, wire_bytes in ((data, EGRESS, 0, 1518), (ack, INGRESS, 1, 64)):
        assert (row["direction"], row["kind"], row["wire_bytes"]) == (direction, kind, wire_bytes)
        assert (row["flow"], row["host"]) == (10, 1)
        assert not any(row[name] for name in ("dropped", "marked_in", "marked_out"))
    routes = full.scenario.routes
    assert data["agg"] * 2 + data["spine"] == pods.link_local[routes.data_route(0)[2]]
    assert ack["agg"] * 2 + ack["spine"] == pods.link_local[routes.ack_route(0)[-3]]


def test_only_what_has_one_end_inside():
    """Flows inside a pod and past it do not cross its borders."""
    _, _, traces = run_of((0, 3, 500, 0), (8, 13, 500, 0), (16, 1, 500, 0), (17, 9, 500, 0), pods=3)
    assert [np.unique(trace.rows["flow"]).tolist() for trace in traces] == [[13], [12, 13]]


def test_what_waits_goes_out_later_and_what_finds_no_room_not_at_all():
    """Four hosts of a rack send at once: behind the rack there is room for two packets a port."""
    rows = [(8 + host, 0, 1460, 0) for host in range(4)]
    _, full, [trace] = run_of(*rows, queue=2, stop_ns=190_000_000)
    out = trace.rows[trace.rows["direction"] == EGRESS]
    assert out["dropped"].sum() == full.extra["packets_dropped"] > 0
    assert (out["exit_ticks"][out["dropped"]] == -1).all()
    went = out[~out["dropped"]]
    for agg in np.unique(went["agg"]):
        exits = went["exit_ticks"][went["agg"] == agg]
        assert (np.diff(exits) == DATA_TX).all()
        assert exits[0] == 2 * (DATA_TX + DELAY)


def test_what_is_still_inside_is_left_out():
    """The run stops between the entry of a packet and its exit."""
    hop = DATA_TX + DELAY
    assert len(run_of((9, 2, 1460, 0), stop_ns=2 * hop - 1)[2][0].rows) == 0
    assert len(run_of((9, 2, 1460, 0), stop_ns=2 * hop + 1)[2][0].rows) == 1


def test_what_a_core_drops_has_its_place():
    """Hosts of four pods send to one host of a fifth: cores have room for one packet only."""
    rows = [(8 * pod + host, 32, 2920, 0) for pod in range(4) for host in (0, 4)]
    _, _, traces = run_of(*rows, pods=5, queue=1, stop_ns=20 * DELAY)
    trace = traces[-1]
    assert len(trace.core_drops) > 0
    for flow, kind, place in trace.core_drops:
        came = ((trace.rows["flow"] == flow) & (trace.rows["kind"] == 0)).sum()
        lost = (trace.core_drops[:, 0] == flow).sum()
        assert kind == 0
        # Each has sent two packets: what did not come was lost at the core, or on the way.
        assert place < came + lost <= 2


@pytest.fixture(scope="module")
def busy():
    return traced(scene(2, num_flows=60))[2][0]


def test_no_packet_overtakes_another_on_its_path(busy):
    rows = busy.rows[~busy.rows["dropped"]]
    path = rows[["host", "agg", "spine", "direction"]]
    for each in np.unique(path):
        assert (np.diff(rows["exit_ticks"][path == each]) > 0).all()
    assert (np.diff(busy.rows["enter_ticks"]) >= 0).all()
    assert (rows["enter_ticks"] < rows["middle_ticks"]).all()
    assert (rows["middle_ticks"] <= rows["exit_ticks"]).all()


def test_thinning_by_one_is_the_identity(busy):
    thin = busy.thin(1.0, seed=3)
    np.testing.assert_array_equal(thin.rows, busy.rows)
    np.testing.assert_array_equal(thin.core_drops, busy.core_drops)


def test_thinning_keeps_whole_flows(busy):
    third, tenth = busy.thin(1 / 3, seed=1), busy.thin(0.1, seed=1)
    kept = set(third.rows["flow"])
    assert 0 < len(kept) < len(set(busy.rows["flow"]))
    np.testing.assert_array_equal(third.rows, busy.rows[np.isin(busy.rows["flow"], list(kept))])
    assert set(tenth.rows["flow"]) < kept
    assert set(busy.thin(1 / 3, seed=2).rows["flow"]) != kept
    for fraction in (0, -1, 1.1, float("nan")):
        with pytest.raises(ConfigError, match=r"fraction: expected a number in \(0, 1\]"):
            busy.thin(fraction, seed=0)


def test_a_trace_comes_back_from_its_file(busy, tmp_path):
    busy.save(tmp_path / "trace.npz")
    again = BoundaryTrace.load(tmp_path / "trace.npz")
    for name in ("shape", "pod", "num_pods", "ticks_per_ns"):
        assert getattr(again, name) == getattr(busy, name)
    np.testing.assert_array_equal(again.rows, busy.rows)
    np.testing.assert_array_equal(again.core_drops, busy.core_drops)


def test_files_that_are_no_traces(busy, tmp_path):
    path = tmp_path / "trace.npz"
    path.write_bytes(b"nothing")
    with pytest.raises(InputError, match="expected a trace of a pod's borders"):
        BoundaryTrace.load(path)
    busy.save(path)
    arrays = dict(np.load(path))

    def changed(column: str, value: int) -> np.ndarray:
        rows = arrays["rows"].copy()
        rows[column][3] = value
        return rows

    for name, value, problem in [
        ("rows", np.zeros(3), r"rows: expected border rows \(got float64 \[3\]\)"),
        ("rows", arrays["rows"][::-1], "rows.enter_ticks: expected times that do not fall"),
        ("rows", changed("host", 8), r"rows.host: expected values in 0 .. 7 \(got 8 at 3\)"),
        ("rows", changed("middle_ticks", 0), "rows.middle_ticks: expected -1, or after the entry"),
        ("rows", changed("exit_ticks", -1), "rows.dropped: expected exits of what was not dropped"),
        ("spines", np.int64(0), r"spines: expected values in 1 .. 32768 \(got 0 at 0\)"),
        ("core_drops", np.zeros((2, 2), np.int64), "core_drops: expected rows of three integers"),
        ("racks", np.float64(2), "racks: expected a count"),
        ("format", np.int64(99), "expected format 1 .got 99."),
    ]:
        np.savez(path, **{**arrays, name: value})
        with pytest.raises(InputError, match=problem):
            BoundaryTrace.load(path)


def test_events_between_ports(busy):
    events = busy.to_pyg()
    rows = busy.rows
    assert events.num_events == len(rows)
    assert events.msg.shape == (len(rows), 6)
    is_egress = rows["direction"] == EGRESS
    assert (events.src.numpy()[is_egress] == rows["host"][is_egress]).all()
    assert events.dst[is_egress].min() >= 8
    assert events.dst[~is_egress].max() < 8
    latency = events.msg[:, 1].numpy()
    assert ((latency == -1) == rows["dropped"]).all()
    assert (events.t.numpy() == rows["enter_ticks"]).all()


def test_runs_without_taps_are_refused():
    scenario = scene(2, num_flows=3)
    with pytest.raises(ConfigError, match=r"recording\.taps: expected those of pod 1"):
        BoundaryTrace.of(m4.simulate(scenario, "packet"), 1)
    pods = Pods.of(scenario.network, scenario.arrays)
    taps = {"taps": pods.ends(taps_of(pods, 0))}
    with pytest.raises(ConfigError, match=r"recording\.taps: expected those of pod 1"):
        BoundaryTrace.of(m4.simulate(scenario, "packet", recording=taps), 1)
