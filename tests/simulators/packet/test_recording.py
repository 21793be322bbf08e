"""What is recorded of tiny runs, by hand; and that recording changes nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import m4graph as m4
from m4graph.core.errors import ConfigError, InputError
from m4graph.core.yaml_file import read_yaml
from m4graph.simulators.packet import Recording, Records
from m4graph.simulators.packet.layout import TAP_ROW
from m4graph.simulators.packet.observe.end_to_end import HOST_BYTES, RTT_SAMPLE, EndToEnd
from m4graph.simulators.packet.observe.tables import FLOW_SAMPLE, LINK_SAMPLE
from m4graph.workload import Workload

STAR = m4.topology.star(num_hosts=4, gbps=10, delay_ns=1000)
SWITCH = 4
ALL = {"links": "all", "flows": "all", "taps": "all", "interval_us": 5.0}


def flows(*rows: tuple[int, int, int, int]) -> Workload:
    """A workload of rows (src, dst, bytes, start_ns); their ids are 100, 101, ..."""
    src, dst, size_bytes, start_ns = (np.array(column) for column in zip(*rows, strict=True))
    return Workload.from_arrays(100 + np.arange(len(rows)), src, dst, size_bytes, start_ns)


def run(workload, recording=ALL, **changes):
    arguments = {"network": STAR, "congestion_control": "dctcp"} | changes
    scenario = m4.Scenario(workload=workload, **arguments)
    return m4.simulate(scenario, "packet", recording=recording)


def records(workload, recording=ALL, **changes):
    return run(workload, recording, **changes).extra["recording"]


INCAST = flows((0, 2, 5000, 0), (1, 2, 5000, 0))


def test_the_queue_of_an_incast():
    """By 5000 ns eight packets are at the switch (1838 + 838 k, from two), four have started."""
    table = records(INCAST).links
    row = table[(table["time_ns"] == 5000) & (table["a"] == SWITCH) & (table["b"] == 2)]
    assert row[["queue_bytes", "sent_bytes"]].to_numpy().tolist() == [[4 * 1048, 4 * 1048]]
    assert row["busy_fraction"].item() == (5000 - 1838) / 5000
    uplink = table[(table["time_ns"] == 5000) & (table["a"] == 0)]
    assert uplink["busy_fraction"].item() == 5 * 838 / 5000


def test_active_flows():
    """At 5000 ns, flow 100 has two packets at the receiver, flow 101 one; an ACK is not back."""
    table = records(INCAST).flows
    now = table[table["time_ns"] == 5000]
    assert now["flow"].tolist() == [100, 101]
    assert now["remaining_bytes"].tolist() == [4000, 4000]
    assert now["in_flight_bytes"].tolist() == [5000, 5000]
    assert set(now["window_bytes"]) == {18_000}
    assert set(now["rate_bps"]) == {10**10}
    chosen = records(INCAST, {"flows": [101], "interval_us": 5.0})
    assert set(chosen.flows["flow"]) == {101}
    assert list(chosen.tables()) == ["flows"]


def test_taps_of_a_lone_packet():
    table = records(flows((0, 1, 1000, 10))).packets
    columns = ["time_ns", "event", "packet", "kind", "a", "b", "tx_ns", "wire_bytes"]
    assert table[columns].to_numpy().tolist() == [
        [10, "leave", 0, "data", 0, 4, 838, 1048],
        [1848, "enter", 0, "data", 0, 4, 0, 1048],
        [1848, "leave", 0, "data", 4, 1, 838, 1048],
        [3686, "enter", 0, "data", 4, 1, 0, 1048],
        [3686, "leave", 1, "ack", 1, 4, 48, 60],
    ]
    assert set(table["flow"]) == {100}
    assert not table["marked"].any()


def test_entries_and_exits_are_joined_by_packet():
    """Retransmissions too: a lost packet enters the switch never, its successor once."""
    lossy = [{"kind": "loss", "link": [4, 2], "probability": 0.05, "direction": "forward"}]
    recording = {"taps": [[0, SWITCH], [SWITCH, 2], [2, SWITCH]]}
    table = records(flows((0, 2, 200_000, 0)), recording, faults=lossy).packets
    data = table[table["kind"] == "data"]
    entry = data[(data["event"] == "enter") & (data["b"] == SWITCH)].set_index("packet")
    leave = data[(data["event"] == "leave") & (data["a"] == SWITCH)].set_index("packet")
    exit_ = data[(data["event"] == "enter") & (data["b"] == 2)].set_index("packet")
    assert entry.index.is_unique
    assert exit_.index.is_unique
    lost = set(data[data["event"] == "lost"]["packet"])
    assert lost
    assert lost == set(leave.index) - set(exit_.index)
    assert data["seq"].nunique() < len(entry)  # Some were sent again.
    joined = leave.join(exit_.add_suffix("_exit"), how="inner")
    assert (joined["time_ns_exit"] - joined["time_ns"] == joined["tx_ns"] + 1000).all()


def test_sums_and_bounds():
    """Bytes of the series are those of the taps; no link is more than busy."""
    rows = [(i % 3, 3, 60_000, 7000 * i) for i in range(12)]
    small = {"buffer_bytes": 80_000, "headroom_cap": 0.8}
    result = run(flows(*rows), config=small)
    made = result.extra["recording"]
    left = made.packets[made.packets["event"] == "leave"]
    pd.testing.assert_series_equal(
        left.groupby(["a", "b"])["wire_bytes"].sum(),
        made.links.groupby(["a", "b"])["sent_bytes"].sum().loc[lambda total: total > 0],
        check_names=False,
        check_dtype=False,
    )
    assert len(left) == result.packet_hops
    for name in ("busy_fraction", "paused_fraction"):
        assert made.links[name].between(0, 1).all()
    assert result.extra["pfc_pauses_sent"] > 0
    assert made.links["pauses"].sum() == result.extra["pfc_pauses_sent"]
    assert made.links["paused_fraction"].max() > 0
    assert (left["kind"] == "pause").sum() == result.extra["pfc_pauses_sent"]
    assert set(left[left["kind"] == "pause"]["flow"]) == {-1}


def test_recording_changes_nothing(monkeypatch):
    rows = [(i % 3, 3, 50_000, 900 * i) for i in range(30)]
    plain = run(flows(*rows), None)
    monkeypatch.setattr("m4graph.simulators.packet.observe.tap_buffer._TAP_ROWS", 100)
    result = run(flows(*rows))
    np.testing.assert_array_equal(plain.fct_ns, result.fct_ns)
    made = result.extra["recording"]
    assert (made.packets["event"] == "leave").sum() == plain.packet_hops == result.packet_hops
    assert made.packets["time_ns"].is_monotonic_increasing


def test_ticks_of_a_picosecond_are_given_in_nanoseconds():
    scenario = m4.Scenario(STAR, INCAST, "dctcp", config={"tick": "ps"})
    rows = np.zeros(1, TAP_ROW)
    rows["time_ticks"], rows["tx_ticks"] = 2_000_500, 838_400
    none = np.zeros(0, LINK_SAMPLE), np.zeros(0, FLOW_SAMPLE)
    nothing = EndToEnd(scenario, np.zeros(0, RTT_SAMPLE), np.zeros(0, HOST_BYTES))
    made = Records(Recording(taps="all"), scenario, *none, rows, nothing).packets
    assert made[["time_ns", "tx_ns"]].to_numpy().tolist() == [[2000.5, 838.4]]


def test_a_run_that_starves_ends():
    """Samples keep no run alive: the only packet is lost, and nothing moves any more."""
    down = [{"kind": "down", "link": [0, SWITCH]}]
    made = records(flows((0, 1, 1000, 0)), faults=down)
    assert made.links["time_ns"].max() == 5000
    assert made.links["lost"].sum() == 1


@pytest.mark.parametrize("format", ["parquet", "npz"])
def test_tables_are_written(tmp_path, format):
    made = records(INCAST)
    made.write(tmp_path / "out", format)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {f"{name}.{format}" for name in ("links", "flows", "packets")} | {
        "recording.yaml"
    }
    if format == "npz":
        read = np.load(tmp_path / "out" / "packets.npz")
        assert read["event"].tolist() == made.packets["event"].tolist()
    else:
        read = pd.read_parquet(tmp_path / "out" / "packets.parquet")
        pd.testing.assert_frame_equal(read, made.packets)
    again = Recording.parse(read_yaml(tmp_path / "out" / "recording.yaml"))
    assert again == made.recording


def test_an_unknown_format_is_refused(tmp_path):
    with pytest.raises(InputError, match="format: expected parquet or npz"):
        records(INCAST).write(tmp_path / "out", "csv")


@pytest.mark.parametrize(
    ("recording", "message"),
    [
        ({}, "recording: expected one of links, flows, taps, rtt, throughput"),
        ({"links": "some"}, r"recording.links: expected all or a list of \[a, b\] \(got 'some'\)"),
        ({"taps": [[0, 1, 2]]}, "recording.taps: expected all or a list of"),
        ({"flows": [1.5]}, "recording.flows: expected all or a list of flow ids"),
        ({"links": "all", "interval_us": 0}, "recording.interval_us: expected at least 0.001"),
        ({"link": "all"}, "recording.link: unknown key"),
        ({"links": [[0, 1]]}, "recording.links.0: expected a cable of node 0, to 4"),
        ({"taps": [[4, 0], [9, 0]]}, "recording.taps.1: expected two nodes of 0 to 4"),
        ({"flows": [5]}, "recording.flows.0: expected the id of a flow, 100, 101 "),
    ],
)
def test_bad_recordings(recording, message):
    with pytest.raises(ConfigError, match=message):
        run(INCAST, recording)
