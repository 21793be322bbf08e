from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

import m4graph as m4
from m4graph.core.errors import ConfigError, SimulationError
from m4graph.metrics import errors
from m4graph.results import SimulationResult, expected_result
from m4graph.workload import Workload


@pytest.fixture
def scenario():
    workload = Workload.from_arrays(
        id=np.array([5, 2, 9]), src=np.array([0, 1, 0]), dst=np.array([1, 2, 2]),
        size_bytes=np.array([1000, 1000, 1000]), start_ns=np.array([0, 1, 2]),
    )  # fmt: skip
    expected = m4.ExpectedTimes(np.array([3676, -1, 7352]), np.array([3676, 3676, 3676]))
    network = m4.topology.star(num_hosts=3, gbps=10, delay_ns=1000)
    return m4.Scenario(network, workload, "dctcp", seed=6, name="three", expected=expected)


def result(scenario, fct_ns, **changes):
    arguments = {
        "simulator": "test",
        "flow_id": scenario.workload.id,
        "fct_ns": np.array(fct_ns),
        "ideal_fct_ns": scenario.ideal_fct_ns,
        "num_events": 5,
        "wall_s": 0.5,
        "compile_s": 0.25,
        "packet_hops": 12,
        "scenario": scenario,
    }
    return SimulationResult(**arguments | changes)


def test_slowdown_and_counts(scenario):
    run = result(scenario, [3676, -1, 7352])
    assert run.finished.tolist() == [True, False, True]
    assert run.slowdown[[0, 2]].tolist() == [1.0, 2.0]
    assert math.isnan(run.slowdown[1])
    assert (run.num_flows, run.num_finished) == (3, 2)


def test_summary(scenario):
    extra = {"drops": np.int64(3), "rate": float("nan"), "labels": np.zeros(4)}
    summary = result(scenario, [3676, -1, 7352], extra=extra).summary()
    expected = {
        "simulator": "test",
        "num_flows": 3,
        "num_finished": 2,
        "num_events": 5,
        "packet_hops": 12,
        "wall_s": 0.5,
        "compile_s": 0.25,
        "mean_slowdown": 1.5,
        "p50_slowdown": 1.5,
        "p90_slowdown": 1.9,
        "p99_slowdown": 1.99,
        "max_slowdown": 2.0,
        "seed": 6,
    }
    assert {key: summary[key] for key in expected} == pytest.approx(expected)
    assert summary["extra"] == {"drops": 3, "rate": None}
    assert summary["peak_rss_bytes"] > 10**7
    assert isinstance(summary["version"], str)


def test_summary_of_nothing_is_null_not_nan(scenario, tmp_path):
    result(scenario, [-1, -1, -1], packet_hops=None, wall_s=math.nan).write_summary(
        tmp_path / "summary.json"
    )
    text = (tmp_path / "summary.json").read_text()
    assert "NaN" not in text
    summary = json.loads(text)
    assert summary["num_finished"] == 0
    for key in ("mean_slowdown", "p99_slowdown", "wall_s", "packet_hops"):
        assert summary[key] is None


def test_fct_csv_is_sorted_by_id_with_empty_cells(scenario, tmp_path):
    result(scenario, [3676, -1, 7352]).to_file(tmp_path / "fct.csv")
    assert (tmp_path / "fct.csv").read_text() == (
        "id,fct_ns,ideal_fct_ns,slowdown\n2,,3676,\n5,3676,3676,1.0\n9,7352,3676,2.0\n"
    )


def test_frame_says_what_each_flow_is(scenario):
    frame = result(scenario, [3676, -1, 7352]).to_frame()
    assert list(frame) == [
        "id", "src", "dst", "size_bytes", "start_ns", "fct_ns", "ideal_fct_ns", "slowdown",
    ]  # fmt: skip
    assert frame["src"].tolist() == [1, 0, 0]
    assert frame["dst"].tolist() == [2, 1, 2]
    assert frame["start_ns"].tolist() == [1, 0, 2]
    assert frame["fct_ns"].isna().tolist() == [True, False, False]


def test_frame_has_the_labels_of_hosts(scenario):
    network = scenario.network.copy()
    for host, label in enumerate(["web", "db", "cache"]):
        network.nodes[host]["label"] = label
    frame = result(scenario.replace(network=network), [1, 2, 3]).to_frame()
    assert frame["src_label"].tolist() == ["db", "web", "web"]
    assert frame["dst_label"].tolist() == ["cache", "db", "cache"]


@pytest.mark.parametrize("name", ["fct.parquet", "FCT.PARQUET"])
def test_parquet_holds_the_same(scenario, tmp_path, name):
    run = result(scenario, [3676, -1, 7352])
    run.to_file(tmp_path / name)
    frame = pd.read_parquet(tmp_path / name)
    assert frame["id"].tolist() == [2, 5, 9]
    assert frame["fct_ns"].isna().tolist() == [True, False, False]


def test_what_was_written_can_be_the_truth(scenario, tmp_path):
    from m4graph.scenario.expected import read_expected

    result(scenario, [3676, -1, 7352]).to_file(tmp_path / "expected.csv")
    times = read_expected(tmp_path / "expected.csv", scenario.workload)
    assert times.fct_ns.tolist() == [3676, -1, 7352]


def test_lengths_must_fit(scenario):
    with pytest.raises(SimulationError, match=r"same flows \(got \[3, 2, 3, 3\]\)"):
        result(scenario, [1, 2])
    with pytest.raises(SimulationError, match=r"same flows \(got \[3, 3, 3, 2\]\)"):
        result(scenario, [1, 2, 3], start_ns=np.zeros(2, np.int64))


def test_recorded_times_as_truth(scenario):
    truth = expected_result(scenario)
    assert (truth.simulator, truth.num_events, truth.num_finished) == ("expected", 5, 2)
    assert truth.summary()["wall_s"] is None
    summary = errors(result(scenario, [3676 * 2, 1, 7352]), truth)
    assert (summary.mean_error, summary.num_compared, summary.num_left_out) == (0.5, 2, 1)
    with pytest.raises(SimulationError, match=r"scenario 'three': expected an expected\.csv"):
        expected_result(scenario.replace(expected=None))


def test_results_of_different_flows_are_not_compared(scenario):
    other = result(scenario, [1, 2, 3], flow_id=np.array([1, 2, 3]))
    with pytest.raises(ConfigError, match="results of the same flows"):
        errors(result(scenario, [1, 2, 3]), other)


def test_length_and_quantiles(scenario):
    run = result(scenario, [3676, -1, 7352])
    assert len(run) == 3
    assert run.quantile(0.5) == 1.5
    assert run.quantile(1) == 2.0
    assert math.isnan(result(scenario, [-1, -1, -1]).quantile(0.99))
    with pytest.raises(ConfigError, match=r"quantile: expected a number of at most 1 \(got 99\)"):
        run.quantile(99)


def test_it_shows_itself(scenario, tmp_path):
    run = result(scenario.replace(name="<b>[bold]"), [3676, -1, 7352])
    with (console := Console(width=80)).capture() as captured:
        console.print(run)
    assert "<b>[bold]" in captured.get()
    assert "p99_slowdown" in captured.get()
    assert "<td>1.99</td>" in run._repr_html_()
    assert "<b>" not in run._repr_html_()
    [axes] = run.plot(tmp_path / "cdf.png").axes
    assert axes.get_lines()[0].get_xdata().tolist() == [1.0, 2.0]
    assert (tmp_path / "cdf.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ConfigError, match="test: expected a result with finished flows"):
        result(scenario, [-1, -1, -1]).plot()
