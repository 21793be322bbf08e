"""Runs commands with one fault each, at every place where they touch a file.

``python -m tests.crash.harness CASES KINDS MAX_POINTS SEED`` with the library of ``faults.c`` in
``LD_PRELOAD`` prints a line of JSON for each broken promise, and one for each case with the numbers
of its points. Cases and kinds are joined by commas. ``MAX_POINTS`` are drawn of each case. The
process loads everything once and forks for each run, so that a run takes a fraction of a second.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.crash.commands import CASES, Case
from tests.crash.promises import broken_promises, snapshot
from tests.crash.runs import KINDS, Fault, go_to, run


def sites(log: Path) -> dict[str, list[int]]:
    """Distinct operations of a run, and at which positions they come."""
    found: dict[str, list[int]] = {}
    for position, line in enumerate(log.read_text().splitlines()):
        what, _, path = line.partition(" ")
        parts = path.rstrip("/").split("/")[-2:]
        short = re.sub(r"[0-9a-f]{8,}|\d+", "#", "/".join(parts))
        short = re.sub(r"tmp\w{6,}", "tmp*", short)
        found.setdefault(f"{what} {short}", []).append(position)
    return found


def check(
    name: str, kinds: Sequence[str], max_points: int, seed: int, base: Path
) -> dict[str, Any]:
    """Tries a command; gives the numbers of its points, and of its broken promises.

    Args:
        name (str): Of :data:`CASES`.
        kinds (Sequence[str]): Of :data:`KINDS`.
        max_points (int): So many are drawn.
        seed (int): For the draw.
        base (Path): A folder for all of this.
    """
    case, started_s = CASES[name], time.monotonic()
    inputs = base / "inputs"
    inputs.mkdir()
    with contextlib.redirect_stdout(io.StringIO()):
        case.prepare(inputs)

    def fresh(label: str) -> Path:
        folder = base / label
        folder.mkdir()
        shutil.copytree(inputs, folder / "in")
        if (folder / "in" / "out").exists():
            (folder / "in" / "out").rename(folder / "out")
        return folder

    _load_everything(case, fresh("warm"))
    before = snapshot(inputs / "out")
    log, folder = base / "operations.log", fresh("whole")
    done = run(case, case.arguments, folder, log=log)
    assert done.status == 0, done.stderr
    whole = snapshot(folder / "out")
    points = _points(log, kinds, max_points, seed)
    broken: Counter[str] = Counter()
    for number, (site, fault, kind) in enumerate(points):
        folder = fresh(f"point-{number}")
        first = run(case, case.arguments, folder, fault)
        for promise in broken_promises(case, first, fault, folder, before, whole):
            broken[kind] += 1
            print(json.dumps({"case": name, "site": site, "kind": kind, "broken": promise}))
        shutil.rmtree(folder)
    tried = Counter(kind for _, _, kind in points)
    return {
        "case": name,
        "sites": len(sites(log)),
        "points": {kind: tried[kind] for kind in kinds},
        "broken": dict(broken),
        "seconds": round(time.monotonic() - started_s, 1),
    }


def _points(
    log: Path, kinds: Sequence[str], max_points: int, seed: int
) -> list[tuple[str, Fault, str]]:
    """The first and the last operation of each site, with each kind of fault."""
    points = [
        (site, Fault(KINDS[kind], position), kind)
        for site, positions in sorted(sites(log).items())
        for position in sorted({positions[0], positions[-1]})
        for kind in kinds
    ]
    order = np.random.default_rng(seed).permutation(len(points))[:max_points]
    return [points[number] for number in sorted(order)]


def _load_everything(case: Case, folder: Path) -> None:
    """Runs a command once in this process, so that its children need not import or compile."""
    here, environment = Path.cwd(), dict(os.environ)
    go_to(folder)
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        status = case.start(shlex.split(case.arguments))
    os.chdir(here)
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None
    assert status == 0, said.getvalue()


def main(arguments: list[str]) -> None:
    """The command above."""
    names, kinds, max_points, seed = arguments
    for name in names.split(",") if names != "all" else CASES:
        with tempfile.TemporaryDirectory(prefix="crash-") as scratch:
            base = Path(scratch).resolve()
            result = check(name, kinds.split(","), int(max_points), int(seed), base)
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
