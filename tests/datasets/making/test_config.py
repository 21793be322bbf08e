from __future__ import annotations

import pytest

from m4graph.core.errors import ConfigError
from m4graph.core.rng import EVALUATION_SEEDS, TRAIN_SEEDS
from m4graph.core.schema import KeyProblem
from m4graph.core.yaml_file import Override
from m4graph.datasets.making.config import GenerateConfig, load_config

from ..conftest import TINY


def tiny(**changes):
    return {**TINY, **changes}


def blocks(**changes):
    return tiny(scenario={**TINY["scenario"], **changes})


def test_scenario_depends_on_seed_and_number_alone(config):
    more = GenerateConfig.parse(tiny(num_scenarios=100))
    assert [config.describe(index) for index in range(4)] == [
        more.describe(index) for index in range(4)
    ]
    assert config.describe(0) != config.describe(1)
    other = GenerateConfig.parse(tiny(seed=4))
    assert other.describe(0)["seed"] != config.describe(0)["seed"]
    assert other.describe(0)["workload"] != config.describe(0)["workload"]


def test_description(config):
    description = config.describe(2)
    assert description["name"] == "tiny_000002"
    assert description["topology"]["num_hosts"] in (3, 4, 5)
    assert description["workload"]["sizes"]["size_bytes"] in (900, 5000)
    assert description["workload"]["num_flows"] == 20


def test_scenario_seeds_are_different_training_seeds():
    config = GenerateConfig.parse(tiny(num_scenarios=len(TRAIN_SEEDS)))
    seeds = {config.scenario_seed(index) for index in range(0, len(TRAIN_SEEDS), 997)}
    seeds |= {config.scenario_seed(len(TRAIN_SEEDS) - 1)}
    assert len(seeds) == len(range(0, len(TRAIN_SEEDS), 997)) + 1
    assert all(seed in TRAIN_SEEDS for seed in seeds)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (tiny(seed=EVALUATION_SEEDS[0]), "seed: expected a seed outside 1000000 to 1999999"),
        (tiny(seed=-1), "seed: expected at least 0"),
        (tiny(num_scenarios=0), "num_scenarios: expected at least 1"),
        (tiny(num_scenarios=2.5), "num_scenarios: expected an integer"),
        (tiny(num_scenarios=10**6 + 1), "num_scenarios: expected at most 1000000"),
        (tiny(name="a/b"), "name: "),
        (tiny(name=""), "name: "),
        (tiny(scenarios={}), "scenarios: unknown key"),
        (tiny(scenario=[]), "scenario: expected a block of keys"),
        (tiny(scenario={}), "scenario.topology: missing key"),
        (blocks(topolgy={}), "scenario.topolgy: unknown key"),
        (blocks(seed=3), "scenario.seed: unknown key"),
        (blocks(name="x"), "scenario.name: unknown key"),
        (blocks(workload={"load": {"uniform": [1]}}), "scenario.workload.load.uniform: expected"),
    ],
)
def test_bad_config(data, message):
    with pytest.raises(KeyProblem) as caught:
        GenerateConfig.parse(data)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("block", ["workload", "routing"])
def test_drawn_evaluation_seed_is_refused(block):
    law = {"int_uniform": [float(EVALUATION_SEEDS[0]), EVALUATION_SEEDS[-1]]}
    inner = {**TINY["scenario"].get(block, {}), "seed": law}
    config = GenerateConfig.parse(blocks(**{block: inner}))
    with pytest.raises(KeyProblem, match=rf"scenario\.{block}\.seed: expected a seed outside"):
        config.describe(0)


def test_load_config(tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text(
        "name: c\nnum_scenarios: 2\nscenario:\n"
        "  topology: {file: {choice: [a.csv, /b.csv]}, num_hosts: 3}\n"
        "  workload: {sizes: {choice: [web_search]}}\n"
        "  congestion_control: dctcp\n"
    )
    config = load_config(file, [Override("num_scenarios", "5")])
    assert config.num_scenarios == 5
    assert config.seed == 0
    topology = config.scenario["topology"]
    assert topology["file"] == {"choice": [str(tmp_path / "a.csv"), "/b.csv"]}
    assert config.scenario["workload"] == {"sizes": {"choice": ["web_search"]}}


def test_load_config_names_the_file(tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text("name: c\nnum_scenarios: 0\nscenario: {}\n")
    with pytest.raises(ConfigError) as caught:
        load_config(file)
    assert str(caught.value) == f"{file}: num_scenarios: expected at least 1 (got 0)"
    with pytest.raises(ConfigError) as caught:
        load_config(file, [Override("seed", "x")])
    assert str(caught.value) == "--set seed=x: seed: expected an integer (got 'x')"
