from __future__ import annotations

import os
import re

import pytest

from m4graph.cli.app import main

CONFIG = """\
name: small
seed: 1
num_scenarios: 2
scenario:
  topology: {kind: star, num_hosts: 3}
  workload: {kind: generated, sizes: web_server, load: {uniform: [0.2, 0.4]}, num_flows: 10}
  congestion_control: {kind: dctcp}
"""


@pytest.fixture
def config(tmp_path):
    file = tmp_path / "small.yaml"
    file.write_text(CONFIG)
    return file


def call(capsys, *arguments):
    status = main(["generate", *map(str, arguments)])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_generate(config, tmp_path, capsys):
    out = tmp_path / "out"
    status, text, error = call(capsys, config, "--out", out, "--jobs", "1")
    # The first run on a machine may have to compile, and says so.
    said = [line for line in error.splitlines() if not line.startswith("m4graph: compiling")]
    assert (status, said) == (0, [])
    assert text == f"2 runs, 20 flows, 40 events in {out}\n"
    assert len(os.listdir(out / "raw")) == 4


def test_shard_and_set(config, tmp_path, capsys):
    out = tmp_path / "out"
    arguments = ("--jobs", "1", "--shard", "2/3", "--set", "num_scenarios=5")
    status, text, _ = call(capsys, config, "--out", out, *arguments)
    assert status == 0
    assert text.startswith("2 runs,")
    assert sorted(path.stem for path in (out / "raw").glob("*.npz")) == ["run_000001", "run_000004"]
    assert (out / "manifest-2-of-3.json").exists()


@pytest.mark.parametrize(
    ("change", "arguments", "words"),
    [
        (("seed: 1", "seed: 1000000"), [], ["small.yaml: seed", "kept for evaluation"]),
        (("seed: 1", "sede: 1"), [], ["small.yaml: sede: unknown key", "'seed'"]),
        (("[0.2, 0.4]", "[0.4, 0.2]"), [], ["small.yaml: scenario.workload.load.uniform"]),
        (("[0.2, 0.4]", "[3, 4]"), [], ["small.yaml, scenario 0: workload.load", "at most 1"]),
        (("num_hosts: 3", "hosts: 3"), [], ["small.yaml, scenario 0: topology.hosts"]),
        (("kind: star", "kind: stra"), [], ["small.yaml, scenario 0:", "star"]),
        (("kind: dctcp", "kind: x"), [], ["small.yaml, scenario 0: congestion_control.kind"]),
        (("web_server", "web"), [], ["small.yaml, scenario 0:", "web_server"]),
        (("name: small", "name: a b"), [], ["small.yaml: name"]),
        (None, ["--jobs", "0"], ["jobs: expected at least 1 (got 0)"]),
        (None, ["--backend", "mpi"], ["backend: expected one of loky, dask, ray (got 'mpi')"]),
        (None, ["--shard", "0/2"], ["--shard 0/2"]),
        (None, ["--set", "seed"], ["--set seed: expected key=value"]),
        (None, ["--set", "seed=2000000000000000000000"], ["--set seed=2", "at most"]),
        (None, ["--set", "scenario.workload.load=0"], ["scenario 0: workload.load", "above 0"]),
    ],
)
def test_bad_input(config, tmp_path, capsys, change, arguments, words):
    if change is not None:
        assert change[0] in CONFIG
        config.write_text(CONFIG.replace(*change))
    status, text, error = call(capsys, config, "--out", tmp_path / "out", "--jobs", 1, *arguments)
    assert status == 2
    assert text == ""
    assert error.count("\n") == 1
    assert error.startswith("error: ")
    for word in words:
        assert word in error
    assert list((tmp_path / "out").glob("raw/*")) == []


def test_bad_scenarios_are_told_and_the_rest_is_there(config, tmp_path, capsys):
    config.write_text(CONFIG + "  network: {buffer_bytes: {choice: [0, 3072000]}}\n")
    arguments = ("--out", tmp_path / "out", "--jobs", "1", "--set", "num_scenarios=6")
    status, text, error = call(capsys, config, *arguments)
    lines = [line for line in error.splitlines() if not line.startswith("m4graph: compiling")]
    assert status == 1
    assert text == f"{7 - len(lines)} runs, {10 * (7 - len(lines))} flows, " + text.split(", ")[2]
    assert 1 < len(lines) < 7
    for line in lines[:-1]:
        assert re.fullmatch(
            rf"failed: {config}, scenario \d: network.buffer_bytes: expected at least 1 .got 0.",
            line,
        )
    assert lines[-1].startswith(f"error: {config}: {len(lines) - 1} of 6 scenarios gave no run")
    assert call(capsys, config, *arguments)[0] == 1


def test_interrupt(config, tmp_path, capsys, monkeypatch):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("m4graph.datasets.making.produce.simulate", interrupt)
    status, _, error = call(capsys, config, "--out", tmp_path / "out", "--jobs", "1")
    assert status == 130
    assert "keeps the runs that are done; the same command goes on\n" in error
    assert error.endswith("error: interrupted\n")


def test_out_is_a_file(config, tmp_path, capsys):
    status, _, error = call(capsys, config, "--out", config, "--jobs", "1")
    assert status == 2
    assert error == f"error: {config}: expected a folder for the output (got a file)\n"


def test_no_config(tmp_path, capsys):
    status, _, error = call(capsys, tmp_path / "none.yaml", "--out", tmp_path / "out")
    assert status == 2
    assert "none.yaml: expected a file to read" in error
