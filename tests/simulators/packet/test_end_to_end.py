"""Round-trip times and throughput of hosts: by hand, on tiny runs and on rows of taps."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import m4graph as m4
from m4graph.core.errors import ConfigError
from m4graph.simulators.packet import PacketRun, PacketSimulator
from m4graph.simulators.packet.build import build_state
from m4graph.simulators.packet.layout import ACK, DATA, ENTER, LEAVE, NACK, TAP_ROW
from m4graph.simulators.packet.observe import host_meter
from m4graph.simulators.packet.observe.host_meter import EndToEndWatcher, HostMeter
from m4graph.workload import Workload

STAR = m4.topology.star(num_hosts=4, gbps=10, delay_ns=1000)
SWITCH = 4
OVERHEAD = 48


def scenario(*rows: tuple[int, int, int, int], **changes) -> m4.Scenario:
    """Flows of rows (src, dst, bytes, start_ns); their ids are 100, 101, ..."""
    src, dst, size_bytes, start_ns = (np.array(column) for column in zip(*rows, strict=True))
    workload = Workload.from_arrays(100 + np.arange(len(rows)), src, dst, size_bytes, start_ns)
    arguments = {"network": STAR, "congestion_control": "dctcp"} | changes
    return m4.Scenario(workload=workload, **arguments)


TWO = scenario((0, 1, 2500, 10), (0, 2, 1000, 10_000))


def recorded(made: m4.Scenario, **chosen):
    return m4.simulate(made, "packet", recording=chosen).extra["recording"]


def test_times_of_three_segments():
    """838 and 48 ns to send on each of two links of 1000 ns, 438 for the last segment's 548 bytes;
    the last bit of a segment waits for the one before."""
    made = recorded(TWO, rtt="all").rtt
    full, last = 2 * (838 + 48 + 2000), 2 * (438 + 48 + 2000) + 838 - 438
    assert made.to_numpy().tolist() == [
        [100, 10 + full, full, False],
        [100, 848 + full, full, False],
        [100, 1686 + last, last, False],
    ]


def test_hosts_are_chosen():
    """Segments are timed at their senders, bytes are counted at receivers."""
    back = scenario((0, 1, 2500, 10), (1, 0, 1000, 10), (2, 3, 1000, 50_000))
    made = recorded(back, rtt=[1], throughput=[0, 3])
    assert made.rtt["flow"].tolist() == [101]
    assert made.throughput.to_numpy().tolist() == [[0, 0, 1000], [3, 0, 1000]]
    assert list(made.tables()) == ["rtt", "throughput"]


def test_hosts_of_a_pod():
    network = m4.topology.clos(pods=2, racks=1, hosts=2, planes=1, spines=1)
    made = scenario((0, 2, 1000, 0), (3, 1, 1000, 0), (3, 1, 1000, 60_000), network=network)
    chosen = recorded(made, rtt={"pod": 1}, throughput={"pod": 0})
    assert chosen.rtt["flow"].tolist() == [101]
    assert set(chosen.throughput["host"]) == {1}


def test_windows_of_100_ms():
    made = scenario((0, 1, 1000, 0), (0, 1, 700, 99_998_000), (2, 1, 500, 250_000_000))
    expected = [[1, 0, 1000], [1, 100_000_000, 700], [1, 200_000_000, 500]]
    assert recorded(made, throughput="all").throughput.to_numpy().tolist() == expected


def test_picoseconds_are_given_in_nanoseconds():
    made = recorded(scenario((0, 1, 1000, 0), (0, 1, 9, 90_000), config={"tick": "ps"}), rtt="all")
    assert made.rtt["rtt_ns"].tolist() == [2 * (838.4 + 48 + 2000)]


def rows(*events: tuple[int, int, int, int, int, int]) -> np.ndarray:
    """Rows of taps: time, event, kind, link, flow (a row), seq; data have 1000 bytes."""
    made = np.zeros(len(events), TAP_ROW)
    for name, column in zip(
        ("time_ticks", "event", "kind", "link", "flow", "seq"),
        zip(*events, strict=True),
        strict=True,
    ):
        made[name] = column
    made["wire_bytes"] = np.where(made["kind"] == DATA, 1000 + OVERHEAD, 60)
    return made


UP, DOWN = int(TWO.arrays.host_uplink[0]), int(TWO.arrays.host_downlink[0])


def measured(*parts: np.ndarray) -> list[list[int]]:
    meter = HostMeter(TWO, np.arange(4), np.arange(4))
    meter.begin(PacketRun(TWO, build_state(TWO)))
    for part in parts:
        meter.add(part)
    return meter.finish().rtt[["flow", "time_ns", "rtt_ns"]].to_numpy().tolist()


def test_what_is_sent_again_is_left_out():
    sent = [
        (0, LEAVE, DATA, UP, 0, 0),
        (1, LEAVE, DATA, UP, 0, 1000),
        (2, LEAVE, DATA, UP, 0, 2000),
    ]
    again = (10, LEAVE, DATA, UP, 0, 1000)
    acked = [(20, ENTER, ACK, DOWN, 0, 1000), (21, ENTER, ACK, DOWN, 0, 2000)]
    last = (22, ENTER, ACK, DOWN, 0, 3000)
    expected = [[100, 20, 20], [100, 22, 20]]
    assert measured(rows(*sent, again, *acked, last)) == expected
    assert measured(*(rows(each) for each in [*sent, again, *acked, last])) == expected


def test_an_ack_settles_what_ends_before_it():
    """The ACK of 1000 comes late: it is not the first one that has told of the segment."""
    sent = [(0, LEAVE, DATA, UP, 0, 0), (1, LEAVE, DATA, UP, 0, 1000)]
    acked = [(20, ENTER, ACK, DOWN, 0, 2000), (30, ENTER, ACK, DOWN, 0, 1000)]
    assert measured(rows(*sent, *acked, (31, ENTER, ACK, DOWN, 0, 2000))) == [[100, 20, 19]]


def test_flows_and_kinds_are_kept_apart():
    sent = [(0, LEAVE, DATA, UP, 0, 0), (3, LEAVE, DATA, UP, 1, 0)]
    other = [(10, ENTER, NACK, DOWN, 0, 1000), (11, ENTER, DATA, DOWN, 0, 1000)]
    acked = [(20, ENTER, ACK, DOWN, 1, 1000), (21, ENTER, ACK, DOWN, 0, 1000)]
    assert measured(rows(*sent, *other, *acked)) == [[101, 20, 17], [100, 21, 21]]


def test_thinning_keeps_every_second_then_every_fourth(monkeypatch):
    monkeypatch.setattr(host_meter, "MOST_RTTS", 4)
    events = []
    for number in range(11):
        events += [(10 * number, LEAVE, DATA, UP, 0, 1000 * number)]
        events += [(10 * number + number, ENTER, ACK, DOWN, 0, 1000 * number + 1000)]
    for count, kept in ((4, [0, 1, 2, 3]), (5, [0, 2, 4]), (8, [0, 2, 4, 6]), (9, [0, 4, 8])):
        assert [rtt for _, _, rtt in measured(rows(*events[: 2 * count]))] == kept
    assert [rtt for _, _, rtt in measured(rows(*events))] == [0, 4, 8]


LOSSY = [{"kind": "loss", "link": [SWITCH, 3], "probability": 0.02, "direction": "forward"}]


@pytest.mark.parametrize(
    "control", [{"kind": "dctcp", "retransmit_timeout_us": 1000.0}, {"kind": "newreno"}]
)
def test_as_the_taps_say(control, monkeypatch):
    """The same out of all packets, with losses, in pieces of 64 rows; and nothing else changes."""
    made = scenario(
        *((i % 3, 3, 60_000, 7000 * i) for i in range(12)), congestion_control=control, faults=LOSSY
    )
    plain = m4.simulate(made, "packet")
    taps = recorded(made, taps="all").packets
    monkeypatch.setattr("m4graph.simulators.packet.observe.tap_buffer._TAP_ROWS", 200)
    both = m4.simulate(
        made, "packet", recording={"rtt": "all", "throughput": "all", "taps": [[SWITCH, 3]]}
    )
    np.testing.assert_array_equal(plain.fct_ns, both.fct_ns)
    chosen = both.extra["recording"]
    assert chosen.rtt.to_numpy().tolist() == by_hand(taps)
    assert chosen.rtt["marked"].any() == (control["kind"] == "dctcp")
    data = taps[(taps["kind"] == "data") & (taps["event"] == "enter") & (taps["b"] == 3)]
    assert chosen.throughput["bytes"].sum() == len(data) * 1000
    is_kept = taps["event"].isin(["drop", "lost"]) | ((taps["a"] == SWITCH) & (taps["b"] == 3))
    pd.testing.assert_frame_equal(chosen.packets, taps[is_kept].reset_index(drop=True))


def by_hand(taps: pd.DataFrame) -> list[list[int]]:
    """Each segment sent once, and the first ACK of just its end, unless one further came before."""
    payload = taps["wire_bytes"].max() - 1000
    sent = taps[(taps["kind"] == "data") & (taps["event"] == "leave") & (taps["b"] == SWITCH)]
    acks = taps[(taps["kind"] == "ack") & (taps["event"] == "enter") & (taps["a"] == SWITCH)]
    found = []
    for (flow, seq), group in sent.groupby(["flow", "seq"]):
        end = seq + group["wire_bytes"].iloc[0] - payload
        later = acks[(acks["flow"] == flow) & (acks["seq"] >= end)]
        if len(group) == 1 and len(later) and later["seq"].iloc[0] == end:
            time_ns, marked = later["time_ns"].iloc[0], later["marked"].iloc[0]
            rtt_ns = time_ns - group["time_ns"].iloc[0]
            found.append([flow, time_ns, rtt_ns, marked, later.index[0]])
    return [row[:4] for row in sorted(found, key=lambda row: row[4])]


def test_a_watcher_measures_alone():
    watcher = EndToEndWatcher(np.array([0]))
    first = PacketSimulator(watchers=[watcher]).run(TWO).extra["end_to_end"]
    second = PacketSimulator(watchers=[watcher]).run(TWO).extra["end_to_end"]
    assert first.rtt.equals(recorded(TWO, rtt=[0]).rtt)
    assert first.rtt.equals(second.rtt)


def test_files(tmp_path):
    recorded(TWO, rtt="all", throughput=[1]).write(tmp_path / "out")
    assert (tmp_path / "out" / "rtt.csv").read_text().splitlines()[:2] == [
        "flow,time_ns,rtt_ns,marked",
        "100,5782,5772,False",
    ]
    assert (tmp_path / "out" / "throughput.csv").read_text() == "host,time_ns,bytes\n1,0,2500\n"


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"rtt": "some"}, r"recording.rtt: expected all, a list of hosts or \{pod: number\} \(got"),
        ({"rtt": {"rack": 0}}, "recording.rtt: expected all, a list of hosts or"),
        ({"links": {"pod": 0}}, "recording.links: expected all or a list of"),
        ({"throughput": [0, 4]}, r"recording.throughput.1: expected a host, 0 .. 3 \(got 4\)"),
        (
            {"throughput": {"pod": 0}},
            "recording.throughput.pod: expected a pod with hosts",
        ),
    ],
)
def test_bad_hosts(chosen, message):
    with pytest.raises(ConfigError, match=message):
        recorded(TWO, **chosen)
