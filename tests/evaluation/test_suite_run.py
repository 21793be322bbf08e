"""Running suites: truth, labels, the cache, and going on after an interruption."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

import m4graph as m4
from m4graph.core.errors import ConfigError, SimulationError
from m4graph.core.registry import Registry
from m4graph.evaluation.suites import Case, Suite, make_runners, run_suite
from m4graph.evaluation.suites.store import cache_folder, load_result, save_result, scenario_digest
from m4graph.results import SimulationResult
from m4graph.simulators import SIMULATORS, Simulator

RUNS: list[tuple[str, str]] = []


class Scaled(Simulator):
    """Every slowdown is a number that the subclass, or the model, says."""

    name = "packet"
    slowdown = 2.0

    def run(self, scenario, progress=None):
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

    def __init__(self, model: str = "its own") -> None:
        self.slowdown = {"its own": 1.2, "good": 2.0}[model]


class Learned(Scaled):
    name = "learned"

    def __init__(self, model: str = "zoo", device: str = "cpu") -> None:
        self.slowdown = {"zoo": 1.5, "good": 2.0, "bad": 1.0}[model.rpartition("/")[2]]


@pytest.fixture(autouse=True)
def toys(monkeypatch, tmp_path):
    registry = Registry("simulator", dict.fromkeys(("packet", "fluid", "learned"), "none:none"))
    registry.register("plugin", Plugin)
    registry._objects.update({"packet": Scaled, "fluid": Fluid, "learned": Learned})
    monkeypatch.setattr("m4graph.simulators.base.SIMULATORS", registry)
    monkeypatch.setattr("m4graph.simulators.SIMULATORS", registry)
    monkeypatch.setattr("m4graph.evaluation.suites.runner.default_model_name", lambda: "zoo")
    monkeypatch.setattr("m4graph.evaluation.suites.runner.find_checkpoint", lambda name: tmp_path)
    monkeypatch.setenv("M4GRAPH_CACHE", str(tmp_path / "cache"))
    RUNS.clear()


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


def test_results_of_packet_and_fluid_are_kept():
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
    run_suite(SUITE, make_runners(["packet", "fluid"]))
    RUNS.clear()
    monkeypatch.setattr(
        "m4graph.evaluation.suites.runner.source_digest",
        lambda package: "new" if package.endswith("packet") else "fluid's",
    )
    run_suite(SUITE, make_runners(["packet"]) + make_runners(["learned"]))
    assert [name for name, _ in RUNS if name == "packet"] == ["packet"] * 2


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


def test_a_plugin_has_a_default_model_of_its_own():
    learned, plugin = make_runners(["learned", "plugin"])
    assert dict(learned.options) == {"model": "zoo"}
    assert plugin.options == ()
    assert dict(make_runners(["plugin"], ["good"])[0].options) == {"model": "good"}
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
    assert packet.options == ()
    assert dict(learned.options) == {"model": "zoo", "device": "cuda"}
    with pytest.raises(ConfigError, match=r"--device: expected .* \(got packet, fluid\)"):
        make_runners(["packet", "fluid"], options={"device": "cuda", "engine": None})
    with pytest.raises(ConfigError, match="--model: expected a simulator that has this option"):
        make_runners(["packet", "fluid"], ["good"])
    with pytest.raises(ConfigError, match="expected each once \\(got fluid twice"):
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
        import warnings

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
        base.replace(faults=[{"kind": "down", "link": [0, 4], "at_us": 1}]),
    ]
    digests = {scenario_digest(each) for each in [base, *others]}
    assert len(digests) == len(others) + 1


def test_cache_folder(monkeypatch):
    monkeypatch.delenv("M4GRAPH_CACHE")
    assert cache_folder().parts[-2:] == (".cache", "m4graph")


def test_toys_stand_in_for_what_is_registered():
    assert set(SIMULATORS.names()) >= {"packet", "fluid", "learned"}
