from __future__ import annotations

import csv
import io

import pandas as pd
import pytest
from rich.console import Console

import m4graph as m4
from m4graph.core.errors import ConfigError
from m4graph.evaluation import Report


def printed(table, width=80):
    console = Console(file=io.StringIO(), width=width)
    console.print(table)
    return console.file.getvalue()


@pytest.fixture
def report(comparison):
    return Report([comparison("first"), comparison("second")])


def test_one_row_for_each_scenario_and_simulator(report):
    frame = report.to_frame()
    assert frame["scenario"].tolist() == ["first"] * 3 + ["second"] * 3
    assert frame["simulator"].tolist() == ["packet", "fluid", "learned"] * 2


def test_ratios_by_hand(result):
    truth = result("packet", [2.0, 2.0])
    report = Report([m4.compare(truth, result("fluid", [4.0, 4.0]), result("learned", [3.0, 3.0]))])
    [row] = report.relative_errors().to_dict("records")
    assert (row["scenario"], row["simulator"]) == ("case", "learned")
    assert row["mean_error"] == row["p90_error"] == row["p99_tail_error"] == pytest.approx(0.5)
    assert report.relative_errors("learned")["mean_error"].tolist() == pytest.approx([2.0])
    assert report.relative_errors("mimic").empty
    assert "learned / fluid" in printed(report.relative_table())


def test_no_ratio_to_a_perfect_baseline(result):
    truth = result("packet", [2.0])
    report = Report([m4.compare(truth, result("fluid", [2.0]), result("learned", [3.0]))])
    assert report.relative_errors()["mean_error"].isna().all()
    assert " - " in report.markdown() or "| -" in report.markdown()


def test_the_table_names_each_scenario_once_and_fits_a_terminal(report):
    text = printed(report.table())
    assert text.count("first") == text.count("second") == 1
    assert max(map(len, text.splitlines())) <= 80
    fluid = next(line for line in text.splitlines() if "fluid" in line)
    # mean 53.1 %, 8 events in 0.5 s
    assert "53.1 %" in fluid
    assert " 16 " in fluid


def test_the_table_shows_packet_hops_and_the_truth(comparison):
    line = next(line for line in printed(comparison().table()).splitlines() if "packet " in line)
    assert "truth" in line
    assert "2 M" in line


def test_markup_in_names_is_text(comparison):
    text = printed(Report([comparison("[red]a"), comparison("b|c")]).table())
    assert "[red]a" in text
    assert r"b\|c" in Report([comparison("a"), comparison("b|c")]).markdown()


def test_left_out_flows_show_only_where_there_are_some(result, comparison):
    made = m4.compare(result("packet", [2.0, float("nan")]), result("fluid", [1.0, 1.0]))
    assert "left out" in made.markdown()
    assert "left out" not in comparison().markdown()


def test_times_that_are_not_known_are_dashes(result):
    truth = result("expected", [2.0], wall_s=float("nan"))
    first = m4.compare(truth, result("fluid", [1.0])).markdown().splitlines()[2]
    assert first == "| case | expected | truth | - | - | - | - | - |"


def test_files(report, tmp_path):
    report.save(tmp_path / "out")
    rows = list(csv.DictReader((tmp_path / "out" / "errors.csv").open()))
    assert [row["simulator"] for row in rows] == ["packet", "fluid", "learned"] * 2
    assert rows[0]["mean_error"] == ""
    assert float(rows[1]["mean_error"]) == pytest.approx(0.53125)
    pd.testing.assert_frame_equal(
        pd.read_csv(tmp_path / "out" / "errors.csv"), report.to_frame(), check_dtype=False
    )
    summary = (tmp_path / "out" / "summary.md").read_text()
    assert report.markdown() in summary
    assert "learned / fluid" in summary
    assert m4.__version__ in summary
    for kind in ("slowdown_cdf", "slowdown_by_size", "true_vs_predicted"):
        assert f"({kind}.png)" in summary
        assert (tmp_path / "out" / f"{kind}.png").stat().st_size > 10_000


def test_bad_reports(comparison):
    with pytest.raises(ConfigError, match="at least one comparison"):
        Report([])
    with pytest.raises(ConfigError, match="got two case"):
        Report([comparison(), comparison()])
