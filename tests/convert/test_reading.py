"""Text written by hand, read as a scenario: every number is known."""

from __future__ import annotations

import numpy as np
import pytest

from m4graph.convert import from_text
from m4graph.routing import EcmpRouting

from .conftest import CONFIG, HPCC, M4, TOPOLOGY, write

ALGORITHMS = {
    "dcqcn": (
        "CC_MODE 1\nALPHA_RESUME_INTERVAL 50\nRATE_DECREASE_INTERVAL 49.5\nRP_TIMER 55\n"
        "EWMA_GAIN 0.00390625\nFAST_RECOVERY_TIMES 1\nCLAMP_TARGET_RATE 0\n"
        "RATE_AI 2Mb/s\nRATE_HAI 20.0Mb/s\n",
        {
            "gain": 1 / 256,
            "alpha_timer_us": 50.0,
            "decrease_timer_us": 49.5,
            "increase_timer_us": 55.0,
            "fast_recovery_steps": 1,
            "clamp_target_rate": False,
            "additive_increase_mbps": 2.0,
            "hyper_increase_mbps": 20.0,
        },
    ),
    "timely": (
        "CC_MODE 7\nTIMELY_T_LOW 48438.9\nTIMELY_T_HIGH 101489\nTIMELY_BETA 0.8\n"
        "RATE_AI 10Mb/s\nRATE_HAI 0.05Gbps\n",
        {
            "t_low_us": 48.438,
            "t_high_us": 101.489,
            "beta": 0.8,
            "ewma_weight": 0.875,
            "min_rtt_us": 20.0,
            "additive_increase_mbps": 10.0,
            "hyper_increase_mbps": 50.0,
        },
    ),
    "hpcc": (
        "CC_MODE 3\nU_TARGET 0.95\nMI_THRESH 5\nFAST_REACT 1\nBASE_RTT 14400\nRATE_AI 50Mb/s\n"
        "INT_MULTI 1\nMULTI_RATE 0\nSAMPLE_FEEDBACK 0\n",
        {
            "eta": 0.95,
            "multiplicative_threshold": 5,
            "fast_react": True,
            "base_rtt_ns": 14_400,
            "additive_increase_mbps": 50.0,
        },
    ),
}


@pytest.mark.parametrize("name", ["hpcc", "m4"])
def test_a_folder(tmp_path, name):
    scenario, notes = from_text(write(tmp_path / "run", {"hpcc": HPCC, "m4": M4}[name]), name)
    assert notes == []
    assert scenario.name == "run"
    assert scenario.arrays.num_hosts == 3
    assert scenario.arrays.link_rate_bps.tolist() == [10**10] * 6
    assert scenario.arrays.link_delay_ns.tolist() == [1000] * 6
    assert scenario.workload.id.tolist() == ([0, 1, 2] if name == "hpcc" else [4, 7, 9])
    assert scenario.workload.src.tolist() == [0, 1, 0]
    assert scenario.workload.dst.tolist() == [1, 2, 1]
    assert scenario.workload.size_bytes.tolist() == [1000, 5000, 300]
    assert scenario.workload.start_ns.tolist() == [10**9, 10**9 + 10, 10**9 + 20]
    assert scenario.routing == EcmpRouting()
    assert scenario.expected.fct_ns.tolist() == [4000, -1, 3000]
    # 2 * 1000 ns + 2 * 838 ns, + 4 more packets of 800 ns and 38 ns for the header
    assert scenario.expected.ideal_fct_ns.tolist() == [3676, 3676 + 4 * 838, 2556]
    assert scenario.config.model_dump() == {
        "payload_bytes": 1000,
        "buffer_bytes": 3_072_000,
        "buffer_alpha": 1.0,
        "headroom_cap": {"hpcc": None, "m4": 0.8}[name],
        "pfc": True,
        "nic_rate_gbps": None,
        "tick": "ns",
        "ecn": {
            "kmin_bytes": 20_000,
            "kmax_bytes": 30_000,
            "pmax": 1.0,
            "reference_gbps": 10.0,
        },
        "queue": {"kind": "shared"},
    }
    assert scenario.congestion_control.model_dump() == {
        "kind": "dctcp",
        "init_window_bytes": 12_364,
        "variable_window": True,
        "min_rate_mbps": 1000.0,
        "ack_priority": True,
        "retransmit_timeout_us": None,
        "retransmit_limit": 100,
        "gain": 1 / 16,
        "additive_increase_mbps": 615.0,
    }


@pytest.mark.parametrize("kind", ALGORITHMS)
def test_other_algorithms(hpcc, kind):
    text, parameters = ALGORITHMS[kind]
    own = {line.split()[0] for line in text.splitlines()}
    shared = [
        line
        for line in CONFIG.splitlines()
        if line.split()[:1] != [] and line.split()[0] not in own
    ]
    (hpcc / "config.txt").write_text("\n".join(shared) + "\n" + text)
    control = from_text(hpcc, "hpcc")[0].congestion_control.model_dump()
    assert control == {
        "kind": kind,
        "init_window_bytes": 12_364,
        "variable_window": True,
        "min_rate_mbps": 1000.0,
        "ack_priority": True,
        "retransmit_timeout_us": None,
        "retransmit_limit": 100,
        **parameters,
    }


def test_no_window(hpcc):
    text = HPCC["config.txt"].replace("HAS_WIN 1", "HAS_WIN 0").replace("FIXED_WIN", "#")
    (hpcc / "config.txt").write_text(text)
    assert from_text(hpcc, "hpcc")[0].congestion_control.init_window_bytes is None


def test_integers_are_cut_as_by_ns3_and_noted(hpcc):
    (hpcc / "config.txt").write_text(HPCC["config.txt"].replace("E 3000", "E 113.39264428892935"))
    scenario, notes = from_text(hpcc, "hpcc")
    assert scenario.config.buffer_bytes == 113 * 1024
    assert len(notes) == 1
    assert "config.txt, line 25, BUFFER_SIZE: taken as 113" in notes[0]


def test_named_files_relative_to_the_configuration(hpcc):
    (hpcc / "input").mkdir()
    (hpcc / "flows.txt").rename(hpcc / "input" / "traffic.txt")
    text = HPCC["config.txt"].replace("/data/of/somebody/flows.txt", "input/traffic.txt")
    (hpcc / "config.txt").write_text(text)
    assert from_text(hpcc, "hpcc")[0].num_flows == 3


def test_the_configuration_itself_as_source(hpcc):
    (hpcc / "config_2.txt").write_text(HPCC["config.txt"].replace("BUFFER_SIZE 3", "BUFFER_SIZE 2"))
    assert from_text(hpcc / "config_2.txt", "hpcc")[0].config.buffer_bytes == 2000 * 1024


def test_files_by_their_usual_names(hpcc):
    lines = [line for line in HPCC["config.txt"].splitlines() if "_FILE" not in line]
    (hpcc / "config.txt").write_text("\n".join(lines))
    scenario, notes = from_text(hpcc, "hpcc")
    assert scenario.expected.fct_ns.tolist() == [4000, -1, 3000]
    assert notes == []


def test_without_times(hpcc):
    (hpcc / "fct.txt").unlink()
    scenario, notes = from_text(hpcc, "hpcc")
    assert scenario.expected is None
    assert len(notes) == 1
    assert "fct.txt: no such file" in notes[0]


def test_lines_after_the_flows_are_noted(hpcc):
    text = HPCC["flows.txt"].replace("3\n", "2\n", 1) + "\nFirst line: # of flows\n"
    (hpcc / "flows.txt").write_text(text)
    (hpcc / "fct.txt").write_text(HPCC["fct.txt"].splitlines()[1])
    scenario, notes = from_text(hpcc, "hpcc")
    assert scenario.num_flows == 2
    assert notes == [f"{hpcc / 'flows.txt'}: 2 lines after the 2 flows are left out"]


def test_ports_and_priority_groups_are_kept(hpcc, tmp_path, run):
    flows = HPCC["flows.txt"].replace("1 2 3 100", "1 2 5 4791")
    (hpcc / "flows.txt").write_text(flows)
    notes = from_text(hpcc, "hpcc")[1]
    assert [note.split(": ")[1].split()[0] for note in notes if "heeds" in note] == [
        "priority_group", "destination_port",
    ]  # fmt: skip
    assert run("convert", "--from", "hpcc", hpcc, tmp_path / "scenario")[0] == 0
    rows = (tmp_path / "scenario" / "flows.csv").read_text().splitlines()
    assert rows[0] == "id,src,dst,bytes,start_ns,priority_group,destination_port"
    assert [row.split(",")[5:] for row in rows[1:]] == [["3", "100"], ["5", "4791"], ["3", "100"]]
    assert run("convert", "--to", "hpcc", tmp_path / "scenario", tmp_path / "again")[0] == 0
    again = [line.split()[:5] for line in (tmp_path / "again" / "flows.txt").open()]
    assert again == [line.split()[:5] for line in flows.splitlines()]


def test_lines_after_the_links_are_noted(hpcc):
    path = hpcc / "topology.txt"
    path.write_text(path.read_text() + "\nnodes switches links\n0 3 10Gbps 1us 0\n")
    assert f"{path}: 2 lines after the 3 links are left out" in from_text(hpcc, "hpcc")[1]


def test_no_flows(hpcc):
    (hpcc / "flows.txt").write_text("0\n")
    (hpcc / "fct.txt").write_text("")
    scenario, notes = from_text(hpcc, "hpcc")
    assert (scenario.num_flows, notes) == (0, [])


def test_times_of_another_ns3_are_noted(hpcc):
    (hpcc / "fct.txt").write_text(HPCC["fct.txt"].replace(" 3676", " 5338"))
    scenario, notes = from_text(hpcc, "hpcc")
    assert scenario.expected.ideal_fct_ns[0] == 5338
    assert len(notes) == 1
    assert "ideal times of 1 flows" in notes[0]
    assert "last ACK" in notes[0]


def test_nodes_are_renumbered(hpcc):
    """The switch has the id 0, so hosts 1, 2, 3 become 0, 1, 2."""
    moved = {"0": "1", "1": "2", "2": "3", "3": "0"}
    first, _, *cables = TOPOLOGY.splitlines()
    cells = [line.split() for line in cables]
    cables = [" ".join([moved[a], moved[b], *rest]) for a, b, *rest in cells]
    (hpcc / "topology.txt").write_text("\n".join([first, "0", *cables]))
    flows = "3\n1 2 3 100 1000 1\n2 3 3 100 5000 1.00000001\n1 2 3 100 300 1.00000002\n"
    (hpcc / "flows.txt").write_text(flows)
    times = HPCC["fct.txt"].replace("000101", "000201").replace("000001", "000101")
    (hpcc / "fct.txt").write_text(times)
    scenario, notes = from_text(hpcc, "hpcc")
    assert scenario.workload.src.tolist() == [0, 1, 0]
    assert scenario.workload.dst.tolist() == [1, 2, 1]
    assert scenario.expected.fct_ns.tolist() == [4000, -1, 3000]
    assert len(notes) == 1
    assert "renumbered" in notes[0]


TWO_WAYS = """\
6 4 6
2 3 4 5
0 2 10Gbps 1000ns 0
1 3 10Gbps 1000ns 0
2 4 10Gbps 1000ns 0
2 5 10Gbps 1000ns 0
3 4 10Gbps 1000ns 0
3 5 10Gbps 1000ns 0
"""


def two_ways(folder, middle):
    write(folder, {**M4, "topology.txt": TWO_WAYS, "flows.txt": "1\n0 0 1 3 100 1000 1\n"})
    (folder / "path_1.txt").write_text(f"1,1\n0:0-1,0-2,2-{middle},{middle}-3,3-1,\n")
    (folder / "fct_topology_flows.txt").unlink()
    return from_text(folder, "m4")


def test_routes_of_a_file(tmp_path):
    """One of the two ways is that of ns-3's hash, which then finds the ACKs' way, too."""
    scenarios, notes = zip(*(two_ways(tmp_path / str(m), m) for m in (4, 5)), strict=True)
    hashed = [isinstance(scenario.routing, EcmpRouting) for scenario in scenarios]
    assert sorted(hashed) == [False, True]
    given, [note, _] = scenarios[hashed.index(False)], notes[hashed.index(False)]
    assert "path_1.txt" in note
    assert "ACKs go their data's way back" in note
    middle = 4 + hashed.index(False)
    arrays, routes = given.arrays, given.routes
    hops = [0, 2, middle, 3, 1]
    assert routes.source_port.tolist() == [10_000]
    assert arrays.link_src[routes.data_links].tolist() == hops[:-1]
    assert arrays.link_dst[routes.data_links].tolist() == hops[1:]
    assert arrays.link_src[routes.ack_links].tolist() == hops[:0:-1]
    assert arrays.link_dst[routes.ack_links].tolist() == hops[-2::-1]
    assert np.array_equal(routes.ack_ptr, [0, 4])


def test_ports_count_between_two_hosts(hpcc):
    """The third flow is the first one's second of the pair; a single count would give 10002."""
    assert from_text(hpcc, "hpcc")[0].routes.source_port.tolist() == [10_000, 10_000, 10_001]
