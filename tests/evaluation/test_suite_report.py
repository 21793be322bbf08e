"""Tables and plots of suites, on numbers worked out by hand."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread

import m4graph as m4
from m4graph.evaluation.scenario_results import ScenarioResults
from m4graph.evaluation.suites import SuiteReport
from m4graph.evaluation.suites.measure import (
    SIZE_GROUPS,
    Record,
    record,
    size_groups,
    throughput_error,
)
from m4graph.evaluation.suites.published import published
from m4graph.evaluation.suites.tables import label_groups, size_means, summary
from m4graph.results import SimulationResult


def scenario_of(sizes, window=10_000, **config):
    workload = m4.workload.Workload.from_arrays(
        id=np.arange(len(sizes)),
        src=np.zeros(len(sizes), int),
        dst=np.ones(len(sizes), int),
        size_bytes=sizes,
        start_ns=np.arange(len(sizes)) * 100,
    )
    control = {"kind": "dctcp", "init_window_bytes": window}
    return m4.Scenario(m4.topology.star(2), workload, control, config=config, name="case")


def result_of(scenario, simulator, slowdown, **fields):
    slowdown = np.asarray(slowdown, float)
    given = {"num_events": 2 * len(slowdown), "wall_s": 0.5, "packet_hops": None}
    return SimulationResult(
        simulator=simulator,
        flow_id=scenario.workload.id,
        fct_ns=np.where(np.isnan(slowdown), -1, np.nan_to_num(slowdown) * 1000).astype(np.int64),
        ideal_fct_ns=np.full(len(slowdown), 1000),
        compile_s=0.0,
        scenario=scenario,
        **(given | fields),
    )


SIZES = [500, 1000, 1001, 10_000, 10_001, 100_000, 100_001]


def test_size_groups():
    assert size_groups(scenario_of(SIZES)).tolist() == [0, 0, 1, 1, 2, 2, 3]
    assert size_groups(scenario_of(SIZES, window=800)).tolist() == [0, 0, 2, 3, 3, 3, 3]
    # Without a window: 10 Gb/s times 14.4 us is 18 000 bytes.
    assert size_groups(scenario_of([18_000, 18_001], window=None)).tolist() == [1, 2]


def test_record_by_hand():
    scenario = scenario_of(SIZES)
    truth = result_of(scenario, "packet", [1, 2, 4, 2, 2, 4, np.nan])
    guess = result_of(scenario, "fluid", [1, 1, 3, 3, 2, 4, 1])
    made = record({"algorithm": "dctcp"}, ScenarioResults(truth, {"fluid": guess}))
    errors = [0, 1 / 2, 1 / 4, 1 / 2, 0, 0]
    _, row = made.rows
    assert row["mean_error"] == pytest.approx(np.mean(errors))
    assert row["p90_error"] == pytest.approx(np.percentile(errors, 90))
    assert (row["num_compared"], row["num_left_out"], row["algorithm"]) == (6, 1, "dctcp")
    assert math.isnan(row["throughput_error"])
    sizes = {each["size"]: each for each in made.sizes}
    assert list(sizes) == list(SIZE_GROUPS[:3])
    assert sizes["one packet"]["mean_error"] == pytest.approx(0.25)
    assert sizes["one window"]["mean_error"] == pytest.approx(0.375)
    assert sizes["one window"]["p90_error"] == pytest.approx(0.475)
    assert sizes["ten windows"] == {
        "scenario": "case",
        "simulator": "fluid",
        "size": "ten windows",
        "num_flows": 2,
        "mean_error": 0.0,
        "p90_error": 0.0,
    }


def test_coverage_by_hand(tmp_path):
    scenario = scenario_of(SIZES[:4])
    truth = result_of(scenario, "packet", [1, 2, 3, math.nan])
    predicted = {0.9: np.array([1.5, 1.5, 2.5, 9.0]), 0.1: np.array([1.0, 2.0, 1.0, 9.0])}
    guess = result_of(scenario, "learned", [1, 1.25, 3.5, 2], extra={"quantiles": predicted})
    plain = result_of(scenario, "fluid", [1, 1, 1, 1])
    results = ScenarioResults(truth, {"fluid": plain, "learned": guess})
    made = record({}, results)
    # p90 is 1.5, 1.5, and not below the median, 3.5; p10 is 1, not above the median, 1.25, and 1.
    assert [(row["quantile"], row["coverage"]) for row in made.coverage] == [
        ("p10", pytest.approx(1 / 3)),
        ("p50", pytest.approx(2 / 3)),
        ("p90", pytest.approx(2 / 3)),
    ]
    assert {row["num_flows"] for row in made.coverage} == {3}
    whole = Record("other", made.rows, [], coverage=[made.coverage[2] | {"coverage": 1.0}])
    report = SuiteReport("any", [made, whole], {})
    report.save(tmp_path / "out")
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["learned"]["p90_coverage"] == pytest.approx(5 / 6)
    assert "p90_coverage" not in metrics["fluid"]
    summary = (tmp_path / "out" / "summary.md").read_text()
    assert "## Coverage" in summary
    assert "83.3 %" in summary
    rows = pd.read_csv(tmp_path / "out" / "coverage.csv")
    assert rows["coverage"].tolist() == pytest.approx([1 / 3, 2 / 3, 2 / 3, 1.0])


def test_throughput():
    scenario = scenario_of([1000, 1000])
    # Starts at 0 and 100 ns: the last finish is at 4100, and at 2100.
    true, guess = result_of(scenario, "a", [1, 4]), result_of(scenario, "b", [1, 2])
    assert throughput_error(guess, true) == pytest.approx(4100 / 2100 - 1)
    assert throughput_error(true, guess) == pytest.approx(1 - 2100 / 4100)


def rows_of(scenario, labels, wall_s=0.5, **errors):
    none = {
        "mean_error": math.nan,
        "p90_error": math.nan,
        "p99_tail_error": math.nan,
        "completion_time_error": math.nan,
        "throughput_error": math.nan,
    }
    counts = {"num_compared": 9, "num_left_out": 0, "num_events": 18, "packet_hops": None}
    base = {"scenario": scenario, **counts, "wall_s": wall_s, **labels}
    rows = [base | none | {"simulator": "packet", "is_truth": True, "packet_hops": 5}]
    for name, (mean, p90, tail) in errors.items():
        given = {"mean_error": mean, "p90_error": p90, "p99_tail_error": tail}
        rows.append(base | none | given | {"simulator": name, "is_truth": False})
    return rows


def sizes_of(scenario, **means):
    return [
        {
            "scenario": scenario,
            "simulator": name,
            "size": size,
            "num_flows": 3,
            "mean_error": mean * (place + 1),
            "p90_error": mean,
        }
        for name, mean in means.items()
        for place, size in enumerate(SIZE_GROUPS)
    ]


@pytest.fixture
def report():
    loads = (0.3, 0.4, 0.6, 0.8)
    records = [
        Record(
            f"case {place}",
            rows_of(
                f"case {place}",
                {"algorithm": "timely" if place % 2 else "dctcp", "load": load, "matrix": "A"},
                fluid=(0.1 * (place + 1), 0.4, 0.2),
                learned=(0.05 * (place + 1), 0.2, 0.1),
            ),
            sizes_of(f"case {place}", fluid=0.2, learned=0.1),
            ("a guess",) if place else (),
        )
        for place, load in enumerate(loads)
    ]
    return SuiteReport("sensitivity", records, {"suite": "sensitivity", "fraction": 0.04})


def test_metrics(report):
    metrics = report.metrics()
    assert list(metrics) == ["packet", "fluid", "learned"]
    assert metrics["packet"]["mean_error"] is None
    assert metrics["packet"]["is_truth"] is True
    learned = metrics["learned"]
    assert learned["mean_error"] == pytest.approx(0.125)
    assert (learned["p90_error"], learned["p99_tail_error"]) == pytest.approx((0.2, 0.1))
    assert (learned["num_events"], learned["num_scenarios"]) == (72, 4)
    assert (learned["wall_s"], learned["mean_wall_s"]) == pytest.approx((2.0, 0.5))
    assert learned["mean_error_to_fluid"] == pytest.approx(0.5)
    assert "mean_error_to_fluid" not in metrics["packet"]
    json.dumps(metrics, allow_nan=False)


def test_groups(report):
    groups = label_groups(report)
    assert list(groups) == ["algorithm", "load"]
    assert groups["algorithm"].loc["dctcp", "fluid"] == pytest.approx(0.2)
    assert groups["algorithm"].loc["timely", "learned"] == pytest.approx(0.15)
    load = groups["load"]
    assert list(load.index) == ["0.30 to 0.47", "0.47 to 0.63", "0.63 to 0.80"]
    assert load["fluid"].tolist() == pytest.approx([0.15, 0.3, 0.4])
    assert size_means(report)["learned"].tolist() == pytest.approx([0.1, 0.2, 0.3, 0.4])


def test_summary(report):
    text = summary(report, ["error_cdf"])
    assert "Means over 4 scenarios." in text
    assert "| learned | 12.5 % | 20.0 % | 10.0 % | 0.50 |" in text
    assert "| m4 (published) | 7.3 % | 18.7 % | 11.3 % | 54.9 |" in text
    assert "Warning: a guess." in text
    assert text.count("a guess") == 1
    assert "| one packet | 12 | 20.0 % | 10.0 % |" in text
    assert "![error cdf](error_cdf.png)" in text


def test_files(report, tmp_path):
    report.save(tmp_path / "out")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    plots = {"error_cdf.png", "error_by_size.png", "error_by_kind.png"}
    tables = {"metrics.json", "scenarios.csv", "by_size.csv", "summary.md", "evaluation.yaml"}
    assert names == plots | tables
    for name in plots:
        image = imread(tmp_path / "out" / name)
        assert image[..., :3].std() > 0.05
    frame = pd.read_csv(tmp_path / "out" / "scenarios.csv")
    assert len(frame) == 12
    assert {"mean_error", "p90_error", "p99_tail_error", "wall_s", "num_events"} <= set(frame)
    assert json.loads((tmp_path / "out" / "metrics.json").read_text()) == report.metrics()


def test_one_scenario_has_no_distribution(tmp_path):
    rows = rows_of("alone", {"algorithm": "dctcp"}, fluid=(0.1, 0.2, 0.3))
    report = SuiteReport("own", [Record("alone", rows, [])], {})
    report.save(tmp_path / "out")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert not [name for name in names if name.endswith(".png")]
    assert "Published" not in (tmp_path / "out" / "summary.md").read_text()


def test_without_fluid_there_are_no_ratios():
    rows = rows_of("alone", {"algorithm": "dctcp"}, learned=(0.1, 0.2, 0.3))
    report = SuiteReport("own", [Record("alone", rows, [])], {})
    assert "mean_error_to_fluid" not in report.metrics()["learned"]
    assert "mean / fluid" not in summary(report, [])


def test_closed_loops_show_completion_times(tmp_path):
    records = []
    for limit, error in ((1, 0.25), (13, 0.75)):
        rows = rows_of(f"loop {limit}", {"limit": limit}, fluid=(0.1, 0.2, 0.3))
        rows[1] |= {"completion_time_error": error, "throughput_error": 1 / 3}
        records.append(Record(f"loop {limit}", rows, []))
    report = SuiteReport("closed_loop", records, {})
    report.save(tmp_path / "out")
    assert (tmp_path / "out" / "completion_by_kind.png").exists()
    text = (tmp_path / "out" / "summary.md").read_text()
    assert "| fluid | 10.0 % | 20.0 % | 30.0 % | 1.00 | 50.0 % | 33.3 % |" in text
    assert "| m4 (published) | 11.5 % |" in text
    assert text.index("| limit | 1 | 10.0 % |") < text.index("| limit | 1 | 25.0 % |")
    assert "| limit | 13 | 75.0 % |" in text


def test_published_figures():
    assert published("smoke") is None
    rows = {row["simulator"]: row for row in published("sensitivity").rows}
    assert rows["m4"]["mean_error"] == 0.0731
    assert rows["flowSim"]["p90_error"] == 0.506
    for name in ("sensitivity", "large", "closed_loop", "ablation"):
        assert "2503.01770" in published(name).source
