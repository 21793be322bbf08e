"""Runs commands with one fault each, at every place where they touch a file.

``python -m tests.crash.harness CASE KINDS MAX_POINTS SEED`` with ``faults.c`` in ``LD_PRELOAD``
prints a line of JSON for each broken promise, and one with the number of points. The process loads
everything once and forks for each run, so that a run takes a fraction of a second.
"""

from __future__ import annotations

import contextlib
import csv
import ctypes
import io
import json
import os
import re
import shlex
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.crash.commands import CASES, Case

NOTHING, KILL, DISK_FULL, INTERRUPT = range(4)
KINDS = {"kill": KILL, "disk_full": DISK_FULL, "interrupt": INTERRUPT}
LONGEST_S = 120.0
VOLATILE = {"wall_s", "compile_s", "peak_rss_bytes", "seconds", "created", "us_per_event"}
TEXTS_WITH_TIMES = {".md", ".log", ".txt"}
LOGS = re.compile(r"(events\.out\.|\.ckpt$|metrics\.csv$|log\.csv$)")


@dataclass
class Outcome:
    """How a run ended: as ``waitpid`` says it, and what it said."""

    status: int
    stdout: str
    stderr: str


def run(
    case: Case, folder: Path, kind: int, position: int, log: Path | None, again: bool
) -> Outcome:
    """Runs a command in a child of this process, with a fault at one of its operations."""
    said = [folder.parent / f"{folder.name}.{name}" for name in ("stdout", "stderr")]
    child = os.fork()
    if child == 0:
        try:
            _run_here(case, folder, kind, position, log, again, said)
        finally:
            os._exit(99)
    deadline = time.monotonic() + LONGEST_S
    while True:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            texts = [path.read_text(errors="replace") for path in said]
            return Outcome(os.waitstatus_to_exitcode(status), *texts)
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return Outcome(-1000, "", f"no end after {LONGEST_S} s")
        time.sleep(0.002)


def _run_here(
    case: Case,
    folder: Path,
    kind: int,
    position: int,
    log: Path | None,
    again: bool,
    said: list[Path],
) -> None:
    for number, path in enumerate(said, start=1):
        os.dup2(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC), number)
    sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), line_buffering=True)
    sys.stderr = io.TextIOWrapper(io.FileIO(2, "w", closefd=False), line_buffering=True)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(folder)
    os.environ["M4GRAPH_CACHE"] = str(folder / "cache")
    handle = -1 if log is None else os.open(log, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    ctypes.CDLL(None).faults_arm(os.fsencode(folder), kind, ctypes.c_long(position), handle)
    try:
        status = case.start(shlex.split(case.again if again and case.again else case.arguments))
    except KeyboardInterrupt:
        import traceback

        traceback.print_exc()
        status = 98
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def sites(log: Path) -> dict[str, list[int]]:
    """Distinct operations of a run, and at which positions they come."""
    found: dict[str, list[int]] = {}
    path = ""
    for position, line in enumerate(log.read_text().splitlines()):
        what, _, named = line.partition(" ")
        path = named or path
        short = re.sub(r"[-.][\w]{8,12}$", "-*", path.rstrip("/").rpartition("/")[2])
        short = re.sub(r"[0-9a-f]{8,}|\d+", "#", short)
        found.setdefault(f"{what} {short}", []).append(position)
    return found


def snapshot(folder: Path) -> dict[str, Any]:
    """What a run leaves, without what differs from run to run: times, memory, logs."""
    return {
        str(path.relative_to(folder)): _content(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not LOGS.search(path.name)
    }


def _content(path: Path) -> Any:
    if path.suffix == ".json":
        return _without_volatile(json.loads(path.read_text()))
    if path.suffix == ".csv":
        rows = list(csv.reader(path.open()))
        kept = [column for column, name in enumerate(rows[0]) if name not in VOLATILE]
        return [[row[column] for column in kept if column < len(row)] for row in rows]
    if path.suffix in TEXTS_WITH_TIMES:
        return re.sub(r"[\d.]+", "#", path.read_text())
    return path.read_bytes()


def _without_volatile(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_volatile(of) for key, of in value.items() if key not in VOLATILE}
    return [_without_volatile(of) for of in value] if isinstance(value, list) else value


def broken_promises(
    case: Case, first: Outcome, kind: int, folder: Path, whole: dict[str, Any]
) -> Iterator[str]:
    """What a run with a fault, and the one after it, should not have done."""
    if "Traceback" in first.stderr:
        yield f"traceback: {first.stderr[-600:]}"
    if kind == INTERRUPT and first.status not in (0, 130):
        yield f"interrupted: expected status 130 or 0 (got {first.status}: {first.stderr[-300:]})"
    if kind == DISK_FULL and first.status not in (0, 1, 2):
        yield f"full disk: expected status 1 (got {first.status}: {first.stderr[-300:]})"
    if kind == DISK_FULL and first.status != 0 and first.stderr.strip().count("error:") != 1:
        yield f"full disk: expected one line (got {first.stderr[-300:]!r})"
    marker = folder / "out" / case.marker
    if marker.exists() and _missing(snapshot(folder / "out"), whole):
        yield f"looks complete, but lacks {_missing(snapshot(folder / 'out'), whole)}"
    second = run(case, folder, NOTHING, -1, None, again=True)
    if second.status != 0:
        yield f"run again: expected status 0 (got {second.status}: {second.stderr[-400:]})"
    after = snapshot(folder / "out")
    if second.status == 0 and after != whole:
        names = [name for name in {*after, *whole} if after.get(name) != whole.get(name)]
        yield f"run again, other results: {sorted(names)[:6]}"
    left = [path.name for path in folder.rglob(".*")]
    left += [path.name for path in folder.iterdir() if path.name not in ("in", "out", "cache")]
    if second.status == 0 and left:
        yield f"left behind: {left[:6]}"


def _load_everything(case: Case, folder: Path) -> None:
    """Runs a command once in this process, so that its children need not import or compile."""
    before = Path.cwd()
    os.chdir(folder)
    os.environ["M4GRAPH_CACHE"] = str(folder / "cache")
    with contextlib.redirect_stdout(io.StringIO()):
        status = case.start(shlex.split(case.arguments))
    os.chdir(before)
    assert status == 0, f"expected a run that ends well (got status {status})"


def _missing(found: dict[str, Any], whole: dict[str, Any]) -> list[str]:
    return sorted(name for name in whole if name not in found)[:6]


def check(name: str, kinds: list[str], max_points: int, seed: int) -> int:
    """Tries a command; gives the number of points."""
    case = CASES[name]
    with tempfile.TemporaryDirectory(prefix="crash-") as scratch:
        base = Path(scratch).resolve()
        inputs = base / "inputs"
        inputs.mkdir()
        case.prepare(inputs)

        def fresh(label: str) -> Path:
            folder = base / label
            folder.mkdir()
            shutil.copytree(inputs, folder / "in")
            return folder

        warm = fresh("warm")
        assert run(case, warm, NOTHING, -1, None, False).status == 0, (
            "expected a run that ends well"
        )
        log, whole_folder = base / "operations.log", fresh("whole")
        done = run(case, whole_folder, NOTHING, -1, log, False)
        assert done.status == 0, done.stderr
        whole = snapshot(whole_folder / "out")
        points = [
            (site, position, kind)
            for site, positions in sorted(sites(log).items())
            for position in sorted({positions[0], positions[-1]})
            for kind in kinds
        ]
        order = np.random.default_rng(seed).permutation(len(points))[:max_points]
        for number in sorted(order):
            site, position, kind = points[number]
            folder = fresh(f"point-{number}")
            first = run(case, folder, KINDS[kind], position, None, False)
            for promise in broken_promises(case, first, KINDS[kind], folder, whole):
                print(json.dumps({"case": name, "site": site, "kind": kind, "broken": promise}))
            shutil.rmtree(folder)
        return len(order)


def main(arguments: list[str]) -> None:
    name, kinds, max_points, seed = arguments
    count = check(name, kinds.split(","), int(max_points), int(seed))
    print(json.dumps({"case": name, "points": count}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
