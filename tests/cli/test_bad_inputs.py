"""Each bad input: one line on stderr that names the place, status 2, and nothing is written."""

from __future__ import annotations

import pytest

from .conftest import EXPECTED, FILES, FLOWS, ROUTES, SCENARIO, TOPOLOGY

GENERATED = "{kind: generated, num_flows: 5, sizes: web_server}"


def yaml(old, new):
    """The scenario with a piece of its text replaced."""
    assert old in SCENARIO
    return {"scenario.yaml": SCENARIO.replace(old, new)}


def network(text):
    return yaml("payload_bytes: 1000, pfc: true, ecn: {kmin_bytes: 20000}", text)


def control(text):
    return yaml("{kind: dctcp, gain: 0.0625}", text)


def workload(text):
    return yaml("{file: flows.csv}", text)


def topology(text):
    return yaml("{file: topology.csv, num_hosts: 3}", text)


def flow(row):
    """The flows, and one more in line 5."""
    return {"flows.csv": FLOWS + row + "\n"}


def cable(row):
    """The cables, and one more in line 5."""
    return {"topology.csv": TOPOLOGY + row + "\n"}


def data_route(route):
    return {"routes.csv": ROUTES.replace("10000,0-3-1", f"10000,{route}")}


# What is changed in the folder (None: no such file), and what the message must name.
FILE_CASES = {
    "no file": ({"scenario.yaml": None}, ["scenario.yaml", "No such file"]),
    "empty file": ({"scenario.yaml": ""}, ["scenario.yaml", "a block of keys", "an empty file"]),
    "a list": ({"scenario.yaml": "- 1\n"}, ["scenario.yaml", "a block of keys", "[1]"]),
    "syntax": (yaml("seed: 0", "seed: ["), ["scenario.yaml, line", "YAML"]),
    "tab": (yaml("seed: 0", "a:\n\t b: 0"), ["scenario.yaml, line 8", "YAML"]),
    "key twice": (yaml("seed: 0", "name: x"), ["scenario.yaml, line 7", "'name' twice"]),
    "inner key twice": (network("pfc: true, pfc: true"), ["line 5", "'pfc' twice"]),
    "number as key": (yaml("seed: 0", "3: 0"), ["line 7", "not text, 3"]),
    "not text": ({"scenario.yaml": b"\xff\xfe\x00"}, ["scenario.yaml", "UTF-8"]),
    "unknown block": (yaml("seed: 0", "sede: 0"), ["sede: unknown key", "did you mean 'seed'?"]),
    "missing block": (yaml("topology: {", "x: {"), ["scenario.yaml"]),
    "missing topology": (
        yaml("topology: {file: topology.csv, num_hosts: 3}\n", ""),
        ["scenario.yaml: topology: missing key"],
    ),
    "block is null": (yaml("{file: flows.csv}", ""), ["workload: expected a block", "null"]),
    "block is a list": (yaml("{file: flows.csv}", "[1]"), ["workload: expected a block", "[1]"]),
    "name is a number": (yaml("tiny", "3"), ["name: expected text (got 3)"]),
    "name is empty": (yaml("tiny", "''"), ["name: expected text (got '')"]),
    "negative seed": (yaml("seed: 0", "seed: -1"), ["seed: expected at least 0 (got -1)"]),
    "seed is a boolean": (yaml("seed: 0", "seed: true"), ["seed: expected an integer (got true)"]),
    "seed too large": (yaml("seed: 0", f"seed: {2**63}"), ["seed: expected at most"]),
    "seed is a fraction": (yaml("seed: 0", "seed: 1.5"), ["seed: expected an integer (got 1.5)"]),
    # network
    "unknown network key": (network("pcf: true"), ["network.pcf", "did you mean 'pfc'?"]),
    "pfc: yes": (network("pfc: yes"), ["network.pfc: expected true or false (got 'yes')"]),
    "pfc: 1": (network("pfc: 1"), ["network.pfc: expected true or false (got 1)"]),
    "buffer: 0": (
        network("buffer_bytes: 0"),
        ["network.buffer_bytes: expected at least 1 (got 0)"],
    ),
    "buffer: text": (network("buffer_bytes: 3MB"), ["network.buffer_bytes", "got '3MB'"]),
    "buffer: huge": (network(f"buffer_bytes: {10**30}"), ["network.buffer_bytes: expected at"]),
    "payload: boolean": (network("payload_bytes: true"), ["network.payload_bytes", "got true"]),
    "payload: -1": (network("payload_bytes: -1"), ["network.payload_bytes", "at least 1 (got -1)"]),
    "alpha: nan": (network("buffer_alpha: .nan"), ["network.buffer_alpha", "finite", "got nan"]),
    "alpha: inf": (network("buffer_alpha: .inf"), ["network.buffer_alpha", "finite", "got inf"]),
    "alpha: 0": (network("buffer_alpha: 0"), ["network.buffer_alpha: expected a value above 0"]),
    "cap: 2": (network("headroom_cap: 2"), ["network.headroom_cap: expected at most 1"]),
    "ecn: null": (network("ecn:"), ["network.ecn: expected a block of keys (got null)"]),
    "pmax: 1.1": (network("ecn: {pmax: 1.1}"), ["network.ecn.pmax: expected at most 1"]),
    "unknown ecn key": (network("ecn: {kmin: 1}"), ["network.ecn.kmin", "'kmin_bytes'?"]),
    "kmin above kmax": (
        network("ecn: {kmin_bytes: 9, kmax_bytes: 8}"),
        ["scenario.yaml: network.ecn", "at most kmax_bytes (got 9 and 8)"],
    ),
    "kmin above default": (
        network("ecn: {kmin_bytes: 40000}"),
        ["network.ecn", "at most kmax_bytes (got 40000 and 30000)"],
    ),
    # congestion control
    "unknown algorithm": (control("{kind: dctpc}"), ["congestion_control.kind", "dctcp"]),
    "no algorithm": (control("{gain: 0.1}"), ["congestion_control.kind: missing key"]),
    "algorithm is null": (control(""), ["congestion_control", "null"]),
    "algorithm: 3": (control("{kind: 3}"), ["congestion_control.kind", "dctcp", "(got 3)"]),
    "unknown parameter": (control("{kind: dctcp, gian: 1}"), ["congestion_control.gian", "'gain'"]),
    "gain: 0": (control("{kind: dctcp, gain: 0}"), ["congestion_control.gain", "above 0"]),
    "gain: text": (control("{kind: dctcp, gain: 1/16}"), ["congestion_control.gain", "'1/16'"]),
    "window: -1": (
        control("{kind: dctcp, init_window_bytes: -1}"),
        ["congestion_control.init_window_bytes: expected at least 1 (got -1)"],
    ),
    "min rate": (
        control("{kind: dctcp, min_rate_mbps: 20000}"),
        ["congestion_control.min_rate_mbps", "10000 Mb/s (got 20000)"],
    ),
    # topology
    "no topology file": ({"topology.csv": None}, ["topology.csv", "No such file"]),
    "no cables": ({"topology.csv": "a,b,gbps,delay_ns\n"}, ["topology.csv", "host 0"]),
    "empty topology": ({"topology.csv": ""}, ["topology.csv", "columns a,b,gbps,delay_ns"]),
    "missing column": ({"topology.csv": "a,b,gbps\n0,3,10\n"}, ["topology.csv", "a,b,gbps)"]),
    "topology: no num_hosts": (topology("{file: topology.csv}"), ["num_hosts"]),
    "num_hosts too large": (topology("{file: topology.csv, num_hosts: 9}"), ["topology.csv"]),
    "num_hosts: text": (topology("{file: topology.csv, num_hosts: x}"), ["num_hosts", "'x'"]),
    "file: 5": (topology("{file: 5, num_hosts: 3}"), ["topology.file", "(got 5)"]),
    "file: folder": (
        topology("{file: ., num_hosts: 3}"),
        ["scenario.yaml", "expected a file to read"],
    ),
    "unknown topology": (topology("{kind: fat_treee, k: 4}"), ["topology", "fat_tree"]),
    "topology: no kind": (topology("{k: 4}"), ["scenario.yaml: topology.kind"]),
    "topology: missing k": (topology("{kind: fat_tree}"), ["scenario.yaml: topology.k: missing"]),
    "topology: odd k": (topology("{kind: fat_tree, k: 3}"), ["scenario.yaml: topology", "k", "3"]),
    "topology: unknown key": (topology("{kind: fat_tree, k: 4, q: 1}"), ["topology.q"]),
    "cable: rate 0": (cable("3,4,0,1000"), ["topology.csv, line 5", "gbps", "got 0.0"]),
    "cable: rate nan": (cable("3,4,nan,1000"), ["topology.csv, line 5", "gbps", "'nan'"]),
    "cable: delay": (cable("3,4,10,-1"), ["topology.csv, line 5", "delay_ns", "got -1"]),
    "cable: fraction": (cable("3,4,10,1.5"), ["topology.csv, line 5", "delay_ns", "'1.5'"]),
    "cable: cells": (cable("3,4,10"), ["topology.csv, line 5", "delay_ns", "empty cell"]),
    "cable: loop": (cable("4,4,10,1000"), ["topology.csv", "4-4"]),
    "cable: gap in ids": (cable("3,7,10,1000"), ["topology.csv", "4"]),
    "hosts that are cut off": (
        {"topology.csv": TOPOLOGY.replace("2,3,", "2,4,")},
        ["topology.csv", "host 2", "cut off"],
    ),
    # workload
    "no flow file": ({"flows.csv": None}, ["flows.csv", "No such file"]),
    "flows: missing column": (
        {"flows.csv": "id,src,dst,bytes\n0,0,1,5\n"},
        ["flows.csv", "columns id,src,dst,bytes,start_ns"],
    ),
    "flows: empty": ({"flows.csv": ""}, ["flows.csv"]),
    "flow: same id": (flow("1,0,1,5,30"), ["flows.csv, line 5", "flow 1"]),
    "flow: negative id": (flow("-1,0,1,5,30"), ["flows.csv, line 5", "id", "-1"]),
    "flow: to itself": (flow("9,1,1,5,30"), ["flows.csv, line 5", "flow 9", "another host"]),
    "flow: from a switch": (flow("9,3,1,5,30"), ["flows.csv, line 5", "src", "flow 9", "got 3"]),
    "flow: unknown node": (flow("9,0,77,5,30"), ["flows.csv, line 5", "dst", "flow 9", "got 77"]),
    "flow: size 0": (flow("9,0,1,0,30"), ["flows.csv, line 5", "bytes", "flow 9", "got 0"]),
    "flow: size 1.5": (flow("9,0,1,1.5,30"), ["flows.csv, line 5", "bytes", "'1.5'"]),
    "flow: size nan": (flow("9,0,1,nan,30"), ["flows.csv, line 5", "bytes", "'nan'"]),
    "flow: size empty": (flow("9,0,1,,30"), ["flows.csv, line 5", "bytes", "empty"]),
    "flow: size 1e30": (flow("9,0,1,1" + "0" * 30 + ",3"), ["flows.csv, line 5", "bytes"]),
    "flow: negative start": (flow("9,0,1,5,-3"), ["flows.csv, line 5", "start_ns", "-3"]),
    "flow: too many cells": (flow("9,0,1,5,3,4"), ["flows.csv"]),
    "workload: no kind": (workload("{load: 0.5}"), ["scenario.yaml: workload.kind", "generated"]),
    "workload: kind": (workload("{kind: gen}"), ["workload.kind", "generated", "(got 'gen')"]),
    "workload: file key": (workload("{file: flows.csv, n: 1}"), ["workload.n: unknown key"]),
    "load: 1.5": (workload("{kind: generated, load: 1.5}"), ["workload.load", "got 1.5"]),
    "load: 0": (workload("{kind: generated, load: 0}"), ["workload.load", "above 0"]),
    "num_flows: 0": (workload("{kind: generated, num_flows: 0}"), ["workload.num_flows", "got 0"]),
    "num_flows: 10.5": (workload("{kind: generated, num_flows: 10.5}"), ["workload.num_flows"]),
    "sizes: 5": (workload("{kind: generated, sizes: 5}"), ["workload.sizes", "got 5"]),
    "sizes: unknown": (
        workload("{kind: generated, sizes: websearhc}"),
        ["scenario.yaml: workload.sizes: unknown size law", "web_search"],
    ),
    "sizes: missing mean": (
        workload("{kind: generated, sizes: {kind: pareto}}"),
        ["scenario.yaml: workload.sizes.mean_bytes: missing key"],
    ),
    "sizes: no such file": (
        workload("{kind: generated, sizes: {kind: file, file: no.csv}}"),
        ["tiny/no.csv", "No such file"],
    ),
    "matrix: unknown": (workload("{kind: generated, matrix: ring}"), ["matrix", "uniform"]),
    "fan-in": (
        workload("{kind: generated, matrix: {kind: incast, fan_in: 9}}"),
        ["scenario.yaml", "fan_in", "9"],
    ),
    # routing
    "routing: kind": (yaml("{file: routes.csv}", "{kind: ecpm}"), ["routing.kind", "'ecpm'"]),
    "routing: both": (yaml("{file: routes.csv}", "{file: routes.csv, kind: x}"), ["routing.kind"]),
    "routing: seed": (yaml("{file: routes.csv}", "{seed: -1}"), ["routing.seed", "got -1"]),
    "no route file": ({"routes.csv": None}, ["routes.csv", "No such file"]),
    "routes: columns": ({"routes.csv": "id,route\n"}, ["routes.csv", "id,route"]),
    "route missing": (
        {"routes.csv": "\n".join(ROUTES.splitlines()[:3]) + "\n"},
        ["routes.csv", "flow 2"],
    ),
    "route twice": ({"routes.csv": ROUTES + "1,10000,1-3-2,2-3-1\n"}, ["routes.csv", "flow 1"]),
    "route of no flow": ({"routes.csv": ROUTES + "8,1,0-3-1,1-3-0\n"}, ["routes.csv", "line 5"]),
    "route: no link": (data_route("0-1"), ["routes.csv", "flow 0", "0-1"]),
    "route: wrong end": (data_route("0-3-2"), ["routes.csv", "flow 0", "host 1"]),
    "route: text": (data_route("0>3>1"), ["routes.csv", "flow 0", "'0>3>1'"]),
    # recorded times
    "expected: columns": ({"expected.csv": "id,fct_ns\n"}, ["expected.csv", "ideal_fct_ns"]),
    "expected: empty": ({"expected.csv": ""}, ["expected.csv", "id"]),
    "expected: missing flow": (
        {"expected.csv": "id,fct_ns,ideal_fct_ns\n0,4,3\n"},
        ["expected.csv", "flow 1"],
    ),
    "expected: unknown flow": (
        {"expected.csv": EXPECTED + "7,1,1\n"},
        ["expected.csv, line 5", "got 7"],
    ),
    "expected: twice": ({"expected.csv": EXPECTED + "0,1,1\n"}, ["expected.csv, line 5", "again"]),
    "expected: cells": (
        {"expected.csv": EXPECTED + "0,1\n"},
        ["expected.csv, line 5", "an empty"],
    ),
    "expected: negative": (
        {"expected.csv": EXPECTED.replace("4000", "-4")},
        ["expected.csv, line 2", "fct_ns", "-4"],
    ),
    "expected: no ideal": (
        {"expected.csv": EXPECTED.replace("2556", "0")},
        ["expected.csv, line 4", "ideal_fct_ns", "got 0"],
    ),
    "expected: fraction": (
        {"expected.csv": EXPECTED.replace("4000", "40.5")},
        ["expected.csv, line 2", "fct_ns", "'40.5'"],
    ),
    "expected: bytes": ({"expected.csv": b"\xff\xfe\x00"}, ["expected.csv", "UTF-8"]),
}

# Arguments after the scenario, and what the message must name.
ARGUMENT_CASES = {
    "set: no equals": (["--set", "seed"], ["--set seed", "key=value"]),
    "set: no key": (["--set", "=1"], ["--set =1", "key=value"]),
    "set: two dots": (["--set", "network..pfc=1"], ["--set network..pfc=1", "key=value"]),
    "set: unknown": (["--set", "network.pcf=1"], ["--set network.pcf=1", "did you mean 'pfc'?"]),
    "set: unknown block": (["--set", "nett.pfc=1"], ["nett: unknown key"]),
    "set: unknown top": (["--set", "sede=1"], ["--set sede=1", "did you mean 'seed'?"]),
    "set: type": (["--set", "seed=x"], ["--set seed=x: seed: expected an integer (got 'x')"]),
    "set: nothing": (["--set", "seed="], ["--set seed=: seed: expected an integer (got null)"]),
    "set: value": (["--set", "network.pfc=0"], ["--set network.pfc=0", "true or false (got 0)"]),
    "set: yaml": (["--set", "seed=[1"], ["--set seed=[1", "YAML"]),
    "set: inside text": (["--set", "name.x=1"], ["--set name.x=1", "name to be a block"]),
    "set: algorithm": (["--set", "congestion_control.kind=x"], ["--set congestion_control.kind=x"]),
    "set: new block": (["--set", "network.ecn.pmax=7"], ["--set network.ecn.pmax=7", "got 7"]),
    "set: file": (["--set", "workload.file=no.csv"], ["no.csv", "No such file"]),
    "simulator": (["--simulator", "packte"], ["packte", "fluid, packet", "did you mean 'packet'?"]),
    "simulator: empty": (["--simulator", ""], ["simulator", "fluid, packet"]),
    "option": (
        ["--model", "m4"],
        ["--model: expected a simulator that has this option (got packet)"],
    ),
    "option: value": (["--device", "warp"], ["device", "'warp'"]),
    "unknown option": (["--modle", "m4"], ["--modle"]),
    "no value": (["--simulator"], ["--simulator"]),
    "second scenario": (["other"], ["other"]),
    "out: a file": (["--out", "tiny/flows.csv"], ["tiny/flows.csv", "(got a file)"]),
    "out: in a file": (["--out", "tiny/flows.csv/x"], ["tiny/flows.csv to be a folder"]),
    "out: the scenario": (["--out", "tiny"], ["--out tiny", "the scenario's own"]),
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
    assert err.endswith("\n")
    for part in parts:
        assert part in err
    assert snapshot(folder) == before


@pytest.mark.parametrize(("files", "parts"), FILE_CASES.values(), ids=FILE_CASES.keys())
def test_bad_files(run, tiny, files, parts):
    for name, text in files.items():
        if text is None:
            (tiny / name).unlink()
        else:
            (tiny / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    check(run, tiny.parent, ["simulate", tiny, "--out", tiny.parent / "out"], parts)


@pytest.mark.parametrize(("arguments", "parts"), ARGUMENT_CASES.values(), ids=ARGUMENT_CASES.keys())
def test_bad_arguments(run, tiny, monkeypatch, arguments, parts):
    monkeypatch.chdir(tiny.parent)
    check(run, tiny.parent, ["simulate", "tiny", *arguments], parts)


def test_out_with_recorded_times(run, tiny):
    other = tiny.parent / "other"
    other.mkdir()
    (other / "expected.csv").write_text(EXPECTED)
    check(run, tiny.parent, ["simulate", tiny, "--out", other], ["--out", "expected.csv"])


def test_out_in_a_place_where_nobody_can_write(run, tiny):
    check(run, tiny.parent, ["simulate", tiny, "--out", "/proc/m4graph-out"], ["/proc/m4graph-out"])


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["simulate"], ["SCENARIO"]),
        (["simulat"], ["simulat"]),
        (["--sim"], ["--sim"]),
        (["simulate", "nowhere"], ["nowhere", "No such file"]),
        (["simulate", "tiny/none.yaml"], ["tiny/none.yaml", "No such file"]),
    ],
)
def test_bad_commands(run, tiny, monkeypatch, arguments, parts):
    monkeypatch.chdir(tiny.parent)
    check(run, tiny.parent, arguments, parts)


def test_the_unchanged_scenario_runs(run, tiny):
    assert set(FILES) == {path.name for path in tiny.iterdir()}
    assert run("simulate", tiny)[0] == 0


def test_the_generated_scenario_runs(run, tiny):
    """The cases above that generate flows fail for their own reason only."""
    text = workload(GENERATED)["scenario.yaml"].replace("routing: {file: routes.csv}\n", "")
    (tiny / "scenario.yaml").write_text(text)
    (tiny / "expected.csv").unlink()
    status, _, err = run("simulate", tiny)
    assert (status, err) == (0, "")
