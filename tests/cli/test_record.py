"""``simulate --record``, with the packet simulator itself."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from m4graph.cli.app import main

RECORDING = "interval_us: 1.0\nlinks: [[0, 3], [3, 1]]\nflows: all\ntaps: all\n"
FAULTS = "faults:\n  - {link: [0, 3], kind: slow, factor: 0.5}\n"


@pytest.fixture
def recording(tiny):
    path = tiny.parent / "recording.yaml"
    path.write_text(RECORDING)
    return path


def call(capsys, *arguments):
    status = main([str(argument) for argument in arguments])
    return status, capsys.readouterr().err


def test_record(tiny, recording, capsys):
    with (tiny / "scenario.yaml").open("a") as file:
        file.write(FAULTS)
    out = tiny.parent / "out"
    for _ in range(2):  # The second time into a folder that is there.
        assert call(capsys, "simulate", tiny, "--record", recording, "--out", out)[0] == 0
    names = {path.name for path in (out / "recording").iterdir()}
    assert names == {"links.parquet", "flows.parquet", "packets.parquet", "recording.yaml"} | {
        "links.png",
        "flows.png",
    }
    links = pd.read_parquet(out / "recording" / "links.parquet")
    # Flows 0 and 2 go from host 0 to host 1, in packets of 1048 and 348 bytes; there are ACKs, too.
    assert links[links["a"] == 0]["sent_bytes"].sum() == 1048 + 348
    assert json.loads((out / "summary.json").read_text())["extra"]["packets_lost"] == 0
    assert "factor: 0.5" in (out / "scenario.yaml").read_text()
    again = tiny.parent / "again"
    assert call(capsys, "simulate", out, "--out", again)[0] == 0
    assert (again / "fct.csv").read_bytes() == (out / "fct.csv").read_bytes()


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (RECORDING, [], "--record: expected --out"),
        ("links: some\n", ["--out", "o"], "recording.yaml: links: expected all or a list"),
        ("link: all\n", ["--out", "o"], "recording.yaml: link: unknown key"),
        ("flows: [9]\n", ["--out", "o"], "recording.flows.0: expected the id of a flow, 0, 1, 2"),
        (RECORDING, ["--out", "o", "--simulator", "fluid"], "this option (got fluid)"),
    ],
)
def test_bad_recordings(tiny, recording, capsys, monkeypatch, text, options, message):
    monkeypatch.chdir(tiny.parent)
    recording.write_text(text)
    status, err = call(capsys, "simulate", tiny, "--record", recording, *options)
    assert status == 2
    assert message in err
    assert not (tiny.parent / "o").exists()
