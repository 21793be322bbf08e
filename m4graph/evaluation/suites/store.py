"""Results on disk, each under a key that says what it depends on: the cache, and unfinished suites.

A truth takes minutes to simulate and is the same for every model that is measured against it.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from m4graph.core.array_checks import Checker
from m4graph.core.array_file import read_arrays
from m4graph.core.errors import InputError
from m4graph.core.files import whole_file
from m4graph.core.schema import spell
from m4graph.results import NUM_NOT_SIMULATED, QUANTILES, UNFINISHED, SimulationResult
from m4graph.runs.check import MAX_TIME_NS
from m4graph.scenario import Scenario

CACHE_VARIABLE = "M4GRAPH_CACHE"
_FORMAT = "m4graph result 1"
_NUMBERS = ("num_events", "wall_s", "compile_s", "packet_hops")
_LEVELS, _QUANTILES = "quantile_levels", "quantiles"
CPU_S = "cpu_s"
"""In a result's ``extra``: CPU seconds, where they were measured."""


def cache_folder() -> Path:
    """Where results are kept for later evaluations: ``$M4GRAPH_CACHE``, or ``~/.cache/m4graph``."""
    given = os.environ.get(CACHE_VARIABLE)
    return Path(given) if given else Path.home() / ".cache" / "m4graph"


def scenario_digest(scenario: Scenario) -> str:
    """A hash of everything that a simulator sees of a scenario; its name is not among it."""
    digest = hashlib.sha256(_FORMAT.encode())
    plain: dict[str, Any] = {
        "network": scenario.config.model_dump(),
        "congestion_control": scenario.congestion_control.model_dump(),
        "convergence_us": getattr(scenario.routing, "convergence_us", None),
        "spraying": scenario.spraying,
        "faults": [fault.model_dump() for fault in scenario.faults],
        "seed": scenario.seed,
        "stop_ns": scenario.stop_ns,
        "num_hosts": scenario.arrays.num_hosts,
    }
    for part in (scenario.arrays, scenario.workload, scenario.routes):
        for name in sorted(field.name for field in fields(part)):
            value = getattr(part, name)
            if not isinstance(value, np.ndarray):
                plain[f"{type(part).__name__}.{name}"] = value
                continue
            array = np.ascontiguousarray(value, dtype="<i8")
            digest.update(f"{type(part).__name__}.{name} {array.shape}".encode())
            digest.update(array.tobytes())
    digest.update(json.dumps(plain, sort_keys=True).encode())
    return digest.hexdigest()


def load_result(
    paths: Sequence[Path], key: str, simulator: str, scenario: Scenario
) -> SimulationResult | None:
    """Reads a result from the first of these files that has it; ``None`` if none does.

    A file that is damaged is removed, and told in one line.

    Args:
        paths (Sequence[Path]): Where it may be.
        key (str): What it depends on; a file with another key does not have it.
        simulator (str): Name of the simulator.
        scenario (Scenario): What was simulated.
    """
    for path in paths:
        if not path.exists():
            continue
        try:
            header, arrays = _read(path)
            if header["key"] != key:
                continue
            kept = np.isin(scenario.workload.id, arrays.pop("flow_id"))
            quantiles = _pop_quantiles(path, arrays, int(kept.sum()))
            _check(path, header, arrays, int(kept.sum()))
        except InputError as error:
            print(f"m4graph: {error}; it is made anew", file=sys.stderr)
            with suppress(OSError):
                path.unlink()
            continue
        simulated = scenario if kept.all() else scenario.of_flows(kept)
        extra = {} if kept.all() else {NUM_NOT_SIMULATED: int((~kept).sum())}
        return SimulationResult(
            simulator=simulator,
            flow_id=simulated.workload.id,
            ideal_fct_ns=simulated.ideal_fct_ns,
            scenario=simulated,
            extra=extra | quantiles | ({} if header[CPU_S] is None else {CPU_S: header[CPU_S]}),
            fct_ns=arrays["fct_ns"],
            start_ns=arrays["start_ns"],
            **{name: header[name] for name in _NUMBERS},
        )
    return None


def _read(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """The header, the times and the quantiles of a stored result."""
    names = ("header", "flow_id", "fct_ns", "start_ns")
    arrays = read_arrays(path, names, "a stored result", optional=(_LEVELS, _QUANTILES))
    try:
        header = json.loads(str(arrays.pop("header")))
        found = {name: header[name] for name in ("key", *_NUMBERS)}
        return found | {CPU_S: header.get(CPU_S)}, arrays
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(
            f"{path}: header: expected that of a stored result (got {error!r})"
        ) from None


def _check(
    path: Path, header: Mapping[str, Any], arrays: Mapping[str, NDArray[np.int64]], num_flows: int
) -> None:
    """Refuses numbers that no run gives."""
    for name in (*_NUMBERS, CPU_S):
        value = header[name]
        is_number = isinstance(value, int | float) and 0 <= value < math.inf
        if not (is_number or (name in ("packet_hops", CPU_S) and value is None)):
            raise InputError(
                f"{path}: {name}: expected a number of 0 or above (got {spell(value)})"
            )
    check = Checker(str(path))
    for name, array in arrays.items():
        check.array(name, array, "i8", num_flows)
        check.values(name, array, UNFINISHED, MAX_TIME_NS)


def save_result(path: Path, key: str, result: SimulationResult) -> None:
    """Writes a result; the file appears whole or not at all.

    It also holds ids, sizes and ideal FCTs, for those who want to look at single flows.
    """
    header = {"key": key, "simulator": result.simulator, "scenario": result.scenario.name}
    numbers = {name: getattr(result, name) for name in _NUMBERS}
    numbers |= {CPU_S: result.extra[CPU_S]} if CPU_S in result.extra else {}
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as half, half.open("wb") as file:
        np.savez_compressed(
            file,
            header=np.array(json.dumps(header | numbers)),
            flow_id=result.flow_id,
            size_bytes=result.scenario.workload.size_bytes,
            start_ns=result.start_ns,
            fct_ns=result.fct_ns,
            ideal_fct_ns=result.ideal_fct_ns,
            **_quantile_arrays(result),
        )


def _quantile_arrays(result: SimulationResult) -> dict[str, Any]:
    predicted = result.extra.get(QUANTILES, {})
    if not predicted:
        return {}
    return {_LEVELS: np.array(list(predicted)), _QUANTILES: np.stack(list(predicted.values()))}


def _pop_quantiles(path: Path, arrays: dict[str, NDArray[Any]], num_flows: int) -> dict[str, Any]:
    """Takes predicted quantiles out of what was read, as an entry of ``extra``, if any."""
    levels, values = (arrays.pop(name, None) for name in (_LEVELS, _QUANTILES))
    if levels is None or values is None:
        return {}
    check = Checker(str(path))
    check.array(_LEVELS, levels, "f8", levels.size)
    check.rule(_LEVELS, (levels > 0) & (levels < 1), "levels above 0 and below 1")
    check.array(_QUANTILES, values.reshape(-1), "f8", levels.size * num_flows)
    return {QUANTILES: dict(zip(levels.tolist(), values.reshape(-1, num_flows), strict=True))}
