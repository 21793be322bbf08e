"""Kills commands at random moments, with all their processes, as a power cut would."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass
class Kills:
    """How often a command was killed.

    Args:
        count (int): All kills.
        at_work (int): Those after which there were results that had not been there before.
        while_writing (int): Those that left half a file.
    """

    count: int = 0
    at_work: int = 0
    while_writing: int = 0

    def add(self, other: Kills) -> None:
        self.count += other.count
        self.at_work += other.at_work
        self.while_writing += other.while_writing


def kill_until_done(
    command: str,
    folder: Path,
    results: str,
    moments: np.random.Generator,
    work_s: float,
    max_kills: int,
    status: int = 0,
) -> Kills:
    """Starts a command again and again, and kills all its processes, until it ends by itself.

    Three of four kills come up to ``work_s`` after its first new result, the others before that.

    Args:
        command (str): For a shell.
        folder (Path): Where it writes.
        results (str): Pattern of the files that it writes there.
        moments (numpy.random.Generator): Draws the moments.
        work_s (float): Seconds.
        max_kills (int): After so many, the command is left alone.
        status (int): With which it ends.

    Raises:
        AssertionError: If it ends with another.
    """
    kills, start_s = Kills(), work_s
    while True:
        before, started = _stamps(folder, results), time.monotonic()
        process = subprocess.Popen(
            ["bash", "-c", command], start_new_session=True, stderr=subprocess.PIPE
        )
        if kills.count == max_kills:
            process.communicate()
        elif kills.count % 4 == 3:
            _wait(process, started + moments.uniform(0, start_s))
        else:
            _wait(process, math.inf, lambda: _stamps(folder, results) != before)  # noqa: B023
            start_s = time.monotonic() - started
            _wait(process, time.monotonic() + moments.uniform(0, work_s))
        if process.poll() is not None:
            assert process.returncode == status, process.communicate()[1]
            return kills
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        at_work = _stamps(folder, results) != before
        kills.add(Kills(1, at_work, any(path.is_file() for path in folder.rglob(".*"))))


def _wait(
    process: subprocess.Popen[bytes], until: float, seen: Callable[[], bool] = lambda: False
) -> None:
    while process.poll() is None and time.monotonic() < until and not seen():
        time.sleep(0.002)


def _stamps(folder: Path, results: str) -> dict[Path, int]:
    found = {}
    for path in folder.glob(results):
        with suppress(FileNotFoundError):
            found[path] = path.stat().st_mtime_ns
    return found
