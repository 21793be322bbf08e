"""The folder of a sweep: what is in it, and how a sweep goes on."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import yaml

import m4graph as m4
from m4graph.cli.app import main
from m4graph.core.errors import InputError
from m4graph.simulators import Runner

from .test_sweep import BLOCKS, made_in_python, without_seconds

VALUES = {"workload.load": [0.3, 0.5, 0.8], "workload.sizes": ["web_server", "hadoop"]}


@pytest.fixture
def runs(monkeypatch):
    """Counts the runs of simulators in this process."""
    found, run = [], Runner.run

    def counted(self, scenario, progress=None):
        if scenario.num_flows == 30:
            found.append(self.label)
        return run(self, scenario, progress)

    monkeypatch.setattr(Runner, "run", counted)
    return found


def test_a_sweep_that_was_interrupted_goes_on(tmp_path, runs):
    def stop(done, total):
        assert total == 6
        if done == 4:
            raise KeyboardInterrupt

    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        m4.sweep(BLOCKS, VALUES, ["fluid"], out=out, progress=stop)
    assert len(runs) == 4
    assert not (out / "sweep.csv").exists()
    swept = m4.sweep(BLOCKS, VALUES, ["fluid"], out=out)
    assert len(runs) == 6
    again = m4.sweep(BLOCKS, VALUES, ["fluid"], out=out, quantiles=[0.75])
    assert len(runs) == 6
    assert swept.to_frame()["cpu_s"].equals(again.to_frame()["cpu_s"])
    fresh = m4.sweep(BLOCKS, VALUES, ["fluid"])
    assert without_seconds(fresh).equals(without_seconds(swept))


def test_the_folder_holds_everything(tmp_path):
    out = tmp_path / "deep" / "out"
    swept = m4.sweep(made_in_python(), VALUES, ["fluid"], out=out)
    assert {path.name for path in out.iterdir()} == {
        "results", "scenario", "sweep.csv", "sweep.png", "sweep.yaml",
    }  # fmt: skip
    pd.testing.assert_frame_equal(pd.read_csv(out / "sweep.csv"), swept.to_frame())
    config = yaml.safe_load((out / "sweep.yaml").read_text())
    assert config["seed"] == 3
    assert {"version", "git_commit", "python"} <= set(config)
    assert config["points"][1]["workload.sizes"] == "hadoop"
    assert len({each["scenario_sha256"] for each in config["points"]}) == 6
    assert config["simulators"][0]["options"]["window_limit"] is False
    first = m4.load_scenario(out / "scenario")
    with np.load(out / "results" / "fluid" / "00000.npz") as kept:
        assert (kept["fct_ns"] == m4.simulate(first, "fluid").fct_ns).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"values": {"workload.load": [0.3, 0.6]}}, "got one with 6 points, not 2, in its sweep"),
        ({"values": VALUES | {"workload.load": [0.3, 0.5, 0.9]}}, "got one with other points"),
        ({"scenario": BLOCKS | {"seed": 4}}, "got one with other points"),
        ({"simulators": ["packet", "fluid"]}, "got one with 1 simulators, not 2"),
        ({"simulators": {"fluid": {"kind": "fluid", "scope": "full"}}}, "other simulators, first"),
    ],
)
def test_other_settings_are_refused_in_one_line(tmp_path, changes, message):
    given = {"scenario": BLOCKS, "values": VALUES, "simulators": ["fluid"], "out": tmp_path}
    m4.sweep(**given)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(InputError, match=message) as caught:
        m4.sweep(**(given | changes))
    assert "\n" not in str(caught.value)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_side_by_side(tmp_path):
    arguments = made_in_python(), VALUES, ["fluid"]
    alone, together = m4.sweep(*arguments), m4.sweep(*arguments, out=tmp_path / "out", jobs=2)
    assert without_seconds(alone).equals(without_seconds(together))


def test_plots(tmp_path):
    from matplotlib.figure import Figure

    swept = m4.sweep(BLOCKS, VALUES, ["packet", "fluid"])
    swept.plot(tmp_path / "p99.png")
    assert (tmp_path / "p99.png").stat().st_size > 10_000
    axes = Figure().subplots()
    figure = swept.plot(y="mean_error", ax=axes)
    assert figure is axes.get_figure()
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("workload.load", "mean error")
    assert len([line for line in axes.lines if np.isfinite(line.get_ydata()).all()]) == 2
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "packet", "fluid", "web_server", "hadoop",
    ]  # fmt: skip
    with pytest.raises(InputError, match=r"y: expected one of num_flows, .*'p98_slowdown'"):
        swept.plot(y="p98_slowdown")
    one = m4.sweep(BLOCKS, {"workload.sizes": ["web_server", "hadoop"]}, ["fluid"])
    (axes,) = one.plot().axes
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["web_server", "hadoop"]
    assert "p99_slowdown" in one._repr_html_()


def test_seeds_are_averaged_in_a_plot():
    swept = m4.sweep(BLOCKS, {"workload.load": [0.3, 0.8], "seed": [1, 2, 3]}, ["fluid"])
    (axes,) = swept.plot(y="mean_slowdown").axes
    (line,) = axes.lines
    means = swept.to_frame().groupby("workload.load")["mean_slowdown"].mean()
    assert line.get_ydata().tolist() == means.tolist()
    assert axes.get_ylabel() == "mean slowdown, mean over seeds"


def test_the_command(tmp_path, capsys):
    scenario = tmp_path / "one.yaml"
    scenario.write_text(yaml.safe_dump(BLOCKS))
    command = ["sweep", str(scenario), "--set", "workload.load=0.3,0.5", "--set",
               "congestion_control={kind: dctcp},{kind: dcqcn}", "--simulator", "packet",
               "--simulator", "fluid", "--quantiles", "0.5,0.95", "--out"]  # fmt: skip
    assert main([*command, str(tmp_path / "out")]) == 0
    out = capsys.readouterr().out
    assert out.count("fluid") == 4
    frame = pd.read_csv(tmp_path / "out" / "sweep.csv")
    assert frame["congestion_control"].tolist()[:3] == ['{"kind": "dctcp"}'] * 2 + [
        '{"kind": "dcqcn"}'
    ]
    assert "p95_slowdown" in frame
    for bad, message in {
        ("--set", "workload.load=7"): "--set workload.load=7: workload.load: expected at most 1",
        ("--set", "workload.lod=.7"): "--set workload.lod=0.7: workload.lod: unknown key",
        ("--set", "seed=1", "--quantiles", "x"): "--quantiles: expected numbers",
        ("--set", "seed=1", "--simulators", "fluid,flood"): "expected one of fluid",
        (): "--set: expected keys with their values",
    }.items():
        assert main(["sweep", str(scenario), *bad, "--out", str(tmp_path / "bad")]) == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1
    assert not (tmp_path / "bad").exists()
