from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from m4graph.core.errors import InputError, SimulationError
from m4graph.core.exit_status import exit_status


def raises(error):
    def command():
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (InputError("a:\n b"), 2, "error: a: b\n"),
        (SimulationError("c"), 1, "error: c\n"),
        (OSError(28, "No space left on device", "out"), 1, "No space left on device: 'out'\n"),
        (MemoryError(), 1, "error: MemoryError\n"),
        (KeyboardInterrupt(), 130, "error: interrupted\n"),
    ],
)
def test_each_error_has_its_status_and_one_line(capsys, error, status, line):
    assert exit_status(raises(error)) == status
    said = capsys.readouterr().err
    assert said.endswith(line)
    assert said.count("\n") == 1


def test_sigterm_ends_a_command_and_its_handler_goes(capsys):
    before = signal.getsignal(signal.SIGTERM)
    cleared = []

    def command():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            cleared.append(True)

    assert exit_status(command) == 143
    assert cleared
    assert capsys.readouterr().err == "error: terminated\n"
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_command_in_a_thread_has_no_handlers():
    found = []
    thread = threading.Thread(target=lambda: found.append(exit_status(lambda: None)))
    thread.start()
    thread.join()
    assert found == [0]


@pytest.mark.parametrize(("to", "said"), [("/dev/full", "No space left on device"), ("|true", "")])
def test_an_output_that_takes_nothing(to, said):
    shell = f"{sys.executable} -m m4graph.cli.app --help {to if to[0] == '|' else '> ' + to}"
    done = subprocess.run(
        ["bash", "-c", f"{shell}; exit ${{PIPESTATUS[0]}}"], capture_output=True, text=True
    )
    assert "Traceback" not in done.stderr
    assert said in done.stderr
    assert done.returncode in ((1,) if said else (0, 1))
