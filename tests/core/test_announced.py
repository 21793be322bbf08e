"""First calls of compiled code: who is told what, and when Ctrl-C is heard."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numba
import pytest

from m4graph.core.announced import announced_compilation

_COLD = """
import sys, time
import m4graph.core.announced as announced
from numba import njit

announced._PATIENCE_S = 0.0

@njit(cache=True)
def total(numbers):
    result = 0.0
    for number in numbers:
        result += number ** 0.5
    return result

def call():
    import numpy as np
    return total(np.ones(4))

given, seconds = announced.announced_compilation("sum", call)
assert given == 4.0 and seconds > 0
"""

_HANGING = """
import sys, time
from m4graph.core.exit_status import INTERRUPTED
from m4graph.core.announced import announced_compilation

def hang():
    print("begun", flush=True)
    time.sleep(60)

try:
    announced_compilation("part", hang)
except KeyboardInterrupt:
    sys.exit(INTERRUPTED)
"""


def run(folder: Path, source: str) -> subprocess.CompletedProcess[str]:
    """A process of its own: numba asks the name of a kernel's file for its cache."""
    (folder / "kernel.py").write_text(source)
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(folder / "cache")}
    command = [sys.executable, "kernel.py"]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=True
    )


def test_what_is_compiled_is_announced_and_what_is_loaded_is_not(tmp_path: Path) -> None:
    cold, warm = run(tmp_path, _COLD), run(tmp_path, _COLD)
    lines = cold.stderr.splitlines()
    assert lines
    assert all(line.startswith("m4graph: compiling the sum (once): ") for line in lines)
    assert warm.stderr == ""


def test_errors_come_out() -> None:
    def fail() -> None:
        raise ValueError("of its own")

    with pytest.raises(ValueError, match="of its own"):
        announced_compilation("part", fail)


def test_another_thread_compiles_by_itself() -> None:
    names = []
    thread = threading.Thread(
        target=lambda: announced_compilation(
            "part", lambda: names.append(threading.current_thread().name)
        ),
        name="caller",
    )
    thread.start()
    thread.join()
    assert names == ["caller"]


def test_ctrl_c_ends_the_process_at_once() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", _HANGING],
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    sent = time.perf_counter()
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 130
    assert time.perf_counter() - sent < 10


def test_ctrl_c_stops_numba_at_its_next_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("m4graph.core.announced._leave", lambda compilation: None)
    compiled = []

    def compile_many() -> None:
        signal.raise_signal(signal.SIGINT)
        while not threading.current_thread().interrupted:
            time.sleep(0.01)
        for number in range(1000):
            source = f"def kernel(x): return x + {number}"
            scope: dict[str, object] = {}
            exec(source, scope)
            numba.njit(scope["kernel"])(1)
            compiled.append(number)

    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            announced_compilation("part", compile_many)
    finally:
        signal.signal(signal.SIGINT, previous)
    (thread,) = [each for each in threading.enumerate() if each.name == "m4graph-compilation"]
    thread.join(timeout=60)
    assert not thread.is_alive()
    assert compiled == []
