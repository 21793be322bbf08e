"""The ``faults`` block: what is refused, and that it is kept."""

from __future__ import annotations

import numpy as np
import pytest

import m4graph as m4
from m4graph.core.errors import ConfigError
from m4graph.core.yaml_file import Override
from m4graph.scenario.faults import Down, conditions_at
from m4graph.workload import Workload

NETWORK = m4.topology.star(num_hosts=3, gbps=10, delay_ns=1000)
WORKLOAD = Workload.from_arrays([0], [0], [1], [1000], [0])
FAULTS = [
    {"link": [0, 3], "kind": "down", "at_us": 10.0, "until_us": 20.5},
    {"link": [3, 1], "kind": "slow", "factor": 0.25, "direction": "forward"},
    {"link": [1, 3], "kind": "slow", "rate_gbps": 5, "at_us": 1},
    {"link": [2, 3], "kind": "loss", "probability": 0.1},
]


def scenario(*faults, **changes):
    return m4.Scenario(NETWORK, WORKLOAD, "dctcp", faults=faults, **changes)


def test_conditions_over_time():
    made = scenario(*FAULTS)
    link = made.arrays.link_id
    before = conditions_at(made.faults, made.arrays, 0)
    assert not before.down.any()
    assert before.rate_bps[link(3, 1)] == 2_500_000_000
    assert before.rate_bps[link(1, 3)] == 10_000_000_000
    assert before.loss_probability[link(2, 3)] == pytest.approx(0.1)
    then = conditions_at(made.faults, made.arrays, 10_000)
    assert np.flatnonzero(then.down).tolist() == sorted([link(0, 3), link(3, 0)])
    assert then.rate_bps[link(3, 1)] == 2_500_000_000  # The slower one of two.
    assert then.rate_bps[link(1, 3)] == 5_000_000_000
    assert not conditions_at(made.faults, made.arrays, 20_500).down.any()


def test_faults_are_kept(tmp_path):
    made = scenario(*FAULTS, routing={"convergence_us": 3.5})
    assert made.replace(seed=3).faults == made.faults
    assert made.replace(faults=()).faults == ()
    m4.save_scenario(made, tmp_path / "saved")
    read = m4.load_scenario(tmp_path / "saved")
    assert read.faults == made.faults
    assert read.routing == made.routing
    m4.save_scenario(scenario(), tmp_path / "none")
    assert "faults" not in (tmp_path / "none" / "scenario.yaml").read_text()


def test_overrides(tmp_path):
    m4.save_scenario(scenario(*FAULTS), tmp_path / "saved")

    def load(setting):
        return m4.load_scenario(tmp_path / "saved", [Override.parse(setting)])

    assert load("faults.3.probability=0.5").faults[3].probability == 0.5
    assert load("faults=[]").faults == ()
    assert load("faults=[{link: [0, 3], kind: down}]").faults == (Down(link=[0, 3]),)
    for setting, message in {
        "faults.4.probability=1": "expected the index of an entry of faults, below 4 (got '4')",
        "faults.x=1": "expected the index of an entry of faults, below 4 (got 'x')",
        "faults.3.probability=2": "faults.3.probability: expected at most 1.0 (got 2)",
        "faults.3.link=[0, 1]": "faults.3.link: expected a cable of node 0, to 3 (got 1)",
    }.items():
        with pytest.raises(ConfigError) as caught:
            load(setting)
        assert str(caught.value).startswith(f"--set {setting}: ")
        assert message in str(caught.value)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (3, "faults.0: expected a name or a block of keys (got 3)"),
        ({"link": [0, 3]}, "faults.0.kind: missing key: expected one of down, loss, slow"),
        (
            {"link": [0, 3], "kind": "gray"},
            "faults.0.kind: unknown fault: expected one of",
        ),
        ({"kind": "down"}, "faults.0.link: missing key"),
        ({"kind": "down", "link": [0]}, "faults.0.link: expected at least 2 entries"),
        ({"kind": "down", "link": [0, 3, 1]}, "faults.0.link: expected at most 2 entries"),
        ({"kind": "down", "link": [0, 1]}, "faults.0.link: expected a cable of node 0, to 3"),
        ({"kind": "down", "link": [0, 9]}, "faults.0.link: expected two nodes of 0 to 3"),
        ({"kind": "down", "link": [0, 3], "at_us": -1}, "faults.0.at_us: expected at least 0"),
        (
            {"kind": "down", "link": [0, 3], "at_us": 5, "until_us": 5},
            "faults.0: expected until_us to be a nanosecond or more after at_us, 5.0 (got 5.0)",
        ),
        ({"kind": "down", "link": [0, 3], "factor": 1}, "faults.0.factor: unknown key"),
        ({"kind": "slow", "link": [0, 3]}, "faults.0: expected rate_gbps or factor (got none)"),
        (
            {"kind": "slow", "link": [0, 3], "factor": 0.1, "rate_gbps": 1},
            "faults.0: expected rate_gbps or factor (got both)",
        ),
        ({"kind": "loss", "link": [0, 3]}, "faults.0.probability: missing key"),
        (
            {"kind": "loss", "link": [0, 3], "probability": 1.5},
            "faults.0.probability: expected at most 1.0 (got 1.5)",
        ),
    ],
)
def test_bad_faults(fault, message):
    with pytest.raises(ConfigError) as caught:
        scenario(fault)
    assert str(caught.value).startswith(message)
