"""What is shown of how far something is, where there is no terminal."""

from __future__ import annotations

import pytest

from m4graph.core import progress
from m4graph.core.progress import count_progress, say


def test_a_log_file_has_a_line_a_minute(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter([0.0, 59.0, 60.0, 61.0, 120.0, 150.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    with count_progress("runs") as report:
        for done in range(1, 6):
            report(done, 5)
    assert capsys.readouterr().err.splitlines() == ["runs: 2 of 5", "runs: 4 of 5"]


def test_what_is_quick_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    with count_progress("runs") as report:
        report(1, 1)
    assert capsys.readouterr() == ("", "")
    say("a line")
    assert capsys.readouterr() == ("", "a line\n")
