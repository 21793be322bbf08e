"""One point of a sweep: every simulator's run, kept whole, and its row of the table."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from m4graph.core.errors import SimulationError
from m4graph.evaluation.suites.run import compile_for, file_name
from m4graph.evaluation.suites.store import CPU_S, load_result, save_result
from m4graph.evaluation.tables import ERROR_COLUMNS
from m4graph.metrics import errors
from m4graph.results import SimulationResult
from m4graph.scenario import Scenario
from m4graph.scenario.cautions import Caution
from m4graph.simulators import TRUTH, Refusal, Runner
from m4graph.sweeps.points import Point
from m4graph.sweeps.source import Source

_warm: set[tuple[str, str]] = set()


@dataclass(frozen=True)
class PointRows:
    """What came of a point, plain values all of it.

    Args:
        number (int): Which point.
        rows (list): One for each simulator: the columns of the table, but for the swept keys.
        refusals (Mapping): Simulators that cannot do it, and why; they have no row.
        warnings (tuple): What simulators warned of.
    """

    number: int
    rows: list[dict[str, Any]]
    refusals: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Call:
    """A point that is to be run. Travels to workers.

    Args:
        number (int): Which point.
        source (Source): What is swept.
        point (Point): The values that are set.
        digest (str): Hash of the scenario that this gives.
        runners (tuple): The simulators.
        identities (Mapping): Hash of all else that the results of each depend on, by label.
        quantiles (tuple): Of the slowdowns.
        folder (Path, optional): Where results are kept; ``None``: nowhere.
    """

    number: int
    source: Source
    point: Point
    digest: str
    runners: tuple[Runner, ...]
    identities: Mapping[str, str]
    quantiles: tuple[float, ...]
    folder: Path | None


def run_point(call: Call) -> PointRows:
    """Runs a point with the simulators whose results are not there yet; importable, for workers.

    Raises:
        InputError: If the point is bad.
        SimulationError: If a run fails.
    """
    scenario = call.source.build(call.point.overrides)
    results: dict[str, SimulationResult] = {}
    refusals: dict[str, str] = {}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", Caution)  # The table counts what did not finish.
        for runner in call.runners:
            try:
                results[runner.label] = _result(call, runner, scenario)
            except Refusal as refusal:
                refusals[runner.label] = str(refusal)
    truth = results.get(TRUTH)
    rows = [_row(result, truth, call.quantiles) for result in results.values()]
    heard = tuple(dict.fromkeys(str(each.message) for each in caught))
    return PointRows(call.number, rows, refusals, heard)


def result_file(folder: Path, label: str, number: int) -> Path:
    """Where a result is kept: ids, sizes, starts, and times of all flows."""
    return folder / file_name(label) / f"{number:05d}.npz"


def quantile_column(quantile: float) -> str:
    """The column of a quantile of slowdowns, as in ``p99_slowdown``."""
    return f"p{100 * quantile:.10g}_slowdown"


def _result(call: Call, runner: Runner, scenario: Scenario) -> SimulationResult:
    label = runner.label
    paths = [] if call.folder is None else [result_file(call.folder, label, call.number)]
    key = sha256(f"{call.digest} {call.identities[label]}".encode()).hexdigest()
    kept = load_result(paths, key, label, scenario)
    if kept is not None:
        return kept
    _warm_up(scenario.congestion_control.kind, runner, call.identities[label])
    began = time.process_time()
    result = runner.run(scenario)
    cpu_s = max(time.process_time() - began - result.compile_s, 0.0)
    result = replace(result, extra=result.extra | {CPU_S: cpu_s})
    for path in paths:
        save_result(path, key, result)
    return result


def _warm_up(kind: str, runner: Runner, identity: str) -> None:
    """Loads, once in a process, what would be counted as CPU seconds of the first run."""
    if (kind, identity) not in _warm:
        _warm.add((kind, identity))
        compile_for([kind], [runner])


def _row(
    result: SimulationResult, truth: SimulationResult | None, quantiles: Sequence[float]
) -> dict[str, Any]:
    finished = result.finished
    slowdown, fct_ns = result.slowdown[finished], result.fct_ns[finished]
    some = bool(len(slowdown))
    return {
        "simulator": result.simulator,
        "num_flows": result.num_flows,
        "num_finished": result.num_finished,
        "mean_slowdown": float(slowdown.mean()) if some else math.nan,
        **{
            quantile_column(each): float(np.quantile(slowdown, each)) if some else math.nan
            for each in quantiles
        },
        "mean_fct_ns": float(fct_ns.mean()) if some else math.nan,
        "cpu_s": result.extra[CPU_S],
        **_errors(result, truth),
    }


def _errors(result: SimulationResult, truth: SimulationResult | None) -> dict[str, float]:
    """NaN of the truth, and where one of the two lacks flows of the other."""
    none = dict.fromkeys(ERROR_COLUMNS, math.nan)
    if truth is None or result is truth:
        return none
    try:
        summary = errors(result, truth.of_flows_of(result))
    except SimulationError:
        return none
    return {name: getattr(summary, name) for name in ERROR_COLUMNS}
