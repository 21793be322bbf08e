"""Suites from files, and what is said of bad ones."""

from __future__ import annotations

from pathlib import Path

import pytest

import m4graph as m4
from m4graph.core.errors import ConfigError, InputError
from m4graph.evaluation.suites import load_suite

REFERENCE = Path(__file__).parents[1] / "data" / "reference"

SUITE = """\
name: own
base:
  topology: {kind: star, num_hosts: 3}
  workload: {kind: generated, num_flows: 5}
  congestion_control: dctcp
scenarios:
  - {name: a}
  - {name: b, workload: {kind: generated, num_flows: 7}, seed: 1}
"""


def write(tmp_path, text):
    path = tmp_path / "own.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_yaml(tmp_path):
    suite = load_suite(write(tmp_path, SUITE))
    assert suite.name == "own"
    first, second = (case.build() for case in suite.cases)
    assert (first.name, first.num_flows, first.seed) == ("a", 5, 0)
    assert (second.name, second.num_flows, second.seed) == ("b", 7, 1)


def test_folder_of_folders():
    suite = load_suite(REFERENCE)
    names = [case.name for case in suite.cases]
    assert names == sorted(path.parent.name for path in REFERENCE.glob("*/scenario.yaml"))
    scenario = suite.cases[names.index("a03_two_to_one_dctcp")].build()
    assert scenario.name == "a03_two_to_one_dctcp"
    assert scenario.expected is not None
    assert suite.cases[names.index("a03_two_to_one_dctcp")].labels["algorithm"] == "dctcp"


def test_folder_names_name_the_scenarios(tmp_path):
    network = m4.topology.star(3)
    flows = m4.workload.generate(network, num_flows=4)
    for folder in ("one", "two"):
        scenario = m4.Scenario(network, flows, "timely", name="same")
        m4.save_scenario(scenario, tmp_path / folder)
    assert [case.build().name for case in load_suite(tmp_path).cases] == ["one", "two"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: x\n", r"own\.yaml: scenarios: missing key"),
        ("name: x\nscenarios: []\n", r"own\.yaml: scenarios: expected"),
        (SUITE.replace("{name: a}", "{}"), r"scenarios\.0\.name: expected a name \(got none\)"),
        (SUITE.replace("name: b", "name: a"), r"different names \(got two a\)"),
        (SUITE.replace("seed: 1", "sede: 1"), r"scenarios\.1\.sede: unknown key"),
        (
            SUITE.replace("{name: a}", "{name: a, workload: {file: flows.csv}}"),
            r"scenarios\.0\.workload\.file: expected a generator",
        ),
    ],
)
def test_bad_yaml(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message):
        load_suite(write(tmp_path, text))


def test_bad_names(tmp_path):
    with pytest.raises(ConfigError, match=r"expected one of ablation, .*smoke.* \(got 'smoak'\)"):
        load_suite("smoak")
    with pytest.raises(ConfigError, match=r"expected folders with a scenario\.yaml each"):
        load_suite(tmp_path)
    with pytest.raises(InputError, match=r"none\.yaml"):
        load_suite(tmp_path / "none.yaml")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "scenario.yaml").write_text("topology: 3\n")
    with pytest.raises(ConfigError, match=r"bad/scenario\.yaml: .*topology"):
        load_suite(tmp_path)
