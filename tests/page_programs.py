"""Commands of other programs: parsed, but not run, except for ``mkdir``."""

from __future__ import annotations

import argparse
import runpy
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).parents[1]


class _Parsed(BaseException):
    """The arguments of a program are fine."""


def make_folders(arguments: list[str]) -> None:
    """``mkdir -p``, which is done, for the commands after it."""
    assert arguments[0] == "-p", arguments
    for word in arguments[1:]:
        Path(word).mkdir(parents=True, exist_ok=True)


def parse_pip(arguments: list[str]) -> None:
    """``pip install`` of this package with extras that it has, or of another package."""
    assert arguments[0] == "install"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for word in arguments:
        if word.startswith(".["):
            extras = set(word[2:-1].split(","))
            assert extras <= set(project["optional-dependencies"]), word


def parse_pytest(arguments: list[str]) -> None:
    """``pytest`` of files that exist."""
    for word in arguments:
        assert word.startswith("-") or (ROOT / word.partition("::")[0]).exists(), word


def parse_sphinx(arguments: list[str]) -> None:
    """``sphinx-build`` of a folder that exists."""
    from sphinx.cmd.build import get_parser

    options = get_parser().parse_args(arguments)
    assert (ROOT / options.sourcedir / "conf.py").exists()


def parse_python(arguments: list[str]) -> None:
    """A script or module, which is left as soon as it has parsed its arguments."""
    if arguments[0] == "-m":
        name, words = arguments[1], arguments[2:]
        found = find_spec(name)
        assert found is not None, name
        path = Path(str(found.origin))
    else:
        path, words = ROOT / arguments[0], arguments[1:]
    if "argparse" not in path.read_text():
        assert not words, f"{path} takes no arguments (got {words})"
        compile(path.read_text(), path, "exec")
        return
    parse = argparse.ArgumentParser.parse_args

    def parse_and_leave(self: argparse.ArgumentParser, *given: list[str]) -> argparse.Namespace:
        parse(self, *given)
        raise _Parsed

    with (
        mock.patch.object(argparse.ArgumentParser, "parse_args", parse_and_leave),
        mock.patch.object(sys, "argv", [str(path), *words]),
        mock.patch.object(sys, "path", [str(path.parent), *sys.path]),
    ):
        try:
            runpy.run_path(str(path), run_name="__main__")
        except _Parsed:
            return
    raise AssertionError(f"{path} did not parse its arguments")
