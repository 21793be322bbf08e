"""Commands of other programs: parsed but not run, except mkdir and pip on a local folder."""

from __future__ import annotations

import argparse
import gc
import runpy
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from unittest import mock

from m4graph.core.registry import Registry

ROOT = Path(__file__).parents[1]
SITE = "site-packages"
"""Where packages go, in the working folder."""


class _Parsed(BaseException):
    """The arguments of a program are fine."""


def make_folders(arguments: list[str]) -> None:
    """``mkdir -p``, which is done, for the commands after it."""
    assert arguments[0] == "-p", arguments
    for word in arguments[1:]:
        Path(word).mkdir(parents=True, exist_ok=True)


def install(arguments: list[str]) -> None:
    """``pip install`` of this package with extras that it has, or of another package.

    One that stands in the repository is installed, into :data:`SITE`.
    """
    assert arguments[0] == "install"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for word in arguments:
        if word.startswith(".["):
            extras = set(word[2:-1].split(","))
            assert extras <= set(project["optional-dependencies"]), word
        elif (ROOT / word / "pyproject.toml").exists() and word != ".":
            _install_folder(ROOT / word)


def _install_folder(folder: Path) -> None:
    """As ``pip install -e``, but without a build, which needs the network: links and metadata."""
    config = tomllib.loads((folder / "pyproject.toml").read_text())
    project, site = config["project"], Path(SITE)
    about = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Name: {project['name']}\nVersion: {project['version']}\n")
    with (about / "entry_points.txt").open("w") as file:
        for group, names in project["entry-points"].items():
            print(
                f"[{group}]", *(f"{name} = {at}" for name, at in names.items()), sep="\n", file=file
            )
    for package in config["tool"]["setuptools"]["packages"]:
        (site / package).symlink_to(folder / package)
    for registry in registries():
        registry._plugins = None  # so that it looks again


def registries() -> list[Registry[Any]]:
    """All registries of this process."""
    return [each for each in gc.get_objects() if type(each) is Registry]


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
