"""The output folders of ``simulate`` and ``compare``: scenarios that can be run again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from m4graph.core.errors import InputError
from m4graph.core.files import check_output_folder, whole_folder
from m4graph.results import SimulationResult
from m4graph.scenario.expected import EXPECTED_FILES, write_expected
from m4graph.scenario.files import write_scenario_files

if TYPE_CHECKING:
    from m4graph.evaluation import Comparison

RECORDING_FOLDER = "recording"
SUMMARY_FILE = "summary.json"
COMPARISON_FILE = "summary.md"


def check(
    out: Path,
    scenario: Path,
    with_expected: bool = False,
    option: str = "--out",
    truths: Iterable[str] = EXPECTED_FILES,
) -> None:
    """Checks, before the run, that results can be written, and would overwrite no input.

    Args:
        out (Path): The folder.
        scenario (Path): The scenario's file or folder.
        with_expected (bool): Recorded times are written along. (default: ``False``)
        option (str): What the folder is called, for messages. (default: ``"--out"``)
        truths (Iterable[str]): Names of files of recorded times.
            (default: those of scenario folders)

    Raises:
        InputError: If not.
    """
    check_output_folder(out)
    own = scenario if scenario.is_dir() else scenario.parent
    if out.resolve() == own.resolve():
        raise InputError(f"{option} {out}: expected a folder other than the scenario's own")
    for name in truths:
        if not with_expected and (out / name).exists():
            raise InputError(
                f"{option} {out}: expected a folder without {name}, which would be taken for the "
                "truth of the scenario written there"
            )


def write(result: SimulationResult, out: Path, options: Mapping[str, Any]) -> None:
    """Writes ``fct.csv``, ``summary.json``, and the resolved scenario with its tables.

    A simulator that knows where flows are held up adds ``links.csv`` and ``links.png``, one that
    always measures what hosts see ``rtt.csv`` and ``throughput.csv``. What was recorded stands in a
    folder ``recording``, with plots. Where there is a ``summary.json``, all of it is there.

    Args:
        result (SimulationResult): The result.
        out (Path): The folder.
        options (Mapping): All options of the simulator.
    """
    with whole_folder(out, mark=SUMMARY_FILE) as scratch:
        result.to_file(scratch / "fct.csv")
        result.write_summary(scratch / SUMMARY_FILE, options)
        write_scenario_files(result.scenario, scratch)
        if "links" in result.extra:
            from m4graph.evaluation import plot_bottlenecks

            result.extra["links"].write_files(scratch)
            plot_bottlenecks(result.extra["links"], scratch / "links.png")
        if "end_to_end" in result.extra:
            result.extra["end_to_end"].write_files(scratch)
        if "recording" in result.extra:
            from m4graph.evaluation import plot_records

            recording = scratch / RECORDING_FOLDER
            recording.mkdir()
            result.extra["recording"].write_files(recording)
            plot_records(result.extra["recording"], recording)


def write_comparison(
    comparison: Comparison, out: Path, options: Mapping[str, Mapping[str, Any]]
) -> None:
    """Writes the tables and plots of a comparison, and the resolved scenario.

    Each simulator has its ``fct_<simulator>.csv`` and ``summary_<simulator>.json``. Where there is
    a ``summary.md``, all of it is there.

    Args:
        comparison (Comparison): The comparison.
        out (Path): The folder.
        options (Mapping): All options of the simulators that ran, by name.
    """
    scenario = comparison.truth.scenario
    with whole_folder(out, mark=COMPARISON_FILE) as scratch:
        for result in (comparison.truth, *comparison.guesses.values()):
            result.to_file(scratch / f"fct_{result.simulator}.csv")
            own = options.get(result.simulator, {})
            result.write_summary(scratch / f"summary_{result.simulator}.json", own)
        comparison.write_files(scratch)
        write_scenario_files(scenario, scratch)
        if scenario.expected is not None:
            write_expected(scratch / EXPECTED_FILES[0], scenario.expected, scenario.workload)
