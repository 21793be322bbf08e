"""The output folder of ``simulate``; it is itself a scenario that can be run again."""

from __future__ import annotations

from pathlib import Path

from m4graph.errors import InputError
from m4graph.output_folder import check_output_folder, whole_folder
from m4graph.results import SimulationResult
from m4graph.scenario_io import EXPECTED_FILES, write_scenario_files


def check(out: Path, scenario: Path) -> None:
    """Checks, before the run, that results can be written, and would overwrite no input.

    Raises:
        InputError: If not.
    """
    check_output_folder(out)
    own = scenario if scenario.is_dir() else scenario.parent
    if out.resolve() == own.resolve():
        raise InputError(f"--out {out}: expected a folder other than the scenario's own")
    for name in EXPECTED_FILES:
        if (out / name).exists():
            raise InputError(
                f"--out {out}: expected a folder without {name}, which would be taken for the "
                "truth of the scenario written there"
            )


def write(result: SimulationResult, out: Path) -> None:
    """Writes ``fct.csv``, ``summary.json``, and the resolved scenario with its tables."""
    with whole_folder(out) as scratch:
        result.to_file(scratch / "fct.csv")
        result.write_summary(scratch / "summary.json")
        write_scenario_files(result.scenario, scratch)
