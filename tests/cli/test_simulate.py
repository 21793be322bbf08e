from __future__ import annotations

import json

import numpy as np
import pytest

import m4graph as m4
from m4graph.cli.app import COMMANDS, main

from .conftest import FLOWS, SCENARIO

OUTPUTS = {"fct.csv", "summary.json", "scenario.yaml", "topology.csv", "flows.csv", "routes.csv"}


def test_without_out_a_table_is_printed_and_nothing_written(run, tiny):
    before = sorted(tiny.parent.rglob("*"))
    status, out, err = run("simulate", tiny)
    assert (status, err) == (0, "")
    assert "tiny" in out
    assert "p99_slowdown" in out
    assert sorted(tiny.parent.rglob("*")) == before


def test_out(run, tiny):
    out = tiny.parent / "out"
    assert run("simulate", tiny, "--simulator", "fluid", "--out", out)[0] == 0
    assert {path.name for path in out.iterdir()} == OUTPUTS
    assert (out / "fct.csv").read_text() == (
        "id,fct_ns,ideal_fct_ns,slowdown\n"
        "0,3676,3676,1.0\n"
        f"1,{3676 + 3200 + 4 * 38},{3676 + 3200 + 4 * 38},1.0\n"
        f"2,{2000 + 2 * 278},{2000 + 2 * 278},1.0\n"
    )
    summary = json.loads((out / "summary.json").read_text())
    required = (
        "simulator num_flows num_finished num_events packet_hops wall_s compile_s "
        "peak_rss_bytes mean_slowdown p99_slowdown seed version"
    )
    assert set(required.split()) <= set(summary)
    assert summary["num_finished"] == 3


def test_the_output_is_a_scenario_that_gives_the_same_bits(run, tiny):
    first, second = tiny.parent / "first", tiny.parent / "second"
    assert run("simulate", tiny, "--out", first, "--set", "network.pfc=false")[0] == 0
    assert run("simulate", first, "--out", second)[0] == 0
    for name in OUTPUTS - {"summary.json"}:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name
    assert m4.load_scenario(second).config.pfc is False


def test_generated_scenarios_are_written_as_tables(run, tiny):
    text = SCENARIO.replace("{file: flows.csv}", "{kind: generated, num_flows: 9}")
    text = text.replace("{file: topology.csv, num_hosts: 3}", "{kind: fat_tree, k: 4}")
    path = tiny.parent / "generated.yaml"
    path.write_text(text.replace("routing: {file: routes.csv}\n", ""))
    first, second = tiny.parent / "first", tiny.parent / "second"
    assert run("simulate", path, "--out", first, "--set", "seed=5")[0] == 0
    assert run("simulate", first, "--out", second)[0] == 0
    assert (first / "fct.csv").read_bytes() == (second / "fct.csv").read_bytes()
    assert json.loads((first / "summary.json").read_text())["seed"] == 5


def test_an_old_output_is_replaced_and_other_files_stay(run, tiny):
    out = tiny.parent / "out"
    assert run("simulate", tiny, "--out", out)[0] == 0
    (out / "notes.txt").write_text("mine")
    (tiny / "flows.csv").write_text(FLOWS.replace("5000", "1"))
    (tiny / "expected.csv").unlink()
    assert run("simulate", tiny, "--out", out)[0] == 0
    assert {path.name for path in out.iterdir()} == OUTPUTS | {"notes.txt"}
    assert "1,2078,2078,1.0" in (out / "fct.csv").read_text()


def test_settings_and_options_arrive(run, tiny):
    out = tiny.parent / "out"
    settings = ["--set", "congestion_control.gain=0.5", "--set", "routing={kind: ecmp, seed: 2}"]
    assert run("simulate", tiny, "--device", "cpu", "--out", out, *settings)[0] == 0
    scenario = m4.load_scenario(out)
    assert scenario.congestion_control.gain == 0.5
    assert scenario.routing.seed == 2


@pytest.mark.parametrize(
    ("name", "message"), [("fail", "flow 1: expected an end"), ("full", "No space left")]
)
def test_a_failure_is_status_1_and_leaves_nothing(run, tiny, monkeypatch, name, message):
    def no_space(*arguments):
        raise OSError(28, "No space left on device")

    if name == "full":
        monkeypatch.setattr("m4graph.results.SimulationResult.write_summary", no_space)
    before = sorted(tiny.parent.rglob("*"))
    status, _, err = run("simulate", tiny, "--set", f"name={name}", "--out", tiny.parent / "out")
    assert status == 1
    assert message in err
    assert err.count("\n") == 1
    assert sorted(tiny.parent.rglob("*")) == before


def test_our_own_mistakes_keep_their_traceback(run, tiny):
    with pytest.raises(ZeroDivisionError):
        run("simulate", tiny, "--set", "name=bug")


def test_an_interrupt_is_no_success(run, tiny, monkeypatch):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("m4graph.scenario.files.load_scenario", interrupt)
    status, _, error = run("simulate", tiny)
    assert (status, error.strip()) == (130, "error: interrupted")


def test_help_lists_the_commands(run):
    for arguments in (["--help"], ["-h"], []):
        status, out, _ = run(*arguments)
        assert status == 0
        assert all(command in out for command in COMMANDS)
    status, out, _ = run("simulate", "--help")
    assert status == 0
    assert "--set" in out


def test_version(run):
    assert run("--version") == (0, f"m4graph {m4.__version__}\n", "")


def test_unknown_simulators_are_listed_from_the_real_registry(tiny, capsys):
    assert main(["simulate", str(tiny), "--simulator", "ns3"]) == 2
    assert "expected one of fluid, learned, mimic, noise, packet" in capsys.readouterr().err


def test_times_are_whole_numbers(run, tiny):
    out = tiny.parent / "out"
    run("simulate", tiny, "--out", out)
    cells = (out / "fct.csv").read_text().split()[1].split(",")
    assert np.int64(cells[1]) == 3676
