"""Each bad input: one line on stderr that names the place, status 2, and nothing is written."""

from __future__ import annotations

import pytest

from .conftest import CONFIG, HPCC, M4, write


def config(old, new):
    """The configuration with a piece of its text replaced."""
    assert old in CONFIG
    return {"config.txt": HPCC["config.txt"].replace(old, new)}


def flows(old, new):
    assert old in HPCC["flows.txt"]
    return {"flows.txt": HPCC["flows.txt"].replace(old, new, 1)}


def times(old, new):
    assert old in HPCC["fct.txt"]
    return {"fct.txt": HPCC["fct.txt"].replace(old, new, 1)}


def topology(old, new):
    assert old in HPCC["topology.txt"]
    return {"topology.txt": HPCC["topology.txt"].replace(old, new, 1)}


def algorithm(mode):
    return config("CC_MODE 8", f"CC_MODE {mode}")


HPCC_KEYS = (
    "CC_MODE 3\nU_TARGET 1\nMI_THRESH 0\nFAST_REACT 1\nRATE_AI 5Mb/s\nINT_MULTI 1\n"
    "MULTI_RATE 0\nSAMPLE_FEEDBACK 0"
)

# What is changed in the folder (None: no such file), and what the message must name.
CASES = {
    "no config": ({"config.txt": None}, ["hpcc:", "one file config*.txt", "(got none)"]),
    "two configs": ({"config_2.txt": "x"}, ["hpcc:", "(got config.txt, config_2.txt)"]),
    "no topology": ({"topology.txt": None}, ["hpcc/topology.txt", "No such file"]),
    "no flows": ({"flows.txt": None}, ["hpcc/flows.txt", "No such file"]),
    "no text": ({"flows.txt": b"\xff\xfe\x00"}, ["flows.txt", "UTF-8"]),
    # topology.txt
    "topology": (topology("4 1 3", "4 1"), ["topology.txt, line 1", "num_nodes"]),
    "topology: bytes a second": (topology("10Gbps", "1GBps"), ["topology.txt, line 3", "in bits"]),
    "topology: loss": (topology("ns 0", "ns 0.1"), ["topology.txt, line 3", "error rate 0"]),
    "topology: no cable": (
        topology("4 1 3\n3\n", "5 1 3\n3\n"),
        ["topology.txt: host 3", "expected a cable"],
    ),
    # flows.txt
    "flows: empty": ({"flows.txt": ""}, ["flows.txt, line 1", "number of flows"]),
    "flows: no number": (flows("3\n", "x\n"), ["flows.txt, line 1", "'x'"]),
    "flows: no first line": (flows("3\n", ""), ["flows.txt, line 1", "number of flows"]),
    "flows: too few": (flows("3\n", "4\n"), ["flows.txt", "expected 4 lines", "(got 3)"]),
    "flows: with ids": (flows("0 1 3", "0 0 1 3"), ["flows.txt, line 2", "src dst", "'0 0 1 3"]),
    "flows: unknown host": (flows("1 2 3", "1 7 3"), ["flows.txt, line 3, dst", "a host", "'7'"]),
    "flows: a switch": (flows("1 2 3", "3 2 3"), ["flows.txt, line 3, src", "a host", "'3'"]),
    "flows: one host": (flows("1 2 3", "1 1 3"), ["flows.txt, line 3, dst", "another host"]),
    "flows: negative": (flows("0 1 3", "-1 1 3"), ["flows.txt, line 2, src", "integer", "'-1'"]),
    "flows: no bytes": (flows("5000", "0"), ["flows.txt, line 3, bytes", "1 or above", "'0'"]),
    "flows: part of a byte": (flows("5000", "5.5"), ["flows.txt, line 3, bytes", "'5.5'"]),
    "flows: group": (flows("2 3 100", "2 8 100"), ["line 3, priority_group", "0 to 7", "'8'"]),
    "flows: port": (flows("3 100", "3 65536"), ["flows.txt, line 2, destination_port", "'65536'"]),
    "flows: part of a ns": (
        flows("1.00000001\n", "1.0000000001\n"),
        ["line 3, start_s", "whole ns"],
    ),
    "flows: before 0": (flows(" 1\n", " -1\n"), ["flows.txt, line 2, start_s", "'-1'"]),
    "flows: nan": (flows(" 1\n", " nan\n"), ["flows.txt, line 2, start_s", "'nan'"]),
    "flows: for ever": (flows("0002\n", "0002e50\n"), ["flows.txt, line 4, start_s"]),
    "flows: order": (flows(" 1\n", " 2\n"), ["flows.txt, line 3", "ascending order of start_s"]),
    # fct.txt
    "times: short": (times(" 2556", ""), ["fct.txt, line 1", "src_ip dst_ip source_port"]),
    "times: with ids": (times("0b00", "0 0b00"), ["fct.txt, line 1", "'0 0b000001"]),
    "times: address": (times("0b000101", "0b0001"), ["fct.txt, line 1, dst_ip", "'0b0001'"]),
    "times: a switch": (times("0b000101", "0b000301"), ["line 1, dst_ip", "a host", "0b000301"]),
    "times: no flow": (
        times("10001", "10002"),
        ["fct.txt, line 1", "a flow", "hosts 0 and 1, port 10002"],
    ),
    "times: two that match none": (
        {"fct.txt": "0b000101 0b000001 10000 100 1 1 1 1\n" * 2},
        ["fct.txt, line 1", "(got hosts 1 and 0, port 10000)"],
    ),
    "times: twice": (times("10001 100 300 1000000020", "10000 100 1000 1000000000"), ["line 2"]),
    "times: size": (times(" 300 ", " 301 "), ["fct.txt, line 1, bytes", "300, as of flow 2"]),
    "times: start": (times("20 3000", "30 3000"), ["fct.txt, line 1, start_ns", "1000000020"]),
    "times: port": (
        times("10001 100", "10001 99"),
        ["fct.txt, line 1, destination_port", "100", "'99'"],
    ),
    "times: no time": (times(" 3000 ", " 0 "), ["fct.txt, line 1, fct_ns", "1 or above", "'0'"]),
    "times: no ideal": (times(" 2556", " -1"), ["fct.txt, line 1, ideal_fct_ns", "'-1'"]),
    # config.txt
    "unknown key": (config("ACK_HIGH", "LB_MODE 9\nACK_HIGH"), ["config.txt, line 21, LB_MODE"]),
    "key twice": (config("ACK_HIGH", "VAR_WIN 0\nACK_HIGH"), ["line 21", "VAR_WIN again"]),
    "no algorithm": (config("CC_MODE 8", ""), ["config.txt, CC_MODE", "no such key"]),
    "hpcc with pint": (algorithm(10), ["line 12, CC_MODE", "1 (dcqcn)", "8 (dctcp)", "'10'"]),
    "algorithm: text": (algorithm("dctcp"), ["line 12, CC_MODE", "integer", "'dctcp'"]),
    "a key that is needed": (algorithm(7), ["config.txt, TIMELY_T_LOW", "no such key"]),
    "the original's": (config("ENABLE_PFC 1.0", ""), ["config.txt, ENABLE_PFC", "no such key"]),
    "the original's window": (config("FIXED_WIN", "#"), ["config.txt, FIXED_WIN", "no such key"]),
    "no flag": (config("VAR_WIN 1", "VAR_WIN 2"), ["line 20, VAR_WIN", "0 or 1", "'2'"]),
    "no value": (config("VAR_WIN 1", "VAR_WIN"), ["line 20, VAR_WIN", "a value", "''"]),
    "two values": (config("VAR_WIN 1", "VAR_WIN 1 1"), ["line 20, VAR_WIN", "one value", "'1 1'"]),
    "no rate": (config("MIN_RATE 1000Mb/s", "MIN_RATE Mb/s"), ["MIN_RATE", "1000Mb/s", "'Mb/s'"]),
    "bytes a second": (config("1000Mb/s", "1000MB/s"), ["line 14, MIN_RATE", "'1000MB/s'"]),
    "part of a bit": (
        config("1000Mb/s", "1.0000001Mb/s"),
        ["line 14, MIN_RATE", "whole number of bit/s"],
    ),
    "rate above the NIC": (config("1000Mb/s", "20Gb/s"), ["line 14, MIN_RATE", "10000 Mb/s"]),
    "slower than a link": (config("10000Mb/s", "9Gb/s"), ["line 15, MAX_RATE", "10000000000"]),
    "rate of the algorithm": (
        config("DCTCP_RATE_AI 615Mb/s", "RATE_AI 10Mb/s\nDCTCP_RATE_AI 99Tb/s"),
        ["line 17, DCTCP_RATE_AI", "at most 10000000"],
    ),
    "no window for hpcc": (
        {"config.txt": CONFIG.replace("CC_MODE 8", HPCC_KEYS).replace("HAS_WIN 1", "HAS_WIN 0")},
        ["FIXED_WIN", "hpcc needs a window"],
    ),
    "hpcc with a rate for each hop": (
        config("CC_MODE 8", HPCC_KEYS.replace("RATE 0", "RATE 1")),
        ["line 18, MULTI_RATE", "expected 0", "'1'"],
    ),
    "hpcc with ns-3's default": (
        config("CC_MODE 8", HPCC_KEYS.replace("MULTI_RATE 0\n", "")),
        ["config.txt, MULTI_RATE", "no such key"],
    ),
    "gain": (config("GAIN 0.0625", "GAIN 2"), ["line 13, EWMA_GAIN", "at most 1", "(got 2.0)"]),
    "gain: text": (config("GAIN 0.0625", "GAIN 1/16"), ["line 13, EWMA_GAIN", "'1/16'"]),
    "window": (config("FIXED_WIN 12364.0", "FIXED_WIN 0"), ["line 26, FIXED_WIN", "at least 1"]),
    "buffer": (config("SIZE 3000", "SIZE -3"), ["line 25, BUFFER_SIZE", "'-3'"]),
    "no buffer": (config("BUFFER_SIZE 3000", "BUFFER_SIZE 0"), ["line 25, BUFFER_SIZE"]),
    "payload": (config("SIZE 1000", "SIZE 0"), ["line 4, PACKET_PAYLOAD_SIZE", "at least 1"]),
    "lost packets": (config("LINK 0.0000", "LINK 0.01"), ["ERROR_RATE_PER_LINK", "expected 0"]),
    "a link down": (config("DOWN 0 0 0", "DOWN 9 1 2"), ["LINK_DOWN", "'9 1 2'"]),
    "closed loop": (config("FLOWS 0", "FLOWS 5"), ["line 28, MAX_INFLIGHT_FLOWS", "0", "'5'"]),
    "no marks": (config("QCN 1", "QCN 0"), ["line 1, ENABLE_QCN", "expected 1", "'0'"]),
    "no number": (config("QCN 1", "QCN yes"), ["line 1, ENABLE_QCN", "'yes'"]),
    "map: no rate": (config("KMIN_MAP 3", "KMIN_MAP 0 #"), ["line 23, KMIN_MAP", "pairs"]),
    "map: empty": (
        config("KMIN_MAP 3 10000000000 20 40000000000 80 100000000000000 200000", "KMIN_MAP 0"),
        ["line 23, KMIN_MAP", "a rate above 0"],
    ),
    "map: count": (config("KMIN_MAP 3", "KMIN_MAP 2"), ["line 23, KMIN_MAP", "number of pairs"]),
    "map: rate": (
        config("PMAX_MAP 3 10000000000", "PMAX_MAP 3 25000000000"),
        ["line 24, PMAX_MAP", "an entry for links of 10000000000 bit/s"],
    ),
    "map: part of a KB": (config("00 20 4", "00 20.5 4"), ["line 23, KMIN_MAP", "whole KB"]),
    "map: probability": (config("1.00 4", "x 4"), ["line 24, PMAX_MAP", "probabilities"]),
    "map: above 1": (config("PMAX_MAP 3 10000000000 1.00", "PMAX_MAP 3 10000000000 1.5"), ["1.5"]),
    "map: kmin above kmax": (config("00 20 4", "00 31 4"), ["line 23, KMIN_MAP", "at most kmax"]),
}

TWO_RATES = {
    "thresholds": (
        config("40000000000 80", "40000000000 81"),
        ["line 23, KMIN_MAP", "thresholds that grow for rates of 10000000000 and 40000000000"],
    ),
    "probabilities": (
        config("1.00 40000000000 1.00", "1.00 40000000000 0.5"),
        ["line 24, PMAX_MAP", "one probability"],
    ),
}

M4_CASES = {
    "id twice": (
        {"flows.txt": "2\n4 0 1 3 100 1000 1\n4 1 2 3 100 50 1\n"},
        ["flows.txt", "flow 4", "an id that no other flow has"],
    ),
    "without ids": (
        {"flows.txt": HPCC["flows.txt"]},
        ["flows.txt, line 2", "id src dst", "'0 1 3 100 1000 1'"],
    ),
    "order of ids": (
        {"flows.txt": "2\n4 0 1 3 100 1000 1\n3 1 2 3 100 50 1\n"},
        ["flows.txt, line 3", "ascending order of (start_s, id)"],
    ),
    "unknown id": (
        {"fct_topology_flows.txt": "5 0b000001 0b000101 10000 100 1000 1000000000 4000 3676\n"},
        ["fct_topology_flows.txt, line 1", "a flow of the workload (got id 5)"],
    ),
    "hosts of another flow": (
        {"fct_topology_flows.txt": "4 0b000101 0b000001 10000 100 1000 1000000000 4000 3676\n"},
        ["fct_topology_flows.txt, line 1", "hosts 0 and 1, as of flow 4 (got 1 and 0)"],
    ),
    "path: empty": ({"path_1.txt": ""}, ["path_1.txt, line 1", "num_flows,num_paths"]),
    "path: no count": ({"path_1.txt": "4:0-1,0-3,3-1,\n"}, ["path_1.txt, line 1"]),
    "path: count": (
        {"path_1.txt": M4["path_1.txt"].replace("3,2", "2,2")},
        ["path_1.txt", "3 flows", "2 in line 1"],
    ),
    "path: a flow less": (
        {"path_1.txt": "3,2\n4:0-1,0-3,3-1,\n9:0-1,0-3,3-1,\n"},
        ["path_1.txt", "3 flows", "2 lines"],
    ),
    "path: another flow": (
        {"path_1.txt": M4["path_1.txt"].replace("7:1", "8:1")},
        ["path_1.txt", "none for flow 7"],
    ),
    "path: twice": (
        {"path_1.txt": M4["path_1.txt"].replace("9:0", "4:0")},
        ["path_1.txt, line 3", "4 again"],
    ),
    "path: text": (
        {"path_1.txt": M4["path_1.txt"].replace("0-3,", "0~3,")},
        ["path_1.txt, line 2", "'4:0-1,0~3,"],
    ),
    "path: no hops": (
        {"path_1.txt": M4["path_1.txt"].replace("0-3,3-1,", "")},
        ["path_1.txt, line 2", "'4:0-1,'"],
    ),
    "path: no such link": (
        {"path_1.txt": M4["path_1.txt"].replace("0-3,3-1", "0-1,1-0")},
        ["path_1.txt, line 2", "links of the topology (got 0-1)"],
    ),
    "path: unknown node": (
        {"path_1.txt": M4["path_1.txt"].replace("0-3,3-1", "0-9,9-1")},
        ["path_1.txt, line 2", "links of the topology (got 0-9)"],
    ),
    "path: elsewhere": (
        {"path_1.txt": M4["path_1.txt"].replace("0-3,3-1", "0-3,3-2")},
        ["path_1.txt: flow 4", "end at host 1"],
    ),
}


def snapshot(folder):
    return {
        path.relative_to(folder): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def check(run, folder, arguments, parts):
    before = snapshot(folder)
    status, out, err = run(*arguments)
    assert status == 2, err
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    for part in parts:
        assert part in err
    assert snapshot(folder) == before


def check_files(run, folder, style, files, parts):
    for name, text in files.items():
        if text is None:
            (folder / name).unlink()
        else:
            (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    arguments = ["convert", "--from", style, folder, folder.parent / "out"]
    check(run, folder.parent, arguments, parts)


@pytest.mark.parametrize(("files", "parts"), CASES.values(), ids=CASES.keys())
def test_bad_files(run, hpcc, files, parts):
    check_files(run, hpcc, "hpcc", files, parts)


@pytest.mark.parametrize(("files", "parts"), TWO_RATES.values(), ids=TWO_RATES.keys())
def test_thresholds_of_two_rates(run, hpcc, files, parts):
    """Rates without links do not matter."""
    old = HPCC["config.txt"].replace("MAX_RATE 10", "MAX_RATE 40")
    files = {"config.txt": files["config.txt"].replace("MAX_RATE 10", "MAX_RATE 40")}
    (hpcc / "config.txt").write_text(files["config.txt"])
    arguments = ["convert", "--from", "hpcc", hpcc, hpcc.parent / "slow"]
    assert run(*arguments)[0] == 0
    assert old != files["config.txt"]
    faster = topology("10Gbps", "40Gbps")
    check_files(run, hpcc, "hpcc", {**files, **faster}, parts)


@pytest.mark.parametrize(("files", "parts"), M4_CASES.values(), ids=M4_CASES.keys())
def test_bad_files_of_m4(run, m4_folder, files, parts):
    check_files(run, m4_folder, "m4", files, parts)


ARGUMENTS = {
    "no direction": (
        ["hpcc", "out"],
        ["--from hpcc|m4|simai|chakra or --to hpcc|m4", "(got neither)"],
    ),
    "both": (["--from", "hpcc", "--to", "m4", "hpcc", "out"], ["--from", "(got both)"]),
    "unknown format": (["--from", "m3", "hpcc", "out"], ["--from: expected one of hpcc, m4"]),
    "unknown target": (["--to", "m3", "hpcc", "out"], ["--to: expected one of hpcc, m4", "'m3'"]),
    "no DST": (["--from", "hpcc", "hpcc"], ["DST"]),
    "no such SRC": (["--from", "hpcc", "none", "out"], ["none: expected a folder"]),
    "no such scenario": (["--to", "hpcc", "none", "out"], ["none", "No such file"]),
    "DST is SRC": (["--from", "hpcc", "hpcc", "hpcc"], ["DST hpcc", "scenario's own"]),
    "DST is a file": (["--from", "hpcc", "hpcc", "hpcc/fct.txt"], ["fct.txt", "(got a file)"]),
    "DST in a file": (["--from", "hpcc", "hpcc", "hpcc/fct.txt/b"], ["fct.txt to be a folder"]),
}


@pytest.mark.parametrize(("arguments", "parts"), ARGUMENTS.values(), ids=ARGUMENTS.keys())
def test_bad_arguments(run, hpcc, monkeypatch, arguments, parts):
    monkeypatch.chdir(hpcc.parent)
    check(run, hpcc.parent, ["convert", *arguments], parts)


@pytest.fixture
def scenario(run, hpcc):
    """A scenario folder, made from text without times."""
    (hpcc / "fct.txt").unlink()
    assert run("convert", "--from", "hpcc", hpcc, hpcc.parent / "scenario")[0] == 0
    return hpcc.parent / "scenario"


KEYS = {
    "control": ("kind: dctcp", "kind: dctpc", ["congestion_control.kind", "dctpc"]),
    "buffer": ("buffer_bytes: 3072000", "buffer_bytes: 3072001", ["network.buffer_bytes", "1024"]),
    "threshold": ("kmin_bytes: 20000", "kmin_bytes: 20500", ["kmin_bytes", "KMIN_MAP", "20.5"]),
    "reference": ("reference_gbps: 10.0", "reference_gbps: 1.23e-10", ["reference_gbps"]),
    "rate": ("min_rate_mbps: 1000.0", "min_rate_mbps: 1.00000001", ["min_rate_mbps", "MIN_RATE"]),
}


@pytest.mark.parametrize(("old", "new", "parts"), KEYS.values(), ids=KEYS.keys())
def test_values_that_text_cannot_hold(run, scenario, old, new, parts):
    text = (scenario / "scenario.yaml").read_text()
    assert old in text
    (scenario / "scenario.yaml").write_text(text.replace(old, new))
    out = scenario.parent / "out"
    check(run, scenario.parent, ["convert", "--to", "hpcc", scenario, out], parts)


def test_hpcc_without_a_base_rtt(run, scenario):
    text = (scenario / "scenario.yaml").read_text()
    start = text.index("congestion_control:")
    control = "congestion_control: hpcc\nseed: 0\n"
    (scenario / "scenario.yaml").write_text(text[:start] + control)
    parts = ["congestion_control.base_rtt_ns", "BASE_RTT", "(got null)"]
    out = scenario.parent / "out"
    check(run, scenario.parent, ["convert", "--to", "m4", scenario, out], parts)


def test_times_of_another_run_are_no_truth(run, hpcc, scenario):
    """Neither those in a scenario's folder, nor those in a folder of text."""
    other = write(hpcc.parent / "other", {"expected.csv": "id,fct_ns,ideal_fct_ns\n"})
    arguments = ["convert", "--from", "hpcc", hpcc, other]
    check(run, hpcc.parent, arguments, [f"DST {other}", "expected.csv"])
    other = write(hpcc.parent / "text", {"fct.txt": ""})
    arguments = ["convert", "--to", "hpcc", scenario, other]
    check(run, hpcc.parent, arguments, [f"DST {other}", "fct.txt"])
