"""The command ``m4graph compile``: what simulators announce is run, and found by name."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from m4graph.cli.app import main
from m4graph.scenario.sample import sample_scenario
from m4graph.simulators import SIMULATORS, Simulator, simulate
from m4graph.simulators.packet import PacketSimulator
from m4graph.simulators.packet.congestion import CONGESTION_KERNELS


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a simulator that is registered here has been asked to compile."""
    made: list[str] = []

    class Toy(Simulator):
        name = "toy"

        @classmethod
        def warm_ups(cls, every: bool):
            names = ["toy/one", "toy/two", "toy/two/odd"] if every else ["toy/one", "toy/two"]
            return {name: partial(made.append, name) for name in names}

        def run(self, scenario, progress=None):
            raise NotImplementedError

    resolve, names = SIMULATORS.resolve, SIMULATORS.names
    monkeypatch.setattr(SIMULATORS, "resolve", lambda name: Toy if name == "toy" else resolve(name))
    monkeypatch.setattr(SIMULATORS, "names", lambda: [*names(), "toy"])
    return made


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["toy"], ["toy/one", "toy/two"]),
        (["toy/two"], ["toy/two"]),
        (["toy/two", "--all"], ["toy/two", "toy/two/odd"]),
        (["toy/one", "toy"], ["toy/one", "toy/two"]),
    ],
)
def test_names_choose(arguments, expected, calls, capsys) -> None:
    assert main(["compile", *arguments]) == 0
    assert calls == expected
    printed = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in printed] == expected


def test_an_unknown_name_lists_the_known_ones(calls, capsys) -> None:
    assert main(["compile", "toy/three"]) == 2
    assert "compile: expected one of toy/one, toy/two (got 'toy/three')" in capsys.readouterr().err
    assert main(["compile", "no_such"]) == 2
    assert "packet" in capsys.readouterr().err
    assert calls == []


def test_packet_has_all_algorithms_and_with_all_their_variants() -> None:
    kinds = CONGESTION_KERNELS.names()
    assert list(PacketSimulator.warm_ups(every=False)) == [f"packet/{kind}" for kind in kinds]
    every = list(PacketSimulator.warm_ups(every=True))
    assert len(every) == 16 * len(kinds) + 16 * len(("dctcp", "dcqcn", "timely"))
    assert "packet/dcqcn/ps+spray" in every
    assert "packet/newreno/spray" not in every
    assert "packet/hpcc/ps+drop_tail+faults+recording" in every


@pytest.mark.parametrize("name", ["packet/dctcp", "packet/dctcp/faults"])
def test_a_warm_up_compiles_what_a_run_needs(name: str) -> None:
    PacketSimulator.warm_ups(every=True)[name]()
    fault = {"kind": "loss", "link": [0, 3], "probability": 0.5}
    faults = [fault] if "faults" in name else []
    result = simulate(sample_scenario("dctcp", faults=faults), "packet")
    assert result.compile_s < 1.0
    assert np.any(result.finished)
