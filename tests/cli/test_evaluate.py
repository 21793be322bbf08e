"""``m4graph evaluate``: what it prints and writes, and bad inputs: one line, status 2, no files."""

from __future__ import annotations

import csv
import json

import pytest

from m4graph.cli.app import main
from m4graph.core.yaml_file import read_yaml
from m4graph.evaluation.suites import SUITES, Suite, load_suite

from .conftest import FILES

SUITE = """\
name: two
base:
  topology: {kind: star, num_hosts: 4}
  workload: {kind: generated, sizes: web_server, num_flows: 20}
  congestion_control: {kind: dctcp, init_window_bytes: 10000}
scenarios:
  - {name: first, seed: 1000001}
  - {name: second, seed: 1000002, congestion_control: timely}
"""


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("M4GRAPH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def suite(tmp_path):
    path = tmp_path / "two.yaml"
    path.write_text(SUITE, encoding="utf-8")
    return path


@pytest.fixture
def evaluate(capsys):
    """Runs the command with the real simulators; gives status, stdout and stderr."""

    def call(*arguments):
        status = main(["evaluate", *map(str, arguments)])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call


TWO = ("--simulators", "packet,fluid")


def test_a_table_is_printed_and_only_the_cache_written(evaluate, suite, cache):
    before = set(suite.parent.rglob("*"))
    status, out, _ = evaluate(suite, *TWO)
    assert status == 0
    assert "two: means over 2 scenarios" in out
    assert "truth" in next(line for line in out.splitlines() if line.startswith("packet"))
    assert "%" in next(line for line in out.splitlines() if line.startswith("fluid"))
    written = set(suite.parent.rglob("*")) - before
    assert all(cache in path.parents or path == cache for path in written)
    assert len(list(cache.rglob("*.npz"))) == 4


def test_a_cache_that_cannot_be_written_is_no_error(evaluate, suite, cache, tmp_path):
    cache.write_text("")  # A file stands where the folder would.
    status, _, err = evaluate(suite, *TWO, "--out", tmp_path / "out")
    assert status == 0
    assert err == f"warning: {cache}: expected a folder to keep results in (got Not a directory)\n"
    assert (tmp_path / "out" / "metrics.json").exists()


def test_out(evaluate, suite, tmp_path):
    out = tmp_path / "out"
    assert evaluate(suite, *TWO, "--out", out)[0] == 0
    metrics = json.loads((out / "metrics.json").read_text())
    assert list(metrics) == ["packet", "fluid"]
    keys = {"mean_error", "p90_error", "p99_tail_error", "wall_s", "num_events"}
    assert keys <= set(metrics["fluid"])
    assert metrics["fluid"]["num_events"] == 80
    with (out / "scenarios.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["scenario"], row["simulator"]) for row in rows] == [
        (scenario, simulator)
        for scenario in ("first", "second")
        for simulator in ("packet", "fluid")
    ]
    assert (rows[2]["algorithm"], rows[2]["sizes"]) == ("timely", "web_server")
    configuration = read_yaml(out / "evaluation.yaml")
    assert configuration["scenarios"][1]["seed"] == 1000002
    assert configuration["simulators"][0]["label"] == "packet"
    assert configuration["version"]
    again = tmp_path / "again"
    assert evaluate(suite, *TWO, "--out", again)[0] == 0
    for name in ("metrics.json", "scenarios.csv", "by_size.csv"):
        assert (again / name).read_bytes() == (out / name).read_bytes()


def test_jobs_change_nothing_but_seconds(evaluate, suite, tmp_path, monkeypatch):
    def errors(folder):
        frame = json.loads((folder / "metrics.json").read_text())
        return {name: (row["mean_error"], row["p90_error"]) for name, row in frame.items()}

    one, two = tmp_path / "one", tmp_path / "two"
    assert evaluate(suite, *TWO, "--out", one)[0] == 0
    monkeypatch.setenv("M4GRAPH_CACHE", str(tmp_path / "other"))
    assert evaluate(suite, *TWO, "--jobs", 2, "--out", two)[0] == 0
    assert errors(one) == errors(two)


def test_smoke_with_the_zoos_model(evaluate, tmp_path):
    status, _, err = evaluate("smoke", "--fraction", "0.01", "--out", tmp_path / "out")
    assert status == 0, err
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert list(metrics) == ["packet", "fluid", "learned", "noise"]
    assert metrics["learned"]["num_scenarios"] == 1
    assert 0 < metrics["noise"]["mean_error"] < metrics["learned"]["mean_error"]
    assert 0 < metrics["learned"]["mean_error"] < 1
    assert (tmp_path / "out" / "results" / "learned").is_dir()


@pytest.fixture
def own_suite(monkeypatch):
    """A suite that brings simulators of its own."""
    for name in ("_objects", "_display"):
        monkeypatch.setattr(SUITES, name, dict(getattr(SUITES, name)))
    beside = {
        "limited": {"kind": "fluid", "window_limit": True},
        "links": {"kind": "parsimon", "passes": 1},
    }
    cases = load_suite("smoke").cases[:1]
    SUITES.register("own", lambda: Suite("own", cases, beside=beside))


@pytest.mark.usefixtures("own_suite")
def test_a_suite_may_bring_simulators(evaluate, tmp_path):
    out = tmp_path / "out"
    status, _, err = evaluate("own", "--option", "parsimon.jobs=1", "--out", out)
    assert status == 0, err
    metrics = json.loads((out / "metrics.json").read_text())
    assert list(metrics) == ["packet", "fluid", "learned", "limited", "links", "noise"]
    rows = read_yaml(out / "evaluation.yaml")["simulators"]
    assert rows[-2]["options"] | {"passes": 1, "jobs": 1} == rows[-2]["options"]
    assert rows[-2]["simulator"] == "parsimon"
    assert rows[-1]["simulator"] == "noise"


@pytest.mark.usefixtures("own_suite")
def test_named_simulators_are_all_that_run(evaluate, tmp_path):
    out = tmp_path / "out"
    assert evaluate("own", "--simulators", "packet,parsimon", "--out", out)[0] == 0
    assert list(json.loads((out / "metrics.json").read_text())) == ["packet", "parsimon"]
    status, _, err = evaluate("own", "--simulators", "packet", "--option", "parsimon.jobs=1")
    assert (status, err.count("\n")) == (2, 1)


def test_folder_with_recorded_times(evaluate, tmp_path):
    folder = tmp_path / "suite" / "tiny"
    folder.mkdir(parents=True)
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    out = tmp_path / "out"
    assert evaluate(folder.parent, "--simulators", "fluid", "--out", out)[0] == 0
    metrics = json.loads((out / "metrics.json").read_text())
    assert list(metrics) == ["expected", "fluid"]
    assert metrics["fluid"]["num_left_out"] == 1
    assert metrics["expected"]["wall_s"] is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["smok"], "suite: expected one of ablation, closed_loop"),
        (["smoke", "--fraction", "0"], "fraction: expected a number in (0, 1] (got 0.0)"),
        (["smoke", "--jobs", "0"], "jobs: expected at least 1 (got 0)"),
        (["smoke", "--simulators", "packet,,fluid"], "--simulators: expected names with commas"),
        (["smoke", "--simulators", "packet,magic"], "unknown simulator"),
        (["smoke", "--simulators", "fluid"], "expected packet among the simulators"),
        (["smoke", "--model", "none-such"], "none-such"),
        (["smoke", "--model", "/no/such/model"], "/no/such/model"),
        (
            ["smoke", "--simulators", "packet,fluid", "--model", "a"],
            "--model: expected a simulator",
        ),
        (["smoke", "--out", f"{__file__}/out"], "test_evaluate.py to be a folder"),
    ],
)
def test_bad_inputs(evaluate, tmp_path, arguments, message):
    if "--out" not in arguments:
        arguments = [*arguments, "--out", str(tmp_path / "out")]
    status, out, err = evaluate(*arguments)
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert message in err
    assert not (tmp_path / "out").exists()
