"""The original's 13 numbers, from scenarios in the ranges of its training set."""

from __future__ import annotations

import numpy as np
import pytest

import m4graph as m4
from m4graph.runs import FlowNetwork, LabelledRun
from m4graph.runs.paper_settings import NAMES
from tests.graph.conftest import star_scenario

COMMON = {"buffer": 12.5, "window_kb": 7.5}


def configuration(control, ecn=None):
    base = star_scenario([(0, 1, 1000, 0)])
    network = {"buffer_bytes": 125_000, **({"ecn": ecn} if ecn else {})}
    control = {"init_window_bytes": 7500, **control}
    scenario = m4.Scenario(base.network, base.workload, control, config=network)
    return dict(
        zip(NAMES, FlowNetwork.from_scenario(scenario).paper_configuration.tolist(), strict=True)
    )


@pytest.mark.parametrize(
    ("control", "ecn", "expected"),
    [
        (
            {"kind": "dctcp"},
            {"kmin_bytes": 22_000, "kmax_bytes": 22_000},
            {"is_dctcp": 1, "dctcp_k_kb": 22},
        ),
        (
            {"kind": "dcqcn"},
            {"kmin_bytes": 8000, "kmax_bytes": 16_000, "pmax": 0.2},  # at 10 Gb/s
            {"is_dcqcn": 1, "dcqcn_kmin_kb": 20, "dcqcn_kmax_kb": 40},
        ),
        (
            {"kind": "dcqcn"},
            {"kmin_bytes": 20_000, "kmax_bytes": 40_000, "pmax": 0.2, "reference_gbps": 25},
            {"is_dcqcn": 1, "dcqcn_kmin_kb": 20, "dcqcn_kmax_kb": 40},
        ),
        (
            {"kind": "timely", "t_low_us": 45.5, "t_high_us": 120},
            None,
            {"is_timely": 1, "timely_t_low_us": 45.5, "timely_t_high_us": 120},
        ),
        (
            {"kind": "hpcc", "eta": 0.75, "additive_increase_mbps": 700},
            None,
            {"is_hpcc": 1, "hpcc_eta_percent": 75, "hpcc_additive_increase": 70},
        ),
        ({"kind": "newreno"}, None, {}),
    ],
)
def test_each_algorithm_has_its_numbers(control, ecn, expected):
    assert configuration(control, ecn) == pytest.approx(
        {**dict.fromkeys(NAMES, 0), **COMMON, **expected}
    )


def test_no_window_is_zero():
    base = star_scenario([(0, 1, 1000, 0)])
    control = {"kind": "dctcp", "init_window_bytes": None}
    scenario = m4.Scenario(base.network, base.workload, control)
    assert FlowNetwork.from_scenario(scenario).paper_configuration[NAMES.index("window_kb")] == 0


def test_runs_keep_it(fat_tree_run, tmp_path):
    run = LabelledRun.from_result(fat_tree_run)
    expected = FlowNetwork.from_scenario(fat_tree_run.scenario).paper_configuration
    run.save(tmp_path / "run.npz")
    found = LabelledRun.load(tmp_path / "run.npz").network.paper_configuration
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == np.float32
