"""What a command promises, whatever happens to it: nothing lost, nothing left, the same result."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias
from zipfile import BadZipFile

import numpy as np

from tests.crash.commands import Case
from tests.crash.runs import DISK_FULL, INTERRUPT, KILL, Fault, Outcome, left_behind, run

Snapshot: TypeAlias = dict[str, Any]

_VOLATILE = {
    "wall_s",
    "mean_wall_s",
    "compile_s",
    "peak_rss_bytes",
    "seconds",
    "created",
    "us_per_event",
    "tables_cpu_s",
    "train_cpu_s",
    "simulation_cpu_s",
    "fit_cpu_s",
    "at_size_cpu_s",
    "cpu_s",
}
_NUMBER = re.compile(r"\d[\d.]*(e[+-]?\d+)?( [kM]\b)?")
_TEXTS_WITH_TIMES = {".md", ".log", ".txt"}
_LOGS = re.compile(r"(events\.out\.|\.ckpt$|metrics\.csv$|hparams\.yaml$|log\.csv$)")
_STATUS = {KILL: (-9, 0), DISK_FULL: (1, 2, 0), INTERRUPT: (130, 0)}


def snapshot(folder: Path) -> Snapshot:
    """What a run leaves, without what differs from run to run: times, memory, logs."""
    return {
        str(path.relative_to(folder)): _content(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not _LOGS.search(path.name)
    }


def broken_promises(
    case: Case, first: Outcome, fault: Fault, folder: Path, before: Snapshot, whole: Snapshot
) -> Iterator[str]:
    """What a run with a fault, and the one after it, should not have done.

    Args:
        case (Case): The command.
        first (Outcome): How the run with the fault ended.
        fault (Fault): The fault.
        folder (Path): Where it ran.
        before (dict): The snapshot of what it found.
        whole (dict): The snapshot of what a run without faults leaves.
    """
    yield from _ending(first, fault)
    yield from _state(case, snapshot(folder / "out"), before, whole)
    second = run(case, case.arguments, folder)
    if second.status != 0 and case.again and "--resume" in second.stderr:
        second = run(case, case.again, folder)
    if second.status != 0:
        yield f"run again: expected status 0 (got {second.status}: {second.stderr[-400:]})"
        return
    after = snapshot(folder / "out")
    if after != whole:
        names = [name for name in {*after, *whole} if after.get(name) != whole.get(name)]
        yield f"run again, other results: {sorted(names)[:6]}"
    if left := left_behind(folder):
        yield f"left behind: {left[:6]}"


def _ending(first: Outcome, fault: Fault) -> Iterator[str]:
    if "Traceback" in first.stderr or "Exception ignored" in first.stderr:
        yield f"traceback: {first.stderr[-600:]}"
    if first.status not in _STATUS[fault.kind]:
        yield f"expected status {_STATUS[fault.kind]} (got {first.status}: {first.stderr[-300:]})"
    if first.status > 0 and first.stderr.count("error:") != 1:
        yield f"expected one line that says what is wrong (got {first.stderr[-300:]!r})"


def _state(case: Case, found: Snapshot, before: Snapshot, whole: Snapshot) -> Iterator[str]:
    """Where the marker is, all is there, of before or of now; what is another's stays."""
    lost = [name for name in before if name not in found and before[name] == whole.get(name)]
    if lost:
        yield f"lost: {lost[:6]}"
    if case.marker not in found:
        return
    wrong = [case.marker]
    for state in (before, whole):
        if found[case.marker] == state.get(case.marker):
            wrong = [name for name in state if found.get(name) != state[name]]
            if not wrong:
                return
    yield f"looks complete, but lacks {sorted(wrong)[:6]}"


def _content(path: Path) -> Any:
    try:
        if path.suffix == ".json":
            return _without_volatile(json.loads(path.read_text()))
        if path.suffix == ".csv":
            rows = list(csv.reader(path.open()))
            kept = [column for column, name in enumerate(rows[0]) if name not in _VOLATILE]
            return [[row[column] for column in kept if column < len(row)] for row in rows]
        if path.suffix == ".npz":
            return _arrays(path)
    except (ValueError, IndexError, EOFError, BadZipFile):
        return f"damaged: {path.read_bytes()!r}"
    if path.suffix in _TEXTS_WITH_TIMES:
        return re.sub(r"[\s-]+", " ", _NUMBER.sub("#", path.read_text()))
    return path.read_bytes()


def _arrays(path: Path) -> Any:
    with np.load(path) as arrays:
        return {
            name: _without_volatile(json.loads(str(array))) if name == "header" else array.tobytes()
            for name, array in arrays.items()
        }


def _without_volatile(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_volatile(of) for key, of in value.items() if key not in _VOLATILE}
    return [_without_volatile(of) for of in value] if isinstance(value, list) else value
