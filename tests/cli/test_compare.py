"""``m4graph compare``: what it prints and writes, and bad inputs: one line, status 2, no files."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

import m4graph as m4
from m4graph.cli.app import main
from m4graph.core.registry import Registry

from .conftest import EXPECTED, SCENARIO
from .ideal_simulator import IdealSimulator

BESIDE = {
    "errors.csv",
    "summary.md",
    "slowdown_cdf.png",
    "slowdown_by_size.png",
    "true_vs_predicted.png",
    "scenario.yaml",
    "topology.csv",
    "flows.csv",
    "routes.csv",
}
MADE = []


class TwiceAsSlow(IdealSimulator):
    """A packet simulator without options, for which every slowdown is 2."""

    name = "packet"

    def __init__(self) -> None:
        super().__init__()

    def run(self, scenario, progress=None):
        result = super().run(scenario, progress)
        result.fct_ns[:] *= 2
        return result


class Fluid(IdealSimulator):
    name = "fluid"


class Learned(IdealSimulator):
    name = "learned"

    def __init__(self, model: str = "default", device: str = "cpu", unfinished: int = 0) -> None:
        super().__init__(unfinished=int(model == "forgets one"), device=device)
        MADE.append((model, device))


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs the command line with toy simulators; gives status, stdout and stderr."""
    toys = {"packet": TwiceAsSlow, "fluid": Fluid, "learned": Learned}
    registry = Registry("simulator", dict.fromkeys(toys, "none:none"))
    registry._objects.update(toys)
    monkeypatch.setattr("m4graph.simulators.base.SIMULATORS", registry)
    monkeypatch.setattr("m4graph.simulators.SIMULATORS", registry)
    MADE.clear()

    def call(*arguments):
        status = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call


@pytest.fixture
def without_truth(tiny):
    (tiny / "expected.csv").unlink()
    return tiny


def errors(folder):
    with (folder / "errors.csv").open() as file:
        return {row["simulator"]: row for row in csv.DictReader(file)}


def test_a_table_is_printed_and_nothing_written(run, without_truth):
    before = sorted(without_truth.parent.rglob("*"))
    status, out, err = run("compare", without_truth)
    assert (status, err) == (0, "")
    fluid = next(line for line in out.splitlines() if "fluid" in line)
    assert fluid.split()[1:7] == ["50.0", "%", "50.0", "%", "50.0", "%"]
    assert "truth" in next(line for line in out.splitlines() if "packet " in line)
    assert sorted(without_truth.parent.rglob("*")) == before


def test_out(run, without_truth):
    out = without_truth.parent / "out"
    assert run("compare", without_truth, "--simulators", "fluid,packet", "--out", out)[0] == 0
    own = {f"{kind}_{name}" for kind in ("fct", "summary") for name in ("packet", "fluid")}
    assert {path.name for path in out.iterdir()} == BESIDE | {
        f"{name}.csv" if name.startswith("fct") else f"{name}.json" for name in own
    }
    rows = errors(out)
    assert list(rows) == ["packet", "fluid"]
    assert rows["packet"]["is_truth"] == "True"
    assert float(rows["fluid"]["mean_error"]) == pytest.approx(0.5)
    assert rows["fluid"]["num_compared"] == "3"
    assert (out / "fct_packet.csv").read_text().splitlines()[1] == "0,7352,3676,2.0"
    assert json.loads((out / "summary_fluid.json").read_text())["mean_slowdown"] == 1.0
    assert "| tiny | fluid | 50.0 % |" in (out / "summary.md").read_text()


def test_recorded_times_are_the_truth(run, tiny):
    out = tiny.parent / "out"
    assert run("compare", tiny, "--simulators", "packet, fluid", "--out", out)[0] == 0
    rows = errors(out)
    assert list(rows) == ["expected", "packet", "fluid"]
    # Flow 0: 4000 recorded, 3676 alone; flow 1 did not finish; flow 2: 3000, 2556.
    true = np.array([4000 / 3676, 3000 / 2556])
    assert float(rows["fluid"]["mean_error"]) == pytest.approx(np.mean(np.abs(1 - true) / true))
    assert rows["fluid"]["num_left_out"] == "1"
    assert rows["expected"]["wall_s"] == ""
    assert (out / "fct_expected.csv").read_text().splitlines()[2] == "1,,6000,"


@pytest.mark.parametrize("recorded", [True, False])
def test_the_output_can_be_compared_again(run, tiny, recorded):
    if not recorded:
        (tiny / "expected.csv").unlink()
    first, second = tiny.parent / "first", tiny.parent / "second"
    names = ["--simulators", "packet,fluid"]
    assert run("compare", tiny, *names, "--out", first)[0] == 0
    assert run("compare", first, *names, "--out", second)[0] == 0
    assert (second / "errors.csv").read_bytes() == (first / "errors.csv").read_bytes()
    assert (second / "scenario.yaml").read_bytes() == (first / "scenario.yaml").read_bytes()
    assert (first / "expected.csv").exists() == recorded
    assert run("compare", tiny, *names, "--out", first)[0] == 0


def test_one_simulator_against_recorded_times(run, tiny):
    assert run("compare", tiny, "--simulators", "fluid")[0] == 0


def test_settings_make_recorded_times_invalid(run, tiny):
    out = tiny.parent / "out"
    assert run("compare", tiny, "--set", "network.pfc=false", "--out", out)[0] == 0
    assert errors(out)["packet"]["is_truth"] == "True"
    assert m4.load_scenario(out).config.pfc is False


def test_options_go_to_the_simulators_that_have_them(run, tiny):
    arguments = ["--model", "big", "--device", "cpu"]
    assert run("compare", tiny, "--simulators", "packet,fluid,learned", *arguments)[0] == 0
    assert MADE == [("big", "cpu")]


BAD = {
    "unknown": (["--simulators", "packet,fluidd"], ["got 'fluidd'", "did you mean 'fluid'?"]),
    "empty": (["--simulators", ""], ["--simulators: expected names with commas", "got ''"]),
    "empty name": (["--simulators", "packet,,fluid"], ["--simulators", "got 'packet,,fluid'"]),
    "trailing comma": (["--simulators", "packet,"], ["--simulators", "got 'packet,'"]),
    "twice": (["--simulators", "packet,fluid,fluid"], ["each simulator once (got fluid twice)"]),
    "twice, other case": (["--simulators", "packet,Packet"], ["once (got packet twice)"]),
    "no truth": (
        ["--simulators", "fluid"],
        ["expected packet among the simulators", "expected.csv (got fl"],
    ),
    "no truth and --set": (["--simulators", "fluid", "--set", "seed=1"], ["and no --set (got fl"]),
    "truth alone": (
        ["--simulators", "packet"],
        ["expected a simulator besides packet (got packet)"],
    ),
    "nobody has the option": (
        ["--simulators", "packet,fluid", "--model", "x"],
        ["--model: expected a simulator that has this option (got packet, fluid)"],
    ),
    "bad option": (["--simulators", "packet,fluid", "--device", "warp"], ["device", "'warp'"]),
    "bad setting": (["--set", "network.pcf=1"], ["--set network.pcf", "did you mean 'pfc'?"]),
    "out is a file": (["--out", "tiny/flows.csv"], ["tiny/flows.csv", "got a file"]),
    "out is the scenario": (["--out", "tiny"], ["--out tiny", "the scenario's own"]),
    "out in a file": (["--out", "tiny/flows.csv/b"], ["expected tiny/flows.csv to be a folder"]),
    "out with recorded times": (["--out", "other"], ["--out other", "expected.csv"]),
}


def check(run, folder, arguments, status, parts, warned=""):
    before = {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}
    got, out, err = run(*arguments)
    assert (got, out) == (status, ""), err
    assert err.startswith(f"{warned}error: ")
    assert err.count("\n") == 1 + warned.count("\n")
    for part in parts:
        assert part in err
    after = {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}
    assert after == before


@pytest.mark.parametrize(("arguments", "parts"), BAD.values(), ids=BAD.keys())
def test_bad_arguments(run, without_truth, monkeypatch, arguments, parts):
    folder = without_truth.parent
    (folder / "other").mkdir()
    (folder / "other" / "expected.csv").write_text(EXPECTED)
    monkeypatch.chdir(folder)
    out = [] if "--out" in arguments else ["--out", "out"]
    check(run, folder, ["compare", "tiny", *arguments, *out], 2, parts)


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [([], ["SCENARIO"]), (["nowhere"], ["nowhere", "No such file"]), (["tiny", "x"], ["x"])],
)
def test_bad_commands(run, tiny, monkeypatch, arguments, parts):
    monkeypatch.chdir(tiny.parent)
    check(run, tiny.parent, ["compare", *arguments], 2, parts)


def test_a_bad_scenario(run, tiny):
    (tiny / "scenario.yaml").write_text(SCENARIO.replace("seed: 0", "sede: 0"))
    arguments = ["compare", tiny, "--out", tiny.parent / "out"]
    check(run, tiny.parent, arguments, 2, ["scenario.yaml: sede: unknown key"])


def test_a_forgotten_flow_is_a_failure(run, without_truth):
    arguments = ["compare", without_truth, "--model", "forgets one"]
    arguments += ["--out", without_truth.parent / "out"]
    warned = "warning: learned: 1 of 3 flows did not finish\n"
    check(run, without_truth.parent, arguments, 1, ["a prediction for each flow"], warned)


@pytest.mark.parametrize(
    "fails", ["m4graph.evaluation.report.Report.plot", "m4graph.core.files.os.replace"]
)
def test_a_failure_while_writing_leaves_nothing(run, without_truth, monkeypatch, fails):
    def no_space(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fails, no_space)
    arguments = ["compare", without_truth, "--out", without_truth.parent / "out"]
    check(run, without_truth.parent, arguments, 1, ["No space left"])
