"""The command as a whole: how it is started, what it says of commands that it does not have."""

from __future__ import annotations

import subprocess
import sys

import pytest

from m4graph.cli.app import COMMANDS, main


def test_python_m():
    done = subprocess.run(
        [sys.executable, "-m", "m4graph", "--version"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.startswith("m4graph ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["simulat"], "(got 'simulat'); did you mean 'simulate'?"),
        (["xyz", "--out", "x"], "zoo (got 'xyz')\n"),
        (["--simulate"], "No such option: --simulate"),
    ],
)
def test_commands_that_there_are_not(arguments, message, capsys):
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("m4graph sim", ["simulate"]),
        ("m4graph ", list(COMMANDS)),
        ("m4graph simulate --eng", ["--engine"]),
        ("m4graph zoo ", ["list", "show"]),
        ("m4graph simulat --eng", []),
    ],
)
def test_completion(line, found, monkeypatch, capsys):
    monkeypatch.setenv("_M4GRAPH_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 0
    assert capsys.readouterr().out.split() == found


def test_completion_is_shown(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--show-completion", "bash"])
    assert ended.value.code == 0
    assert "_M4GRAPH_COMPLETE=complete_bash" in capsys.readouterr().out


def test_an_empty_request_for_completion_is_none(monkeypatch, capsys):
    monkeypatch.setenv("_M4GRAPH_COMPLETE", "")
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("m4graph ")
