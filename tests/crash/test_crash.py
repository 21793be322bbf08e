"""Faults at file operations of all commands; and what once broke."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from m4graph.cli.app import main
from tests.crash.commands import CASES, recorded_text
from tests.crash.runs import KINDS, build_library

POINTS_OF_A_SAMPLE = 4
needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc to build faults.c")


def broken(cases: str, max_points: int, scratch: Path) -> tuple[list[dict], list[dict]]:
    """Runs the harness; gives the numbers of each case, and the broken promises."""
    command = [sys.executable, "-m", "tests.crash.harness", cases, ",".join(KINDS)]
    done = subprocess.run(
        [*command, str(max_points), "1"],
        env={**os.environ, "LD_PRELOAD": str(build_library(scratch)), "OMP_NUM_THREADS": "1"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return [each for each in lines if "points" in each], [each for each in lines if "site" in each]


@needs_gcc
def test_a_sample_of_faults(tmp_path):
    quick = [name for name in CASES if name not in ("train", "compare")]
    numbers, found = broken(",".join(quick), POINTS_OF_A_SAMPLE, tmp_path)
    assert not found
    assert sum(sum(each["points"].values()) for each in numbers) == len(quick) * POINTS_OF_A_SAMPLE


@pytest.mark.slow
@needs_gcc
@pytest.mark.parametrize("case", CASES)
def test_faults_at_every_operation(tmp_path, case):
    (numbers,), found = broken(case, 10_000, tmp_path)
    assert not found
    assert sum(numbers["points"].values()) >= 3 * numbers["sites"]


KILLED_IMPORT = """
import os, signal, sys
import m4graph.datasets.importers.folder as folder
from m4graph.cli.app import main
def die(*_): os.kill(os.getpid(), signal.SIGKILL)
setattr(folder, sys.argv[1], die)
main(["import", "--from", "hpcc", "text", "--out", "out"])
"""


@pytest.mark.parametrize("where", ["write_yaml", "save_run", "remove_run"])
def test_an_import_that_was_killed_goes_on(tmp_path, monkeypatch, where):
    recorded_text(tmp_path)
    monkeypatch.chdir(tmp_path)
    command = [sys.executable, "-c", KILLED_IMPORT, where]
    path = str(Path(__file__).parents[2])
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, check=False)
    assert done.returncode == -signal.SIGKILL
    assert main(["import", "--from", "hpcc", "text", "--out", "out"]) == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "config.yaml",
        "manifest.json",
        "raw",
    ]
    assert not list(tmp_path.rglob(".*"))


@pytest.mark.parametrize(
    "name", [pytest.param("simulate", marks=pytest.mark.slow), "generate", "evaluate"]
)
def test_four_at_once_on_one_folder(tmp_path, name):
    case = CASES[name]
    (tmp_path / "in").mkdir()
    case.prepare(tmp_path / "in")
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "M4GRAPH_CACHE": str(tmp_path / "cache"),
    }
    if name == "simulate":  # The others would compile the packet simulator four times.
        environment["NUMBA_CACHE_DIR"] = str(tmp_path / "numba")
    command = [sys.executable, "-m", "m4graph.cli.app", *case.arguments.split()]
    processes = [
        subprocess.Popen(
            command,
            cwd=tmp_path,
            env=environment,
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )
        for _ in range(4)
    ]
    said = [process.communicate()[1].decode() for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, said
    assert (tmp_path / "out" / case.marker).exists()
    assert not list((tmp_path / "out").rglob(".*"))
