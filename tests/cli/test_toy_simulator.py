"""A simulator from outside, of which no line of m4graph knows: in ``compare`` and ``evaluate``."""

from __future__ import annotations

import json
import sys

import pandas as pd
import pytest

from m4graph.cli.app import main
from m4graph.core.yaml_file import read_yaml
from m4graph.evaluation.plots.figure import simulator_colours
from m4graph.simulators import SIMULATORS

TOY = '''
import numpy as np
from pathlib import Path

from m4graph.results import SimulationResult
from m4graph.simulators import Simulator
from m4graph.simulators.base import refuse_faults


class Toy(Simulator):
    """Every flow is as slow as every other."""

    name = "toy"
    colour = "#7F00FF"
    is_deterministic = True

    def __init__(self, slowdown: float = 2.0, log: str | None = None) -> None:
        self.slowdown = slowdown
        self.log = log

    def run(self, scenario, progress=None):
        refuse_faults(self.name, scenario)
        if self.log is not None:
            with Path(self.log).open("a") as file:
                file.write(f"{scenario.name}\\n")
        return SimulationResult(
            simulator=self.name,
            flow_id=scenario.workload.id,
            fct_ns=np.rint(scenario.ideal_fct_ns * self.slowdown).astype(np.int64),
            ideal_fct_ns=scenario.ideal_fct_ns,
            num_events=2 * scenario.num_flows,
            wall_s=0.001,
            compile_s=0.0,
            packet_hops=None,
            scenario=scenario,
        )
'''
SUITE = """\
name: two
base:
  topology: {kind: star, num_hosts: 4}
  workload: {kind: generated, sizes: web_server, num_flows: 20}
  congestion_control: dctcp
scenarios:
  - {name: whole, seed: 1}
  - {name: broken, seed: 2, faults: [{link: [0, 4], kind: slow, factor: 0.5}]}
"""


@pytest.fixture(params=["registered", "entry point"])
def toy(request, tmp_path, monkeypatch):
    """The simulator, known in one of two ways."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "toy_simulator.py").write_text(TOY)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.delitem(sys.modules, "toy_simulator", raising=False)
    for name in ("_objects", "_display"):
        monkeypatch.setattr(SIMULATORS, name, dict(getattr(SIMULATORS, name)))
    monkeypatch.setattr(SIMULATORS, "_plugins", None)
    if request.param == "registered":
        from toy_simulator import Toy

        SIMULATORS.register("toy", Toy)
        return
    info = tmp_path / "site" / "toy_simulator-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy_simulator\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[m4graph.simulator]\ntoy = toy_simulator:Toy\n")


@pytest.fixture
def suite(tmp_path, monkeypatch):
    monkeypatch.setenv("M4GRAPH_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "two.yaml"
    path.write_text(SUITE)
    return path


def heard(capsys):
    """Lines on stderr, but for those of kernels that are compiled."""
    lines = capsys.readouterr().err.splitlines()
    return [line for line in lines if not line.startswith("m4graph: compiling")]


def test_evaluate(toy, suite, tmp_path, capsys):
    log, out = tmp_path / "log", tmp_path / "out"
    arguments = ["evaluate", str(suite), "--simulators", "packet,toy"]
    arguments += ["--option", f"toy.log={log}", "--option", "toy.slowdown=3"]
    assert main([*arguments, "--out", str(out)]) == 0
    [line] = heard(capsys)
    assert line.startswith("left out: toy in 1 of 2 scenarios (first broken: faults: expected none")
    metrics = json.loads((out / "metrics.json").read_text())
    assert (metrics["toy"]["num_scenarios"], metrics["toy"]["num_refused"]) == (1, 1)
    assert metrics["packet"]["num_refused"] == 0
    row = pd.read_csv(out / "scenarios.csv").set_index(["scenario", "simulator"])
    assert ("broken", "toy") not in row.index
    assert row.loc[("whole", "toy"), "mean_error"] == metrics["toy"]["mean_error"] > 0
    assert line in (out / "summary.md").read_text()
    configuration = read_yaml(out / "evaluation.yaml")
    assert configuration["simulators"][1]["options"] == {"slowdown": 3, "log": str(log)}
    assert simulator_colours(["packet", "toy"])["toy"] == "#7F00FF"
    # It says that it is deterministic: the second time, it comes from the cache.
    assert main(arguments) == 0
    assert log.read_text() == "whole\n"


def test_compare(toy, suite, tmp_path, capsys):
    scenario, out = tmp_path / "scenario.yaml", tmp_path / "out"
    blocks = read_yaml(suite)["base"]
    scenario.write_text(json.dumps({"name": "star", **blocks}))
    arguments = ["compare", str(scenario), "--simulators", "packet,toy,fluid"]
    arguments += ["--option", "toy.slowdown=3", "--out", str(out)]
    assert main(arguments) == 0
    assert pd.read_csv(out / "errors.csv")["simulator"].tolist() == ["packet", "toy", "fluid"]
    summary = json.loads((out / "summary_toy.json").read_text())
    assert summary["mean_slowdown"] == pytest.approx(3, abs=1e-3)
    assert summary["options"] == {"slowdown": 3, "log": None}
    fault = "faults=[{link: [0, 4], kind: slow, factor: 0.5, at_us: 1}]"
    capsys.readouterr()
    assert main([*arguments, "--set", fault]) == 2
    [error] = heard(capsys)
    assert error.startswith("error: --simulators: expected one that can do this scenario (got toy:")
    assert "; fluid: faults.0: expected a cable" in error


def test_what_refuses_is_left_out_of_a_comparison(toy, suite, tmp_path, capsys):
    """Recorded times are the truth; fluid does no fault that begins later, packet does."""
    scenario, out = tmp_path / "scenario", tmp_path / "out"
    blocks = {"name": "star", **read_yaml(suite)["base"]}
    blocks["faults"] = [{"link": [0, 4], "kind": "slow", "factor": 0.5, "at_us": 1}]
    (tmp_path / "scenario.yaml").write_text(json.dumps(blocks))
    assert main(["simulate", str(tmp_path / "scenario.yaml"), "--out", str(scenario)]) == 0
    (scenario / "fct.csv").rename(scenario / "expected.csv")
    capsys.readouterr()
    arguments = ["compare", str(scenario), "--simulators", "fluid,packet,toy", "--out", str(out)]
    assert main(arguments) == 0
    lines = heard(capsys)
    assert [line.partition(" (")[0] for line in lines] == [
        "left out: fluid in 1 of 1 scenarios",
        "left out: toy in 1 of 1 scenarios",
    ]
    assert pd.read_csv(out / "errors.csv")["simulator"].tolist() == ["expected", "packet"]
    assert all(line in (out / "summary.md").read_text() for line in lines)


def test_simulate(toy, suite, tmp_path, capsys):
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text(json.dumps({"name": "star", **read_yaml(suite)["base"]}))
    arguments = ["simulate", str(scenario), "--simulator", "toy", "--out", str(tmp_path / "out")]
    assert main([*arguments, "--option", "toy.slowdown=4"]) == 0
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["options"]["slowdown"] == 4
    capsys.readouterr()
    for option, message in {
        "toy.slow=4": "unknown key: expected one of slowdown, log",
        "toy.slowdown=a": "toy.slowdown: expected a number (got 'a')",
        "packet.labels=true": "expected toy.KEY (got 'packet.labels')",
    }.items():
        assert main([*arguments, "--option", option]) == 2
        error = capsys.readouterr().err
        assert error.startswith(f"error: --option {option}: ")
        assert message in error
        assert error.count("\n") == 1
