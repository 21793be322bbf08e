"""Runners: labels, options, refusals, and an identity that follows the code."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from m4graph.core import compilation
from m4graph.core.errors import ConfigError, InputError, SimulationError
from m4graph.simulators import Refusal, Runner, Simulator, labelled_runners, make_runners
from m4graph.testing import tiny_scenario
from m4graph.zoo import default_model_name, find_checkpoint


@pytest.fixture
def touch(monkeypatch):
    """Makes a source look changed: ``touch("m4graph/estimate/maxmin/filling.py")``."""
    whole = Path.read_bytes

    def change(name: str) -> None:
        def changed(path: Path) -> bytes:
            extra = b"\n# changed\n" if path.as_posix().endswith(name) else b""
            return whole(path) + extra

        compilation.source_digest.cache_clear()
        monkeypatch.setattr(Path, "read_bytes", changed)

    yield change
    compilation.source_digest.cache_clear()


def identities() -> dict[str, str]:
    names = ["packet", "fluid", "learned", "parsimon"]
    return {each.label: each.identity() for each in make_runners(names)}


@pytest.mark.parametrize(
    ("source", "changed"),
    [
        ("m4graph/estimate/maxmin/filling.py", {"fluid", "learned"}),
        ("m4graph/simulators/packet/congestion/dctcp.py", {"packet", "parsimon"}),
        ("m4graph/simulators/parsimon/passes.py", {"parsimon"}),
        ("m4graph/nn/conv.py", {"learned"}),
        ("m4graph/simulators/session/session.py", {"packet", "fluid", "learned", "parsimon"}),
        ("m4graph/evaluation/report.py", set()),
    ],
)
def test_the_identity_follows_the_code(touch, source, changed):
    before = identities()
    assert identities() == before
    assert any(path.as_posix().endswith(source) for path in Path("m4graph").rglob("*.py"))
    touch(source)
    after = identities()
    assert {name for name in before if before[name] != after[name]} == changed


def test_the_identity_follows_options_and_weights(touch):
    default = Runner("learned", "learned").identity()
    named = Runner("learned", "learned", {"model": default_model_name(), "engine": "auto"})
    assert named.identity() == default
    assert Runner("learned", "learned", {"engine": "torch"}).identity() != default
    touch((find_checkpoint() / "model.safetensors").as_posix())
    assert Runner("learned", "learned").identity() != default


def test_the_identity_does_not_follow_what_changes_no_bit():
    default = Runner("parsimon", "parsimon").identity()
    assert Runner("parsimon", "parsimon", {"jobs": 3, "backend": "loky"}).identity() == default
    assert Runner("parsimon", "parsimon", {"passes": 1}).identity() != default


def test_labels_of_ones_own():
    blocks = {"one": {"kind": "Parsimon", "passes": 1}, "other": {"kind": "parsimon"}}
    one, other = labelled_runners(blocks, {"parsimon": {"passes": 2, "jobs": 1}})
    assert (one.label, one.simulator, one.options["passes"]) == ("one", "parsimon", 1)
    assert (other.options["passes"], other.options["jobs"]) == (2, 1)
    assert one.run(tiny_scenario()).simulator == "one"


def test_a_simulator_from_a_shell_has_an_identity(monkeypatch):
    class Typed(Simulator):
        name = "typed"

        def run(self, scenario, progress=None):
            raise NotImplementedError

    Typed.__module__ = "__main__"
    monkeypatch.setattr("__main__.__file__", None, raising=False)
    monkeypatch.setattr("m4graph.simulators.base.SIMULATORS._objects", {"typed": Typed})
    assert len(Runner("typed", "typed").identity()) == 64


def test_the_label_goes_with_the_result_and_to_workers():
    runner = pickle.loads(pickle.dumps(Runner("max-min", "fluid", {"scope": "full"})))
    assert runner.run(tiny_scenario()).simulator == "max-min"
    assert runner.build() is runner.build()


def test_refusals_are_no_failures():
    fault = {"link": [0, 4], "kind": "down", "at_us": 1}
    with pytest.raises(Refusal, match=r"faults\.0: expected .* with the fluid simulator"):
        Runner("fluid", "fluid").run(tiny_scenario(faults=[fault]))
    with pytest.raises(InputError, match="scope") as bad:
        Runner("fluid", "fluid", {"scope": "none"}).run(tiny_scenario())
    assert not isinstance(bad.value, Refusal)


def test_failures_are_no_refusals(monkeypatch):
    def fails(self, scenario, progress=None):
        raise SimulationError("flow 1: expected an end (got none)")

    monkeypatch.setattr("m4graph.simulators.fluid.FluidSimulator.run", fails)
    with pytest.raises(SimulationError, match="flow 1"):
        Runner("fluid", "fluid").run(tiny_scenario())


def test_names_are_forgiven_and_options_given_once():
    assert [each.label for each in make_runners(["Fluid", "packet"])] == ["fluid", "packet"]
    with pytest.raises(ConfigError, match=r"each simulator once \(got fluid twice\)"):
        make_runners(["Fluid", "fluid"])
    with pytest.raises(
        ConfigError, match=r"--engine: expected it once \(got --option learned\.engine, too\)"
    ):
        make_runners(["learned"], options={"engine": "a"}, own_options={"learned": {"engine": "b"}})
    (learned,) = make_runners(
        ["learned"], ["m4graph"], own_options={"learned": {"engine": "torch"}}
    )
    said = {"model": "m4graph", "engine": "torch", "device": "cpu"}
    assert learned.options == said | {"max_hours": 24.0}
