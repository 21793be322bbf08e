"""Runs of ns-3 as data sets: every flow's time is the one that ns-3 recorded."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from m4graph.core.errors import ConfigError, InputError
from m4graph.core.yaml_file import read_yaml, write_yaml
from m4graph.datasets import FlowEventDataset, import_runs, scenario_hash
from m4graph.datasets.making.generation import GenerationError
from m4graph.datasets.making.produce import run_hash
from m4graph.runs.labelled_run import LabelledRun
from m4graph.scenario.files import load_scenario
from tests.convert.conftest import HPCC, assert_same
from tests.convert.conftest import write as write_text

from . import ns3

FORMATS = ["hpcc", "m4", "scenario"]


@pytest.fixture
def texts(tmp_path):
    return ns3.write(tmp_path / "texts", "hpcc")


@pytest.fixture
def small(tmp_path):
    """Three flows written by hand, of which one did not finish."""
    return write_text(tmp_path / "small", HPCC)


def times(root):
    """When each file was written, by its path in the folder of raw runs."""
    raw = root / "raw"
    files = (path for path in raw.rglob("*") if path.is_file())
    return {path.relative_to(raw).as_posix(): path.stat().st_mtime_ns for path in files}


@pytest.mark.parametrize("format_name", FORMATS)
def test_times_are_those_that_were_recorded(tmp_path, format_name):
    ns3.write(tmp_path / "runs", format_name)
    out = tmp_path / "out"
    records = import_runs([tmp_path / "runs"], out, format_name)
    dataset = FlowEventDataset(out)
    assert len(dataset) == len(records) == 3
    for data, record, name in zip(dataset, records, ns3.NAMES, strict=True):
        expected = pd.read_csv(ns3.REFERENCE / name / "expected.csv")
        flows = pd.read_csv(ns3.REFERENCE / name / "flows.csv").merge(expected, on="id")
        flows = flows.sort_values(["start_ns", "id"])
        flow = data["flow"]
        assert flow.size_bytes.tolist() == flows["bytes"].tolist()
        assert flow.start_ns.tolist() == flows["start_ns"].tolist()
        assert flow.fct_ns.tolist() == flows["fct_ns"].tolist()
        assert flow.ideal_fct_ns.tolist() == flows["ideal_fct_ns"].tolist()
        assert record.num_finished == record.num_flows == len(flows)
        assert data.num_nodes > 0
        assert len(data.remaining_bytes) == len(data.queue_bytes) == 0


def test_a_copy_can_be_simulated(tmp_path, small):
    import_runs([small], tmp_path / "own", "hpcc")
    copy = FlowEventDataset(tmp_path / "copy", source=tmp_path / "own")
    assert (
        copy[0]["flow"].fct_ns.tolist()
        == FlowEventDataset(tmp_path / "own")[0]["flow"].fct_ns.tolist()
    )
    assert load_scenario(tmp_path / "copy" / "raw" / "run_000000.yaml").num_flows == 3
    assert load_scenario(tmp_path / "copy" / "raw" / "run_000000").expected is not None


def test_all_formats_give_the_same_run(tmp_path):
    hashes = []
    for format_name in FORMATS:
        ns3.write(tmp_path / format_name, format_name)
        records = import_runs(
            [tmp_path / format_name], tmp_path / f"{format_name}-out", format_name
        )
        hashes.append([record.scenario_sha256 for record in records])
    assert hashes[0] == hashes[1] == hashes[2]


def test_events(small, tmp_path):
    """0 arrives at 0, 1 at 10 and never leaves, 2 at 20 and leaves at 3020, 0 at 4000."""
    [record] = import_runs([small], tmp_path / "out", "hpcc")
    run = LabelledRun.load(tmp_path / "out" / "raw" / "run_000000.npz")
    assert (run.event_time_ns - 10**9).tolist() == [0, 10, 20, 3020, 4000]
    assert run.event_flow.tolist() == [0, 1, 2, 2, 0]
    assert run.event_kind.tolist() == [0, 0, 0, 1, 1]
    assert run.fct_ns.tolist() == [4000, -1, 3000]
    assert run.label_flow_ptr.tolist() == run.label_link_ptr.tolist() == [0] * 6
    assert (record.num_flows, record.num_finished, record.num_events) == (3, 2, 5)
    assert record.scenario_sha256 == scenario_hash(run)
    assert record.arrays_sha256 == run_hash(run)


def test_the_folder_is_that_of_generate(small, tmp_path):
    out = tmp_path / "out"
    records = import_runs([small], out, "hpcc")
    assert sorted(path.name for path in out.iterdir()) == ["config.yaml", "manifest.json", "raw"]
    manifest = json.loads((out / "manifest.json").read_text())
    assert [run["arrays_sha256"] for run in manifest["runs"]] == [records[0].arrays_sha256]
    assert manifest["failures"] == []
    config = read_yaml(out / "config.yaml")
    assert config["sources"] == [str(small)]
    assert config["scenario"] == {
        "topology": {"num_hosts": [3, 3], "gbps": [10.0, 10.0]},
        "workload": {"num_flows": [3, 3]},
        "congestion_control": "dctcp",
    }


@pytest.mark.parametrize("format_name", FORMATS)
def test_the_scenario_can_be_run(tmp_path, format_name):
    """Beside raw runs as generate has it, and as a folder with the times to compare with."""
    [source] = ns3.write(tmp_path / "runs", format_name, ns3.NAMES[2:])
    import_runs([source], tmp_path / "out", format_name)
    raw = tmp_path / "out" / "raw"
    alone, folder = load_scenario(raw / "run_000000.yaml"), load_scenario(raw / "run_000000")
    original = load_scenario(ns3.REFERENCE / ns3.NAMES[2])
    assert alone.expected is None
    if format_name == "scenario":
        assert_same(folder, original)
    assert_same(folder, alone.replace(expected=folder.expected))
    assert (folder.expected.fct_ns == original.expected.fct_ns).all()
    origin = json.loads((raw / "run_000000" / "conversion.json").read_text())
    assert origin["source"] == str(source)


def test_again_keeps_what_is_the_same(texts, tmp_path):
    out = tmp_path / "out"
    import_runs(texts, out, "hpcc")
    before, manifest = times(out), (out / "manifest.json").read_text()
    import_runs(texts, out, "hpcc")
    assert times(out) == before
    assert (out / "manifest.json").read_text() == manifest
    fct = texts[1] / "fct.txt"
    fct.write_text("\n".join(fct.read_text().splitlines()[1:]))
    import_runs(texts, out, "hpcc")
    changed = {name for name, time in times(out).items() if before[name] != time}
    assert {"run_000001.npz", "run_000001/expected.csv"} <= changed
    assert {name.partition(".")[0].partition("/")[0] for name in changed} == {"run_000001"}
    assert LabelledRun.load(out / "raw" / "run_000001.npz").fct_ns.tolist().count(-1) == 1


def test_what_a_killed_import_left_is_swept(texts, tmp_path):
    out = tmp_path / "out"
    import_runs(texts, out, "hpcc")
    (out / "raw" / "run_000001.npz").unlink()
    (out / "raw" / ".run_000001.half").mkdir()
    (out / "raw" / ".run_000001.npz.half").write_text("half")
    import_runs(texts, out, "hpcc")
    assert not list((out / "raw").glob(".*"))
    assert len(FlowEventDataset(out)) == 3


def test_a_bad_source_does_not_stop_the_others(texts, tmp_path):
    out, failed = tmp_path / "out", []
    good = (texts[1] / "fct.txt").read_text()
    (texts[1] / "fct.txt").write_text(good + good.splitlines()[0])
    with pytest.raises(
        GenerationError, match=r"1 of 3 sources gave no run; .*fct\.txt, line 9"
    ) as error:
        import_runs(texts, out, "hpcc", on_failure=failed.append)
    assert [record.name for record in error.value.records] == ["run_000000", "run_000002"]
    assert error.value.failures == failed
    assert failed[0].description == {"source": str(texts[1])}
    manifest = json.loads((out / "manifest.json").read_text())
    assert [each["scenario"] for each in manifest["failures"]] == [1]
    assert len(FlowEventDataset(out)) == 2
    (texts[1] / "fct.txt").write_text(good)
    assert len(import_runs(texts, out, "hpcc")) == 3
    assert json.loads((out / "manifest.json").read_text())["failures"] == []


def test_no_good_source(small, tmp_path):
    (small / "fct.txt").unlink()
    with pytest.raises(InputError, match=r"small: expected recorded times, as in fct\.txt"):
        import_runs([small], tmp_path / "out", "hpcc")
    (small / "fct.txt").write_text("")
    with pytest.raises(InputError, match=r"small: expected flows that finished"):
        import_runs([small], tmp_path / "out", "hpcc")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (" 10001 ", " 10002 ", r"fct\.txt, line 1: expected a flow of the workload"),
        ("1000000020", "1000000019", r"fct\.txt, line 1, start_ns: expected 1000000020"),
        (" 3000 ", " -3000 ", r"fct\.txt, line 1, fct_ns: expected an integer of 1"),
        (" 300 ", " 301 ", r"fct\.txt, line 1, bytes: expected 300"),
    ],
)
def test_bad_times(small, tmp_path, old, new, message):
    text = (small / "fct.txt").read_text()
    (small / "fct.txt").write_text(text.replace(old, new, 1))
    with pytest.raises(InputError, match=message):
        import_runs([small], tmp_path / "out", "hpcc")


def test_reserved_scenarios_are_refused(small, tmp_path, monkeypatch):
    [record] = import_runs([small], tmp_path / "first", "hpcc")
    reserved = {record.scenario_sha256: "a suite"}
    monkeypatch.setattr("m4graph.datasets.making.leakage.reserved_scenarios", lambda: reserved)
    with pytest.raises(InputError, match=r"small: expected .*no evaluation uses \(got .*a suite"):
        import_runs([small], tmp_path / "out", "hpcc")


@pytest.mark.parametrize("block", ["scenario", "routing"])
def test_evaluation_seeds_are_refused(tmp_path, block):
    [folder] = ns3.write(tmp_path / "runs", "scenario", ns3.NAMES[:1])
    description = read_yaml(folder / "scenario.yaml")
    if block == "scenario":
        description["seed"] = 1_000_000
    else:
        description["routing"] = {"kind": "ecmp", "seed": 1_000_000}
    write_yaml(folder / "scenario.yaml", description)
    with pytest.raises(InputError, match="seed: expected a seed outside"):
        import_runs([folder], tmp_path / "out", "scenario")


def test_more_sources_and_others(texts, tmp_path):
    out = tmp_path / "out"
    import_runs(texts[:2], out, "hpcc")
    before = times(out)
    assert len(import_runs(texts, out, "hpcc")) == 3
    assert before.items() <= times(out).items()
    for others in (texts[:2], texts[::-1]):
        with pytest.raises(InputError, match=r"out: expected the sources in its config\.yaml"):
            import_runs(others, out, "hpcc")
    with pytest.raises(InputError, match="expected the sources"):
        import_runs(ns3.write(tmp_path / "s", "scenario"), out, "scenario")


def test_a_folder_of_other_runs(small, tmp_path):
    out = tmp_path / "out"
    (out / "raw").mkdir(parents=True)
    (out / "raw" / "run_000000.npz").write_text("of somebody")
    with pytest.raises(InputError, match=r"expected runs with a config\.yaml beside raw"):
        import_runs([small], out, "hpcc")
    write_yaml(out / "config.yaml", {"name": "tiny", "seed": 0, "num_scenarios": 3, "scenario": {}})
    with pytest.raises(ConfigError, match=r"config\.yaml: expected that of an import"):
        import_runs([small], out, "hpcc")
    assert (out / "raw" / "run_000000.npz").read_text() == "of somebody"


@pytest.mark.parametrize("format_name", ["hpcc", "scenario"])
def test_other_ideal_times_are_noted(small, tmp_path, format_name):
    """Slowdowns are relative to m4graph's ideal times, those of the contract."""
    (small / "fct.txt").write_text(HPCC["fct.txt"].replace(" 3676", " 5338"))
    if format_name == "scenario":
        import_runs([small], tmp_path / "first", "hpcc")
        small = tmp_path / "first" / "raw" / "run_000000"
    notes = []
    import_runs([small], tmp_path / "out", format_name, on_note=lambda *note: notes.append(note))
    [(source, note)] = notes
    assert source == small
    assert "1 flows" in note
    assert "by up to 1662 ns" in note
    [data] = FlowEventDataset(tmp_path / "out")
    assert data["flow"].ideal_fct_ns.tolist() == [3676, 3676 + 4 * 838, 2556]
    np.testing.assert_allclose(data["flow"].y[0], 4000 / 3676)


def test_times_of_another_network_are_noted(small, tmp_path):
    (small / "fct.txt").write_text(HPCC["fct.txt"].replace(" 3000 2556", " 2000 2556"))
    notes = []
    import_runs([small], tmp_path / "out", "hpcc", on_note=lambda _, note: notes.append(note))
    assert notes == ["1 flows are faster than their ideal time: were they of another network?"]


def test_sources(texts, tmp_path):
    deep = tmp_path / "texts" / "88" / "ns3"
    shutil.copytree(texts[0], deep)
    out = tmp_path / "out"
    records = import_runs([texts[2], tmp_path / "texts" / "88"], out, "hpcc")
    assert read_yaml(out / "config.yaml")["sources"] == [str(texts[2]), str(deep)]
    assert len(records) == 2
    import_runs([texts[0] / "config.txt"], tmp_path / "file", "hpcc")
    with pytest.raises(InputError, match="expected each run once"):
        import_runs([texts[0], tmp_path / "texts"], tmp_path / "twice", "hpcc")
    (tmp_path / "none").mkdir()
    for path in (tmp_path / "none", tmp_path / "nowhere"):
        with pytest.raises(InputError, match=r"expected config\*\.txt in it"):
            import_runs([path], tmp_path / "no", "hpcc")
    with pytest.raises(ConfigError, match="--from: expected one of hpcc, m4, scenario"):
        import_runs([texts[0]], tmp_path / "no", "ns3")


def test_closed_loops_are_refused(tmp_path):
    [folder] = ns3.write(tmp_path / "runs", "scenario", ns3.NAMES[:1])
    description = read_yaml(folder / "scenario.yaml")
    description["workload"] = {
        "kind": "closed_loop",
        "flows": {"file": "flows.csv"},
        "limit_per_rack": 1,
    }
    write_yaml(folder / "scenario.yaml", description)
    with pytest.raises(InputError, match="closed-loop workload"):
        import_runs([folder], tmp_path / "out", "scenario")
