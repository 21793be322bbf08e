"""Running suites: truth, labels, the cache, and going on after an interruption."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest

import m4graph as m4
from m4graph.core.errors import ConfigError, SimulationError
from m4graph.core.registry import Registry
from m4graph.evaluation.suites import Case, Suite, SuiteReport, make_runners, run_suite
from m4graph.evaluation.suites.store import cache_folder, load_result, save_result, scenario_digest
from m4graph.results import SimulationResult
from m4graph.scenario.cautions import Caution
from m4graph.simulators import SIMULATORS, Simulator

RUNS: list[tuple[str, str]] = []


WEIGHTS: list[Path] = []

CASES = Path(__file__).parents[1] / "data" / "cases"


class Scaled(Simulator):
    """Every slowdown is a number that the subclass, or the model, says."""

    name = "packet"
    is_deterministic = True
    slowdown = 2.0

    def run(self, scenario, progress=None):
        if self.name in scenario.name:
            raise ConfigError(f"name: expected one without {self.name}")
        RUNS.append((self.name, scenario.name))
        return SimulationResult(
            simulator=self.name,
            flow_id=scenario.workload.id,
            fct_ns=np.rint(scenario.ideal_fct_ns * self.slowdown).astype(np.int64),
            ideal_fct_ns=scenario.ideal_fct_ns,
            num_events=2 * scenario.num_flows,
            wall_s=0.25,
            compile_s=0.0,
            packet_hops=10,
            scenario=scenario,
        )


class Fluid(Scaled):
    name = "fluid"
    slowdown = 1.0


class Plugin(Scaled):
    name = "plugin"
    is_deterministic = False

    def __init__(self, model: str = "its own") -> None:
        self.slowdown = {"its own": 1.2, "good": 2.0}[model]


class Learned(Scaled):
    name = "learned"
    is_deterministic = False

    @classmethod
    def resolve_options(cls, options):
        return {"model": "zoo"} | super().resolve_options(options)

    @classmethod
    def input_files(cls, options):
        return [path for path in WEIGHTS if path.exists()]

    def __init__(self, model: str, device: str = "cpu") -> None:
        self.slowdown = {"zoo": 1.5, "good": 2.0, "bad": 1.0}[model.rpartition("/")[2]]


@pytest.fixture(autouse=True)
def toys(monkeypatch, tmp_path):
    registry = Registry("simulator", dict.fromkeys(("packet", "fluid", "learned"), "none:none"))
    registry.register("plugin", Plugin)
    registry._objects.update({"packet": Scaled, "fluid": Fluid, "learned": Learned})
    monkeypatch.setattr("m4graph.simulators.base.SIMULATORS", registry)
    monkeypatch.setattr("m4graph.simulators.SIMULATORS", registry)
    monkeypatch.setattr("m4graph.evaluation.plots.figure.SIMULATORS", registry)
    monkeypatch.setenv("M4GRAPH_CACHE", str(tmp_path / "cache"))
    RUNS.clear()
    WEIGHTS[:] = [tmp_path / "model.safetensors"]


def case(name, num_flows=6, **blocks):
    workload = {"kind": "generated", "sizes": "web_server", "num_flows": num_flows}
    topology = {"kind": "star", "num_hosts": 4}
    description = {"topology": topology, "workload": workload, "congestion_control": "dctcp"}
    return Case(name, description | blocks)


SUITE = Suite("tiny", (case("a"), case("b", 9, congestion_control="timely")))


def test_errors_and_order():
    done = []
    runners = make_runners(["fluid", "packet", "learned"])
    records = run_suite(SUITE, runners, progress=lambda *counts: done.append(counts))
    assert done == [(1, 2), (2, 2)]
    assert [record.scenario for record in records] == ["a", "b"]
    names = [row["simulator"] for row in records[1].rows]
    assert names == ["packet", "fluid", "learned"]
    truth, fluid, learned = records[1].rows
    assert truth["is_truth"]
    assert np.isnan(truth["mean_error"])
    assert fluid["mean_error"] == pytest.approx(0.5, abs=1e-3)
    assert learned["p90_error"] == pytest.approx(0.25, abs=1e-3)
    assert (learned["algorithm"], learned["num_compared"]) == ("timely", 9)


def test_results_of_deterministic_simulators_are_kept():
    runners = make_runners(["packet", "fluid", "learned"])
    first = run_suite(SUITE, runners)
    assert len(RUNS) == 6
    RUNS.clear()
    again = run_suite(SUITE, runners)
    assert RUNS == [("learned", "a"), ("learned", "b")]
    assert repr(first) == repr(again)


def test_another_scenario_is_not_in_the_cache():
    runners = make_runners(["packet", "fluid"])
    run_suite(SUITE, runners)
    RUNS.clear()
    changed = case("b", 9, congestion_control={"kind": "timely", "t_low_us": 41})
    run_suite(Suite("tiny", (case("renamed"), changed)), runners)
    assert RUNS == [("packet", "b"), ("fluid", "b")]


def test_another_source_is_not_in_the_cache(monkeypatch):
    runners = make_runners(["packet", "fluid"])
    run_suite(SUITE, runners)
    RUNS.clear()
    monkeypatch.setattr("m4graph.simulators.runner.source_digest", lambda *modules: "new")
    run_suite(SUITE, runners)
    assert [name for name, _ in RUNS] == ["packet", "fluid"] * 2


def test_other_options_are_not_in_the_cache(monkeypatch):
    monkeypatch.setattr(Fluid, "__init__", lambda self, scope="affected": None)
    run_suite(SUITE, make_runners(["packet", "fluid"]))
    RUNS.clear()
    other = make_runners(["packet", "fluid"], own_options={"fluid": {"scope": "full"}})
    assert other[1].options == {"scope": "full"}
    run_suite(SUITE, other)
    assert [name for name, _ in RUNS] == ["fluid"] * 2


def test_what_a_simulator_refuses_is_left_out_and_counted(tmp_path):
    suite = Suite("tiny", (case("a"), case("no fluid", 7), case("no learned, no fluid", 8)))
    runners = make_runners(["packet", "learned", "fluid"])
    records = run_suite(suite, runners, folder=tmp_path / "out")
    assert [[row["simulator"] for row in record.rows] for record in records] == [
        ["packet", "learned", "fluid"],
        ["packet", "learned"],
        ["packet"],
    ]
    report = SuiteReport("tiny", records, {})
    assert report.refusals.lines() == [
        "left out: fluid in 2 of 3 scenarios (first no fluid: name: expected one without fluid)",
        "left out: learned in 1 of 3 scenarios "
        "(first no learned, no fluid: name: expected one without learned)",
    ]
    metrics = report.metrics()
    assert {name: row["num_refused"] for name, row in metrics.items()} == {
        "packet": 0,
        "learned": 1,
        "fluid": 2,
    }
    assert [row["num_scenarios"] for row in metrics.values()] == [3, 2, 1]
    report.save(tmp_path / "out")
    assert all(
        line in (tmp_path / "out/summary.md").read_text() for line in report.refusals.lines()
    )


def test_a_simulator_that_refuses_everything_has_no_errors():
    runners = make_runners(["packet", "fluid", "learned"])
    report = SuiteReport("tiny", run_suite(Suite("tiny", (case("no fluid", 7),)), runners), {})
    metrics = report.metrics()
    assert list(metrics) == ["packet", "learned", "fluid"]
    assert (metrics["fluid"]["num_scenarios"], metrics["fluid"]["num_refused"]) == (0, 1)
    assert metrics["fluid"]["is_truth"] is False
    assert metrics["fluid"]["mean_error"] is metrics["fluid"]["wall_s"] is None
    assert metrics["learned"]["mean_error_to_fluid"] is None


def test_a_ratio_is_of_the_scenarios_that_both_can_do(monkeypatch):
    whole = Learned.run

    def is_right_without_fluid(self, scenario, progress=None):
        self.slowdown = 2.0 if "fluid" in scenario.name else 1.5
        return whole(self, scenario, progress)

    monkeypatch.setattr(Learned, "run", is_right_without_fluid)
    suite = Suite("tiny", (case("a"), case("no fluid", 7)))
    report = SuiteReport("tiny", run_suite(suite, make_runners(["packet", "fluid", "learned"])), {})
    learned = report.metrics()["learned"]
    assert learned["mean_error"] == pytest.approx(0.125, abs=1e-3)
    assert learned["mean_error_to_fluid"] == pytest.approx(0.5, abs=1e-3)


def test_a_truth_that_refuses_is_an_error():
    with pytest.raises(ConfigError, match="scenario no packet: name: expected one without packet"):
        run_suite(Suite("tiny", (case("no packet"),)), make_runners(["packet", "fluid"]))


def test_a_run_goes_on_where_it_stopped(tmp_path, monkeypatch):
    runners = make_runners(["packet", "learned"])
    whole = Learned.run

    def fails(self, scenario, progress=None):
        if scenario.name == "b":
            raise SimulationError("stopped")
        return whole(self, scenario, progress)

    monkeypatch.setattr(Learned, "run", fails)
    with pytest.raises(SimulationError, match="stopped"):
        run_suite(SUITE, runners, folder=tmp_path / "out")
    monkeypatch.setattr(Learned, "run", whole)
    shutil.rmtree(tmp_path / "cache")
    RUNS.clear()
    resumed = run_suite(SUITE, runners, folder=tmp_path / "out")
    assert RUNS == [("learned", "b")]
    fresh = run_suite(SUITE, runners)
    assert repr(resumed) == repr(fresh)
    stored = tmp_path / "out" / "results" / "learned" / "b.npz"
    with np.load(stored) as arrays:
        assert len(arrays["fct_ns"]) == len(arrays["size_bytes"]) == 9


def test_other_weights_run_anew(tmp_path):
    out = tmp_path / "out"
    runners = make_runners(["packet", "learned"])
    (tmp_path / "model.safetensors").write_bytes(b"old")
    run_suite(SUITE, runners, folder=out)
    RUNS.clear()
    run_suite(SUITE, runners, folder=out)
    assert RUNS == []
    (tmp_path / "model.safetensors").write_bytes(b"new")
    run_suite(SUITE, runners, folder=out)
    assert RUNS == [("learned", "a"), ("learned", "b")]


def test_several_models_have_labels(tmp_path):
    runners = make_runners(["packet", "learned"], ["good", "runs/bad"])
    assert [runner.label for runner in runners] == ["packet", "learned:good", "learned:runs/bad"]
    (record, _) = run_suite(SUITE, runners, folder=tmp_path / "out")
    errors = {row["simulator"]: row["mean_error"] for row in record.rows}
    assert errors["learned:good"] == pytest.approx(0, abs=1e-9)
    assert errors["learned:runs/bad"] == pytest.approx(0.5, abs=1e-3)
    assert make_runners(["learned"], ["good"])[0].label == "learned"


def test_each_class_has_its_own_default_model():
    learned, plugin = make_runners(["learned", "plugin"])
    assert learned.options == {"model": "zoo", "device": "cpu"}
    assert plugin.options == {"model": "its own"}
    assert make_runners(["plugin"], ["good"])[0].options == {"model": "good"}
    assert len(run_suite(SUITE, make_runners(["packet", "plugin"]))) == 2


def test_odd_names_stay_in_the_folder(tmp_path):
    out = tmp_path / "deep" / "out"
    out.parent.mkdir()
    suite = Suite("odd", (case("../a"), case("x y/b")))
    run_suite(suite, make_runners(["packet", "learned"], ["../good"]), folder=out)
    assert [path.name for path in out.parent.iterdir()] == ["out"]
    assert len(list((out / "results").glob("*/*.npz"))) == 4


def test_options_go_where_they_belong():
    packet, learned = make_runners(["packet", "learned"], options={"device": "cuda"})
    assert packet.options == {}
    assert learned.options == {"model": "zoo", "device": "cuda"}
    with pytest.raises(ConfigError, match=r"--device: expected .* \(got packet, fluid\)"):
        make_runners(["packet", "fluid"], options={"device": "cuda", "engine": None})
    with pytest.raises(ConfigError, match="--model: expected a simulator that has this option"):
        make_runners(["packet", "fluid"], ["good"])
    with pytest.raises(ConfigError, match="expected each simulator once \\(got fluid twice"):
        make_runners(["fluid", "packet", "fluid"])


def test_recorded_times_are_the_truth(tmp_path):
    scenario = case("a").build()
    expected = m4.simulate(scenario, Fluid())
    folder = tmp_path / "suite" / "a"
    folder.parent.mkdir()
    m4.save_scenario(scenario, folder)
    expected.to_file(folder / "expected.csv")
    suite = Suite("recorded", (Case("a", case("a").description, folder),))
    (record,) = run_suite(suite, make_runners(["packet"]))
    truth, packet = record.rows
    assert (truth["simulator"], packet["simulator"]) == ("expected", "packet")
    assert packet["mean_error"] == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["fluid"], r"scenario a: expected packet among the simulators.* \(got fluid\)"),
        (["packet"], r"scenario a: expected a simulator besides packet \(got packet\)"),
    ],
)
def test_without_truth_or_guess(names, message):
    with pytest.raises(ConfigError, match=message):
        run_suite(SUITE, make_runners(names))


def test_warnings_come_along(monkeypatch):
    def warns(self, scenario, progress=None):
        warnings.warn("a guess", stacklevel=1)
        return Scaled.run(self, scenario, progress)

    monkeypatch.setattr(Learned, "run", warns)
    records = run_suite(SUITE, make_runners(["packet", "learned"]))
    assert [record.warnings for record in records] == [("a guess",)] * 2


def test_damaged_and_foreign_files_are_no_results(tmp_path):
    scenario = case("a").build()
    result = Scaled().run(scenario)
    path = tmp_path / "new" / "a.npz"
    save_result(path, "key", result)
    assert [file.name for file in path.parent.iterdir()] == ["a.npz"]
    back = load_result([tmp_path / "none.npz", path], "key", "other", scenario)
    assert (back.simulator, back.wall_s, back.num_events, back.packet_hops) == (
        "other",
        0.25,
        12,
        10,
    )
    assert (back.fct_ns == result.fct_ns).all()
    assert load_result([path], "another key", "other", scenario) is None
    path.write_bytes(path.read_bytes()[:-40])
    assert load_result([path], "key", "other", scenario) is None


@pytest.mark.parametrize("kind", ["NotImplementedError", "RuntimeError", "error"])
def test_damaged_results_are_told_in_one_line_and_removed(tmp_path, capsys, kind):
    path = tmp_path / "a.npz"
    shutil.copy(CASES / "cache-damaged" / f"{kind}.npz", path)
    assert load_result([path], "key", "other", case("a").build()) is None
    assert not path.exists()
    said = capsys.readouterr().err
    assert said.startswith(f"m4graph: {path}: expected a stored result (got ")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [("fct_ns", np.full(6, -5)), ("start_ns", np.zeros(3, np.int64)), ("fct_ns", np.ones(6))],
)
def test_results_of_other_flows_are_made_anew(tmp_path, name, value):
    scenario, path = case("a").build(), tmp_path / "a.npz"
    save_result(path, "key", Scaled().run(scenario))
    with np.load(path) as stored:
        arrays = dict(stored)
    np.savez_compressed(path, **arrays | {name: value})
    assert load_result([path], "key", "other", scenario) is None


def test_the_digest_sees_everything_but_the_name():
    base = case("a").build()
    assert scenario_digest(base) == scenario_digest(case("other").build())
    others = [
        base.replace(seed=1),
        base.replace(config={"pfc": False}),
        base.replace(congestion_control={"kind": "dctcp", "gain": 0.5}),
        base.replace(network=m4.topology.star(4, delay_ns=2000)),
        base.replace(routing={"convergence_us": 50}),
        base.replace(workload=m4.workload.closed_loop(base.workload, 1)),
        base.replace(workload=m4.workload.closed_loop(base.workload, 2)),
        base.replace(stop_ns=1000),
        base.replace(faults=[{"kind": "down", "link": [0, 4], "at_us": 1}]),
    ]
    digests = {scenario_digest(each) for each in [base, *others]}
    assert len(digests) == len(others) + 1


def test_cache_folder(monkeypatch):
    monkeypatch.delenv("M4GRAPH_CACHE")
    assert cache_folder().parts[-2:] == (".cache", "m4graph")


def test_toys_stand_in_for_what_is_registered():
    assert set(SIMULATORS.names()) >= {"packet", "fluid", "learned"}


def test_a_suite_with_small_windows_is_quiet():
    window = {"kind": "dctcp", "init_window_bytes": 1000}
    topology = {"kind": "star", "num_hosts": 4, "delay_ns": 10**6}
    small = case("small", topology=topology, congestion_control=window)
    runners = make_runners(["packet", "fluid"])
    with pytest.warns(Caution, match="a window of 1000 bytes is below"):
        runners[0].run(small.build())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        records = run_suite(Suite("tiny", (small,)), runners)
    assert [record.warnings for record in records] == [()]
