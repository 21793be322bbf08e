"""ns-3's own runs: every flow's completion time must be equal to the nanosecond.

Random marks are no exception, as the random numbers are ns-3's own.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from m4graph import load_scenario, simulate
from m4graph.scenario import Scenario

REFERENCE = Path(__file__).parents[2] / "data" / "reference"
CASES = sorted(path.name for path in REFERENCE.iterdir())


@pytest.mark.parametrize("case", CASES)
def test_equals_ns3(case: str) -> None:
    scenario = load_scenario(REFERENCE / case)
    ns3 = yaml.safe_load((REFERENCE / case / "ns3.yaml").read_text())
    result = simulate(scenario, "packet")
    assert scenario.expected is not None
    np.testing.assert_array_equal(result.fct_ns, scenario.expected.fct_ns)
    np.testing.assert_array_equal(result.ideal_fct_ns, scenario.expected.ideal_fct_ns)
    assert result.extra["pfc_pauses_sent"] == ns3["pfc_pause_sent"]
    assert result.extra["packets_dropped"] == ns3["dropped_packets_logged"]


def test_another_seed_agrees_in_distribution() -> None:
    # Another seed is another run of ns-3: as near as ns-3 is to itself.
    scenario = load_scenario(REFERENCE / "b5_ls2to1_webserver_lognormal_l50_dcqcn")
    assert scenario.expected is not None
    truth = scenario.expected.fct_ns / scenario.expected.ideal_fct_ns
    slowdown = simulate(scenario.replace(seed=1), "packet").slowdown
    assert (slowdown != truth).any()
    assert slowdown.mean() == pytest.approx(truth.mean(), rel=0.02)
    assert np.percentile(slowdown, 99) == pytest.approx(np.percentile(truth, 99), rel=0.08)
    assert np.median(np.abs(slowdown / truth - 1)) < 0.02


def test_ecmp_makes_the_recorded_routes_unnecessary() -> None:
    scenario = load_scenario(REFERENCE / "b5_ls2to1_webserver_lognormal_l50_dctcp")
    by_hash = Scenario(
        network=scenario.network,
        workload=scenario.workload,
        congestion_control=scenario.congestion_control,
        config=scenario.config,
    )
    assert scenario.expected is not None
    np.testing.assert_array_equal(simulate(by_hash, "packet").fct_ns, scenario.expected.fct_ns)
