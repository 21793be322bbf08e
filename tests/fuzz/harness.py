"""Damages files and has them read, each in a child of a process that has everything loaded.

``python -m tests.fuzz.harness NUM_MUTATIONS SEED [TARGET ...]`` prints a line of JSON for each
finding, and one with the counts. A good answer is status 0 with sane results, or status 1 or 2 with
one line; no traceback, crash, silence of 20 seconds, 4 GiB, or half of an output folder.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import select
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from tests.fuzz.mutations import damaged
from tests.fuzz.targets import OUT, TARGETS, Target

LONGEST_S = 20.0
FILES_A_CHILD = 25
MAX_MEMORY_BYTES = 4 << 30
TIMED_OUT = -1000


def attempts(target: Target, folders: Sequence[Path]) -> Iterator[tuple[int, str]]:
    """Has the damaged files of some folders read; gives each status, and what went to stderr.

    A child reads one folder after the other, as a fork takes longer than most files; where it dies,
    or says nothing for long, the next child goes on behind that folder.
    """
    done = 0
    while done < len(folders):
        for status in _statuses(target, folders[done:]):
            said = folders[done] / "stderr"
            yield status, said.read_text(errors="replace") if said.exists() else ""
            done += 1


def _statuses(target: Target, folders: Sequence[Path]) -> Iterator[int]:
    """The statuses that a child gives, until it has read all folders, or one has ended it."""
    listening, telling = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            _prepare_child()
            for folder in folders:
                status = _read_here(target, folder)
                sys.stderr.flush()
                os.write(telling, bytes([status]))
        finally:
            os._exit(0)
    os.close(telling)
    told = b"?"
    for _ in folders:
        ready, _, _ = select.select([listening], [], [], LONGEST_S)
        told = os.read(listening, 1) if ready else b""
        if not told:
            break
        yield told[0]
    if not told and not ready:
        os.kill(child, signal.SIGKILL)
    os.close(listening)
    _, status = os.waitpid(child, 0)
    if not told:
        yield os.waitstatus_to_exitcode(status) if ready else TIMED_OUT


def _prepare_child() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), line_buffering=True)
    sys.stderr = io.TextIOWrapper(io.FileIO(2, "w", closefd=False), line_buffering=True)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MAX_MEMORY_BYTES,) * 2)


def _read_here(target: Target, folder: Path) -> int:
    said = os.open(folder / "stderr", os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    os.dup2(said, 2)
    os.close(said)
    os.chdir(folder)
    try:
        status = target.read()
    except BaseException:
        import traceback

        traceback.print_exc()
        return 98
    if status == 0:
        for problem in target.check():
            print(f"nonsense: {problem}", file=sys.stderr)
            return 96
    return status


def findings(status: int, said: str, folder: Path, keeps: bool) -> Iterator[str]:
    """What is wrong with an answer."""
    if status == TIMED_OUT:
        yield f"no end within {LONGEST_S} s"
    elif status < 0:
        yield f"killed by {signal.Signals(-status).name}"
    elif "Traceback" in said or status in (97, 98, 99):
        yield f"traceback: {said.strip()[-700:]}"
    elif status == 96:
        yield said.strip()[-300:]
    elif status not in (0, 1, 2):
        yield f"status {status}: {said.strip()[-300:]}"
    elif status and sum(line.startswith("error:") for line in said.splitlines()) > 1:
        yield f"more than one line: {said.strip()[-300:]}"
    if (
        status not in (0, TIMED_OUT)
        and not keeps
        and (folder / OUT).exists()
        and any((folder / OUT).iterdir())
    ):
        yield f"status {status}, but there is an output: {os.listdir(folder / OUT)[:4]}"


def fuzz(name: str, num_mutations: int, rng: np.random.Generator) -> Counter[str]:
    """Damages one kind of file again and again; gives the counts of statuses and findings."""
    target, counts = TARGETS[name], Counter[str]()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as scratch:
        base = Path(scratch)
        inputs = base / "inputs"
        inputs.mkdir()
        target.prepare(inputs)
        _load_everything(target, base, inputs)
        files = sorted(path for path in inputs.glob(target.files) if path.is_file())
        for start in range(0, num_mutations, FILES_A_CHILD):
            tries = []
            for number in range(start, min(start + FILES_A_CHILD, num_mutations)):
                folder = base / f"try{number}"
                shutil.copytree(inputs, folder / "in")
                path = files[int(rng.integers(len(files)))]
                content = damaged(path, rng)
                (folder / "in" / path.relative_to(inputs)).write_bytes(content)
                tries.append((folder, path, content))
            answers = attempts(target, [folder for folder, _, _ in tries])
            for (folder, path, content), (status, said) in zip(tries, answers, strict=True):
                counts["accepted" if status == 0 else "refused"] += 1
                for found in findings(status, said, folder, target.keeps):
                    counts["found"] += 1
                    kept = _keep(path, content, name)
                    print(json.dumps({"target": name, "file": kept, "found": found}), flush=True)
                shutil.rmtree(folder)
    return counts


def _keep(path: Path, content: bytes, name: str) -> str:
    """Keeps a damaged file, where ``$M4GRAPH_FUZZ_FINDINGS`` names a folder."""
    if "M4GRAPH_FUZZ_FINDINGS" not in os.environ:
        return path.name
    folder = Path(os.environ["M4GRAPH_FUZZ_FINDINGS"], name.replace(" ", "-"))
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / f"{len(os.listdir(folder))}-{path.name}"
    kept.write_bytes(content)
    return str(kept)


def _load_everything(target: Target, base: Path, inputs: Path) -> None:
    """Reads the undamaged files once in this process, and compiles what that needs."""
    folder, before = base / "whole", Path.cwd()
    folder.mkdir()
    shutil.copytree(inputs, folder / "in")
    os.chdir(folder)
    with contextlib.redirect_stdout(io.StringIO()):
        status = target.read()
        problems = list(target.check())
    os.chdir(before)
    assert (status, problems) == (0, []), f"expected good files to be read (got {status})"


def main(arguments: list[str]) -> None:
    num_mutations, seed, *names = arguments
    for name in names or TARGETS:
        rng = np.random.default_rng([int(seed), list(TARGETS).index(name)])
        began = time.monotonic()
        counts = fuzz(name, int(num_mutations), rng)
        wall_s = round(time.monotonic() - began, 1)
        print(json.dumps({"target": name, **counts, "wall_s": wall_s}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
