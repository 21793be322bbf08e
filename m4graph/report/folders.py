"""The pages of what commands wrote."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from m4graph.core.errors import InputError
from m4graph.core.yaml_file import read_yaml
from m4graph.evaluation.scenario_results import ScenarioResults
from m4graph.report.curves import suite_page, sweep_page
from m4graph.report.job_page import job_page
from m4graph.report.page import Page
from m4graph.report.scenario_page import comparison_page, result_page
from m4graph.report.stored import read_columns, read_records, read_result, read_summary
from m4graph.scenario.files import SCENARIO_FILE, load_scenario

_RUN_KEYS = ("simulator", "num_events", "wall_s", "compile_s", "packet_hops")
_JOB_KEYS = (
    "name", "simulator", "congestion_control", "iteration_ns", "compute_ns", "num_ranks",
    "num_flows", "num_simulated",
)  # fmt: skip


def page_of_folder(folder: Path) -> Page:
    """The page of what ``simulate``, ``compare``, ``evaluate``, ``sweep`` or ``job`` wrote.

    Raises:
        InputError: If the folder is none of these, or a file of it is damaged.
    """
    read = _reader(folder)
    if read is None:
        raise InputError(
            f"{folder}: expected a scenario, or what simulate, compare, evaluate, sweep or job "
            "wrote (got none of their files)"
        )
    return read(folder)


def is_output(folder: Path) -> bool:
    """Whether one of these commands wrote the folder, so that it is more than a scenario."""
    return _reader(folder) is not None


def _simulated(folder: Path) -> Page:
    scenario = load_scenario(folder)
    result = read_result(
        folder / "fct.csv", read_summary(folder / "summary.json", *_RUN_KEYS), scenario
    )
    records = read_records(folder / "recording", scenario)
    return result_page(result, records)


def _compared(folder: Path) -> Page:
    scenario = load_scenario(folder)
    errors = read_columns(folder / "errors.csv", "simulator", "is_truth")
    truths, others = [], {}
    for name, is_truth in zip(errors["simulator"], errors["is_truth"], strict=True):
        summary = read_summary(folder / f"summary_{name}.json", *_RUN_KEYS)
        result = read_result(folder / f"fct_{name}.csv", summary, scenario)
        if is_truth:
            truths.append(result)
        else:
            others[str(name)] = result
    if len(truths) != 1:
        raise InputError(f"{folder / 'errors.csv'}: expected one truth (got {len(truths)})")
    return comparison_page(ScenarioResults(truths[0], others))


def _evaluated(folder: Path) -> Page:
    config = read_yaml(folder / "evaluation.yaml")
    scenarios = read_columns(folder / "scenarios.csv", "scenario", "simulator", "is_truth")
    by_size = read_columns(folder / "by_size.csv", "scenario", "simulator", "size")
    return suite_page(str(config.get("suite")), scenarios, by_size)


def _swept(folder: Path) -> Page:
    config = read_yaml(folder / "sweep.yaml")
    return sweep_page(str(config.get("name")), read_columns(folder / "sweep.csv", "simulator"))


def _job(folder: Path) -> Page:
    return job_page(
        read_summary(folder / "summary.json", *_JOB_KEYS),
        read_columns(folder / "collectives.csv", "kind", "bytes", "start_ns", "end_ns"),
        read_columns(folder / "ranks.csv", "tenant", "rank", "host", "compute_ns"),
        read_columns(folder / "links.csv", "a", "b", "bytes", "load"),
    )


_KINDS: dict[tuple[str, ...], Callable[[Path], Page]] = {
    ("sweep.csv", "sweep.yaml"): _swept,
    ("metrics.json", "scenarios.csv", "evaluation.yaml"): _evaluated,
    ("summary.json", "collectives.csv"): _job,
    ("summary.md", "errors.csv", SCENARIO_FILE): _compared,
    ("summary.json", "fct.csv", SCENARIO_FILE): _simulated,
}
"""The files that say which command wrote a folder."""


def _reader(folder: Path) -> Callable[[Path], Page] | None:
    for marks, read in _KINDS.items():
        if all((folder / mark).is_file() for mark in marks):
            return read
    return None
