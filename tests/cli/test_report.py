"""``m4graph report``: of scenarios, and of what other commands wrote."""

from __future__ import annotations

import pytest

from m4graph.cli.app import main
from tests.report.reading import column_of, content_of, section_of

SCENARIO = """\
name: small
topology: {kind: star, num_hosts: 4, gbps: 10, delay_ns: 1000}
workload: {kind: generated, sizes: web_server, load: 0.5, num_flows: 50}
congestion_control: {kind: dctcp}
"""
JOB = """\
name: job
topology: {kind: star, num_hosts: 4}
workload:
  kind: training_job
  parallel: {dp: 4}
  layers:
  - {forward_ns: 1000, forward: {kind: all_gather, group: dp, size_bytes: 4000}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("report")
    (path / "small.yaml").write_text(SCENARIO)
    (path / "job.yaml").write_text(JOB)
    (path / "recording.yaml").write_text("links: all\nflows: all\ninterval_us: 20\n")
    (path / "suite" / "one").mkdir(parents=True)
    (path / "suite" / "one" / "scenario.yaml").write_text(SCENARIO)
    return path


def report(folder, source, *options):
    assert main(["report", str(folder / source), "-o", str(folder / "out.html"), *options]) == 0
    return content_of(folder / "out.html")


def run(folder, command, *options):
    assert main([*command.replace("IN", str(folder)).split(), *options]) == 0


def titles(content):
    return [section["title"] for section in content["sections"]]


def test_scenario(folder):
    content = report(folder, "small.yaml", "--simulators", "packet,fluid")
    assert column_of(section_of(content, "Simulators"), "simulator") == ["packet", "fluid"]
    series = section_of(content, "Over time")
    assert len(series["links"]["of"]) == 8
    assert series["flows"]
    assert len(section_of(content, "Slowest flows, and what they met")["met"]["queue_bytes"]) == 50


def test_simulated(folder):
    record = "simulate IN/small.yaml --record IN/recording.yaml --out IN/simulated"
    run(folder, record)
    content = report(folder, "simulated")
    assert "Over time" in titles(content)
    assert content["truth"] is None


def test_compared(folder):
    run(folder, "compare IN/small.yaml --simulators packet,fluid --out IN/compared")
    content = report(folder, "compared")
    assert content["truth"] == "packet"
    assert column_of(section_of(content, "Simulators"), "mean error")[1] > 0


def test_evaluated(folder):
    run(folder, "evaluate IN/suite --simulators packet,fluid --out IN/evaluated")
    content = report(folder, "evaluated")
    views = section_of(content, "Errors by scenario")["views"]
    assert [view["name"] for view in views] == ["mean error", "p90 error", "p99-tail error"]
    assert [point[0] for point in views[0]["series"][0]["points"]] == ["one"]


def test_swept(folder):
    sweep = "sweep IN/small.yaml --simulators fluid --set workload.load=0.3,0.6 --out IN/swept"
    run(folder, sweep, "--set", "network.pfc=true,false")
    views = section_of(report(folder, "swept"), "Curves")["views"]
    (tail,) = [view for view in views if view["name"] == "p99_slowdown"]
    assert [each["name"] for each in tail["series"]] == ["fluid, True", "fluid, False"]
    assert [each["style"] for each in tail["series"]] == [0, 1]
    assert [point[0] for point in tail["series"][0]["points"]] == [0.3, 0.6]


def test_job(folder):
    run(folder, "job IN/job.yaml --out IN/done")
    content = report(folder, "done")
    assert dict(content["facts"])["Ranks"] == "4"
    (view,) = section_of(content, "What ranks do in an iteration")["views"]
    assert view["x"]["names"] == ["0", "1", "2", "3"]
    network = section_of(content, "Network")
    assert len(network["nodes"]) == 5
    assert max(network["measures"][1]["values"]) == 3000  # Three quarters of what all gather.


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "nowhere: expected"),
        (["suite"], "scenario.yaml: expected a file to read"),
        (["small.yaml", "--simulators", "fluid"], "expected packet among the simulators"),
        (["small.yaml", "-o", "suite"], "--out suite: expected a file (got a folder)"),
    ],
)
def test_bad_input(folder, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(folder)
    assert main(["report", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_damaged_folders(folder, capsys):
    run(folder, "compare IN/small.yaml --simulators packet,fluid --out IN/damaged")
    damaged = folder / "damaged"
    arguments = ["report", str(damaged), "-o", str(folder / "bad.html")]
    capsys.readouterr()
    assert main([*arguments, "--simulators", "fluid"]) == 2
    assert "expected no option but --out" in capsys.readouterr().err
    (damaged / "summary_fluid.json").write_text("{}")
    assert main(arguments) == 2
    assert "summary_fluid.json: expected the keys simulator" in capsys.readouterr().err
    (damaged / "errors.csv").write_text("simulator\nfluid\n")
    assert main(arguments) == 2
    assert "errors.csv: expected the columns simulator,is_truth" in capsys.readouterr().err
    assert not (folder / "bad.html").exists()
