"""The command ``import``: what it prints, and its exit status."""

from __future__ import annotations

import pytest

from m4graph.cli.app import main
from tests.convert.conftest import HPCC, write


@pytest.fixture
def sources(tmp_path):
    """Two folders of three flows, of which one did not finish."""
    (tmp_path / "ns3").mkdir()
    return [write(tmp_path / "ns3" / name, HPCC) for name in ("one", "two")]


def call(capsys, *arguments):
    status = main(["import", *map(str, arguments)])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_import(sources, tmp_path, capsys):
    out = tmp_path / "data"
    status, text, error = call(capsys, "--from", "hpcc", tmp_path / "ns3", "--out", out)
    assert (status, error) == (0, "")
    assert text == f"2 runs, 6 flows, 2 unfinished in {out}\n"
    assert sorted(path.name for path in (out / "raw").glob("*.npz")) == [
        "run_000000.npz",
        "run_000001.npz",
    ]


def test_notes(sources, tmp_path, capsys):
    fct = sources[0] / "fct.txt"
    fct.write_text(fct.read_text().replace("2556", "2557"))
    status, _, error = call(capsys, "--from", "hpcc", *sources, "--out", tmp_path / "data")
    assert status == 0
    assert error.startswith(f"note: {sources[0]}: {fct}: the ideal times of 1 flows")
    assert error.count("\n") == 1


def test_a_bad_source(sources, tmp_path, capsys):
    (sources[0] / "fct.txt").unlink()
    out = tmp_path / "data"
    status, text, error = call(capsys, "--from", "hpcc", *sources, "--out", out)
    assert status == 1
    assert text == f"1 runs, 3 flows, 1 unfinished in {out}\n"
    failed, last = error.splitlines()
    assert failed.startswith(f"failed: {sources[0]}: expected recorded times")
    assert last.startswith("error: 1 of 2 sources gave no run")
    assert str(out / "manifest.json") in last


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--from", "ns3"], ["--from: expected one of hpcc, m4, scenario (got 'ns3')"]),
        (["--from", "m4"], ["config*.txt", "no run"][:1]),
        (["--from", "scenario"], ["expected scenario.yaml in it"]),
        ([], ["--from"]),
    ],
)
def test_bad_input(sources, tmp_path, capsys, arguments, words):
    for source in sources:
        (source / "flows.txt").write_text("")
    if "m4" in arguments:
        (sources[0] / "config.txt").unlink()
        (sources[1] / "config.txt").unlink()
    status, text, error = call(capsys, *arguments, *sources, "--out", tmp_path / "data")
    assert (status, text) == (2, "")
    for word in words:
        assert word in error
    assert not (tmp_path / "data").exists()


def test_out_is_a_file(sources, tmp_path, capsys):
    status, _, error = call(capsys, "--from", "hpcc", *sources, "--out", sources[0] / "config.txt")
    assert status == 2
    assert "expected a folder for the output (got a file)" in error
