"""Odd values under every key give a result or a clean error, never a traceback."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import yaml

from m4graph.cli.app import main

from .conftest import SCENARIO

VALUES = [
    None, True, -1, 0, 7, 1.5, float("nan"), float("inf"), 10**30, "", "x", "nan", [], [1], [[]],
    {}, {"a": 1}, {"kind": "file"}, {"kind": None}, {"file": "flows.csv"}, {"kind": "fixed"},
]  # fmt: skip

TINY = yaml.safe_load(SCENARIO)
GENERATED = {
    "topology": {"kind": "star", "num_hosts": 4, "gbps": 10, "delay_ns": 1000},
    "workload": {
        "kind": "generated",
        "sizes": {"kind": "fixed", "size_bytes": 1000},
        "load": 0.5,
        "num_flows": 3,
        "seed": 1,
        "arrivals": {"kind": "log_normal", "sigma": 1.0},
        "matrix": {"kind": "incast", "fan_in": 2, "dst": 0},
        "start_ns": 0,
    },
    "congestion_control": {"kind": "dctcp"},
}


def paths(block, prefix=()):
    for key, value in block.items():
        yield (*prefix, key)
        if isinstance(value, dict):
            yield from paths(value, (*prefix, key))


@pytest.mark.parametrize("scenario", [TINY, GENERATED], ids=["tables", "generated"])
def test_odd_values(run, tiny, scenario):
    (tiny / "expected.csv").unlink()
    outcomes = set()
    for path in paths(scenario):
        for value in VALUES:
            changed = copy.deepcopy(scenario)
            block = changed
            for key in path[:-1]:
                block = block[key]
            block[path[-1]] = value
            (tiny / "scenario.yaml").write_text(yaml.safe_dump(changed))
            status, out, err = run("simulate", tiny)
            outcomes.add(status)
            what = f"{'.'.join(path)}={value!r}: {err}"
            assert status in (0, 2), what
            assert (status == 0) == bool(out), what
            assert err.count("\n") == (status == 2), what
    assert outcomes == {0, 2}


def test_an_end_of_file_is_no_interruption(tiny, monkeypatch, capsys):
    def ends(*arguments):
        raise EOFError("Ran out of input")

    monkeypatch.setattr("m4graph.scenario.files.load_scenario", ends)
    assert main(["simulate", str(tiny), "--simulator", "fluid"]) == 1
    assert capsys.readouterr().err == "error: a file ended too soon (Ran out of input)\n"


@pytest.mark.parametrize("name", ["scenario.yaml", "seed.yaml"])
def test_aliases_that_stand_for_a_billion_values(capsys, name):
    bomb = Path(__file__).parents[1] / "data" / "cases" / "yaml-bomb" / name
    assert main(["simulate", str(bomb), "--simulator", "fluid"]) == 2
    said = capsys.readouterr().err
    assert "got aliases that repeat more than 100000 values" in said
    assert said.count("\n") == 1
