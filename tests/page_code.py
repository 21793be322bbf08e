"""Runs the code of a Markdown page, block by block, as a reader would who follows it.

Python runs as it stands, but with few flows. Commands of ``m4graph`` run too, at a small scale;
other commands are parsed by the programs that they call. Blocks of YAML are read by what reads them
in use. A block that is none of that fails, so that no page holds code which nothing checks.
"""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from m4graph.cli.app import main
from m4graph.scenario.files import load_scenario
from tests.markdown import Block, blocks
from tests.page_programs import (
    install,
    make_folders,
    parse_pytest,
    parse_python,
    parse_sphinx,
)
from tests.page_yaml import read_block

ROOT = Path(__file__).parents[1]
_PROGRAMS: dict[str, Callable[[list[str]], None]] = {
    "mkdir": make_folders,
    "pip": install,
    "pytest": parse_pytest,
    "python": parse_python,
    "sphinx-build": parse_sphinx,
}
_PICTURE = re.compile("[─│┌└►]")
_LISTING = re.compile(r"(\S+ {2,}\S.*\n)+")
_VARIABLE = re.compile(r"^[A-Z0-9_]+=(\$\([^)]*\)|\S+)\s+")
_EARLY_END = ["workload.until_us=300000", "stop_us=300000"]
_FEW_STEPS = {"max_steps": 1, "runs_per_episode": 2, "val_runs": 1, "num_periods": 4}


def run_page(page: Path, folder: Path) -> int:
    """Runs all blocks of a page in a folder; gives their number. The folder is the working one."""
    names: dict[str, Any] = {}
    found = blocks(page)
    for block in found:
        try:
            run_block(block, folder, names)
        except (Exception, SystemExit) as error:
            error.add_note(f"{page}:{block.line}")
            raise
    return len(found)


def run_block(block: Block, folder: Path, names: dict[str, Any]) -> None:
    """Runs one block.

    Raises:
        AssertionError: If it fails, or nothing here knows what it is.
    """
    if block.language == "python":
        exec(with_few_flows(block.text), names)
    elif block.language == "yaml":
        read_block(yaml.safe_load(block.text), folder)
    elif block.language in ("", "sh", "bash") and is_code(block.text):
        for command in commands(block.text):
            run_command(command)
    elif not block.language.startswith("{") and (  # a directive, which Sphinx checks
        block.language not in ("", "text") or is_code(block.text)
    ):
        raise AssertionError(
            f"expected Python, YAML, commands, a picture or a listing (got {block.language!r})"
        )


def with_few_flows(code: str) -> str:
    """The code with at most 30 flows."""
    return re.sub(r"\bnum_flows=\d{3,}", "num_flows=30", code)


def is_code(text: str) -> bool:
    """Whether a block without a language is meant to be typed: no picture and no list of files."""
    return not (_PICTURE.search(text) or _LISTING.fullmatch(text))


def commands(text: str) -> Iterator[list[str]]:
    """The commands of a block of shell, split into words."""
    for line in text.replace("\\\n", " ").splitlines():
        for part in line.split("&&"):
            words = shlex.split(_VARIABLE.sub("", part.strip()), comments=True)
            if words:
                yield words


def run_command(words: list[str]) -> None:
    """Runs a command of ``m4graph`` at a small scale, or has another one parsed."""
    program, *arguments = words
    if program == "m4graph":
        _make_text(arguments)
        small = [*arguments, *_scale(arguments)]
        assert main(small) == 0, f"failed: m4graph {shlex.join(small)}"
    else:
        assert program in _PROGRAMS, f"expected one of m4graph, {', '.join(_PROGRAMS)}: {words}"
        _PROGRAMS[program](arguments)


def make_sandbox(folder: Path) -> None:
    """Fills a folder with what a clone has."""
    for name in ("configs", "datasets"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("processed"))
    for name in ("examples", "docs", "tests"):
        (folder / name).symlink_to(ROOT / name)


def _make_text(arguments: list[str]) -> None:
    """Makes the folders of ns-3's text that a reader of ``convert`` and ``import`` would have."""
    from m4graph.convert import FORMATS, to_text

    command, *rest = arguments
    style = rest[rest.index("--from") + 1] if "--from" in rest else ""
    if style not in FORMATS:
        return
    given = [word for before, word in pairwise(["", *rest]) if "--" not in before + word]
    scenario = load_scenario(ROOT / "tests/data/scenarios/a01_idle_star_dctcp")
    for source in given[:1] if command == "convert" else given:
        if not Path(source).exists():
            folder = Path(source) if command == "convert" else Path(source, "run")
            folder.mkdir(parents=True)
            to_text(scenario, folder, style)


def _scale(arguments: list[str]) -> list[str]:
    """Options that make a command cheap; an option given twice counts as given last."""
    command, *rest = arguments
    if command in ("simulate", "compare", "sweep"):
        workload = yaml.safe_load(Path(rest[0]).read_text())["workload"]
        if "until_us" in workload:
            return _settings(_EARLY_END)
        return ["--set", "workload.num_flows=20"] if "num_flows" in workload else []
    if arguments[:2] == ["mimic", "fit"]:
        return _settings(_EARLY_END)
    if command == "generate":
        return [*_settings(_few_scenarios(Path(rest[0]))), "--jobs", "1"]
    if command == "evaluate":
        return ["--fraction", "0.01", "--jobs", "1"]
    if command == "train":
        return _small_training(Path(rest[0]))
    return []


def _few_scenarios(path: Path) -> list[str]:
    """Settings of a recipe; one that chooses between kinds of workloads keeps their sizes."""
    scenario = yaml.safe_load(path.read_text())["scenario"]
    few_flows = ["scenario.workload.num_flows=20"] if "workload" in scenario else []
    return ["num_scenarios=3", *few_flows]


def _small_training(path: Path) -> list[str]:
    from m4graph.training.config import load_train_config

    config, data = load_train_config(path)
    fields = type(config).model_fields
    few = [f"{name}={value}" for name, value in _FEW_STEPS.items() if name in fields]
    if not data.exists():
        few.append(f"data={ROOT / 'datasets/tiny'}")
    return _settings([*few, "val_fraction=0.34"])


def _settings(settings: list[str]) -> list[str]:
    return [word for setting in settings for word in ("--set", setting)]
