from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import m4graph as m4
from m4graph.core.errors import ConfigError, InputError, SimulationError


def test_errors_by_hand(comparison):
    errors = comparison().errors
    assert list(errors) == ["fluid", "learned"]
    # |1 - s| / s for s = 1, 2, 4, 8.
    assert errors["fluid"].mean_error == pytest.approx((0 + 1 / 2 + 3 / 4 + 7 / 8) / 4)
    assert errors["fluid"].p99_tail_error == pytest.approx(1 - 1 / np.percentile([1, 2, 4, 8], 99))
    assert errors["learned"].mean_error == 0.0


def test_frame(comparison):
    frame = comparison().to_frame().set_index("simulator")
    assert list(frame.index) == ["packet", "fluid", "learned"]
    assert frame["is_truth"].tolist() == [True, False, False]
    assert np.isnan(frame.loc["packet", "mean_error"])
    assert frame.loc["fluid", "num_compared"] == 4
    assert frame.loc["packet", "packet_hops"] == 1_000_000


def test_flows_that_the_truth_did_not_finish_are_left_out(result):
    made = m4.compare(result("packet", [2.0, np.nan, 4.0]), result("fluid", [1.0, 1.0, 4.0]))
    assert made.errors["fluid"].mean_error == pytest.approx(0.25)
    frame = made.to_frame()
    assert frame["num_compared"].tolist() == [2, 2]
    assert frame["num_left_out"].tolist() == [1, 1]


def test_the_contract_line(comparison, tmp_path):
    path = tmp_path / "slowdown.png"
    comparison().plot(path)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_save_writes_all_files_and_keeps_others(comparison, tmp_path):
    folder = tmp_path / "out"
    comparison().save(folder)
    (folder / "notes.txt").write_text("mine")
    comparison().save(folder)
    assert {path.name for path in folder.iterdir()} == {
        "errors.csv",
        "notes.txt",
        "slowdown_by_size.png",
        "slowdown_cdf.png",
        "summary.md",
        "true_vs_predicted.png",
    }


def test_save_leaves_nothing_when_it_fails(comparison, tmp_path, monkeypatch):
    def fail(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_text", fail)
    with pytest.raises(OSError, match="No space"):
        comparison().save(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_bad_arguments(result, tmp_path):
    truth, guess = result("packet", [1.0, 2.0]), result("fluid", [1.0, 2.0])
    with pytest.raises(ConfigError, match=r"two results or more \(got packet\)"):
        m4.compare(truth)
    with pytest.raises(ConfigError, match="got two of fluid"):
        m4.compare(truth, guess, guess)
    with pytest.raises(ConfigError, match="the same flows"):
        m4.compare(truth, dataclasses.replace(guess, flow_id=guess.flow_id + 1))
    with pytest.raises(SimulationError, match="got none for 1 flows"):
        m4.compare(truth, result("fluid", [1.0, np.nan]))
    made = m4.compare(truth, guess)
    with pytest.raises(ConfigError, match="one of slowdown_by_size, slowdown_cdf"):
        made.plot(tmp_path / "a.png", kind="pie")
    with pytest.raises(InputError, match=r"a\.exe: expected a file ending in .*png"):
        made.plot(tmp_path / "a.exe")
    with pytest.raises(InputError, match=r"none/a\.png: expected a file to write"):
        made.plot(tmp_path / "none" / "a.png")
    assert list(tmp_path.iterdir()) == []
