"""Where runs of others are, and how they are read: as scenarios with recorded times."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from m4graph.convert import FORMATS, from_text
from m4graph.core.errors import ConfigError, InputError, one_of
from m4graph.scenario import Scenario
from m4graph.scenario.expected import EXPECTED_FILES
from m4graph.scenario.files import SCENARIO_FILE, load_scenario

SCENARIO = "scenario"
SOURCE_FORMATS = (*FORMATS, SCENARIO)


def find_sources(paths: Iterable[str | Path], format_name: str) -> list[Path]:
    """Finds the runs: what is named itself, or all that is in the folders that are named.

    Args:
        paths (list of str or Path): Folders of a run, or folders of such folders, however deep; or
            the files ``config*.txt`` or ``scenario.yaml``.
        format_name (str): One of :data:`SOURCE_FORMATS`.

    Returns:
        list: In the order of the paths, and of names inside a folder.

    Raises:
        InputError: If there is none in a path, or one run comes twice.
    """
    if format_name not in SOURCE_FORMATS:
        raise ConfigError(f"--from: expected {one_of(SOURCE_FORMATS)} (got {format_name!r})")
    pattern = SCENARIO_FILE if format_name == SCENARIO else "config*.txt"
    found: list[Path] = []
    for path in map(Path, paths):
        inside = [path] if path.is_file() else sorted({f.parent for f in path.rglob(pattern)})
        if not inside:
            raise InputError(f"{path}: expected {pattern} in it, or in a folder in it (got none)")
        found += inside
    seen: set[Path] = set()
    for path in found:
        if path.resolve() in seen:
            raise InputError(f"{path}: expected each run once (got it again)")
        seen.add(path.resolve())
    return found


def read_source(path: Path, format_name: str) -> tuple[Scenario, list[str]]:
    """Reads a run.

    Args:
        path (Path): As :func:`find_sources` gave it.
        format_name (str): One of :data:`SOURCE_FORMATS`.

    Returns:
        tuple: The scenario with its recorded times, and a line for each thing that was left out or
        taken otherwise.

    Raises:
        InputError: If it is bad, or nothing was recorded.
    """
    if format_name == SCENARIO:
        scenario = load_scenario(path)
        wanted, notes = EXPECTED_FILES[0], _ideal_note(scenario)
    else:
        scenario, notes = from_text(path, format_name)
        wanted = FORMATS[format_name].times
    if scenario.expected is None:
        raise InputError(f"{path}: expected recorded times, as in {wanted} (got none)")
    fct_ns, ideal_ns = scenario.expected.fct_ns, scenario.ideal_fct_ns
    if not (fct_ns >= 0).any():
        raise InputError(f"{path}: expected flows that finished (got none)")
    too_fast = int(((fct_ns >= 0) & (fct_ns < ideal_ns)).sum())
    if too_fast:
        notes.append(
            f"{too_fast} flows are faster than their ideal time: were they of another network?"
        )
    return scenario, notes


def _ideal_note(scenario: Scenario) -> list[str]:
    if scenario.expected is None:
        return []
    off_ns = np.abs(scenario.expected.ideal_fct_ns - scenario.ideal_fct_ns)
    if not off_ns.any():
        return []
    return [
        f"the recorded ideal times of {np.count_nonzero(off_ns)} flows differ from m4graph's, by "
        f"up to {off_ns.max()} ns; slowdowns are relative to m4graph's"
    ]
