"""Runs of commands in children of a process that has loaded everything, each with one fault."""

from __future__ import annotations

import ctypes
import io
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.crash.commands import Case

LIBRARY = "faults.so"
NOTHING, KILL, DISK_FULL, INTERRUPT = range(4)
KINDS = {"kill": KILL, "disk_full": DISK_FULL, "interrupt": INTERRUPT}
LONGEST_S = 120.0
_OWN = ("cache", "home", "tmp")
"""What a run is given beside ``in`` and ``out``, in place of the machine's own."""


def build_library(folder: Path) -> Path:
    """Compiles ``faults.c``, for ``LD_PRELOAD``."""
    library, source = folder / LIBRARY, Path(__file__).with_name("faults.c")
    command = ["gcc", "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"]
    subprocess.run(command, check=True)
    return library


@dataclass(frozen=True)
class Fault:
    """One fault at one operation; none, if it is of no kind.

    Args:
        kind (int): One of :data:`KINDS`. (default: none)
        position (int): Of the operation, from 0. (default: none)
    """

    kind: int = NOTHING
    position: int = -1


@dataclass(frozen=True)
class Outcome:
    """How a run ended: as ``waitpid`` says it, and what it said."""

    status: int
    stdout: str
    stderr: str


def run(
    case: Case, arguments: str, folder: Path, fault: Fault = Fault(), log: Path | None = None
) -> Outcome:
    """Runs a command in a child of this process.

    Args:
        case (Case): The command.
        arguments (str): Its arguments.
        folder (Path): Where it runs. Faults strike what is below it.
        fault (Fault): The fault. (default: none)
        log (Path, optional): Where each operation is noted. (default: ``None``)
    """
    said = [folder.parent / f"{folder.name}.{name}" for name in ("stdout", "stderr")]
    child = os.fork()
    if child == 0:
        try:
            _run_here(case, arguments, folder, fault, log, said)
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


def go_to(folder: Path) -> None:
    """Stands in a folder, with caches and temporary files of its own."""
    os.chdir(folder)
    for name in _OWN:
        (folder / name).mkdir(exist_ok=True)
    os.environ |= {
        "M4GRAPH_CACHE": str(folder / "cache"),
        "TMPDIR": str(folder / "tmp"),
        "HOME": str(folder / "home"),
    }
    tempfile.tempdir = None


def left_behind(folder: Path) -> list[str]:
    """What a run has left that is neither an output nor an input."""
    left = [path.name for path in folder.rglob(".*")]
    left += [path.name for path in folder.iterdir() if path.name not in ("in", "out", *_OWN)]
    return left + [path.name for path in (folder / "tmp").iterdir()]


def _run_here(
    case: Case, arguments: str, folder: Path, fault: Fault, log: Path | None, said: list[Path]
) -> None:
    for number, path in enumerate(said, start=1):
        os.dup2(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC), number)
    sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), line_buffering=True)
    sys.stderr = io.TextIOWrapper(io.FileIO(2, "w", closefd=False), line_buffering=True)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    go_to(folder)
    note = -1 if log is None else os.open(log, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    position = ctypes.c_long(fault.position)
    ctypes.CDLL(None).faults_arm(os.fsencode(folder), fault.kind, position, note)
    try:
        status = case.start(shlex.split(arguments))
    except BaseException:
        import traceback

        traceback.print_exc()
        status = 98
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
