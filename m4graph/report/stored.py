"""Reads the files of output folders: results, summaries, tables, recordings."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from m4graph.core.errors import InputError
from m4graph.core.table import OptionalInt, read_table
from m4graph.results import NUM_NOT_SIMULATED, UNFINISHED, UNFINISHED_BECAUSE, SimulationResult
from m4graph.routing.file import rows_of_flows
from m4graph.scenario import Scenario

_TIMES = {"id": int, "fct_ns": OptionalInt, "ideal_fct_ns": int}
_LINK_COLUMNS = (
    "time_ns", "a", "b", "queue_bytes", "sent_bytes", "paused_fraction", "pauses", "drops",
)  # fmt: skip
_FLOW_COLUMNS = ("time_ns", "flow", "remaining_bytes")


@dataclass(frozen=True, eq=False)
class StoredRecords:
    """What stands in a folder ``recording``; a table that is not there has no rows.

    Args:
        scenario (Scenario): What was simulated.
        links (pd.DataFrame): As :attr:`.Records.links`.
        flows (pd.DataFrame): As :attr:`.Records.flows`.
    """

    scenario: Scenario
    links: pd.DataFrame
    flows: pd.DataFrame


def read_records(folder: Path, scenario: Scenario) -> StoredRecords:
    """Reads the time series of a recording.

    Raises:
        InputError: If a table cannot be read; names the file.
    """
    return StoredRecords(
        scenario,
        _samples(folder / "links.parquet", _LINK_COLUMNS),
        _samples(folder / "flows.parquet", _FLOW_COLUMNS),
    )


def read_result(path: Path, summary: Mapping[str, Any], scenario: Scenario) -> SimulationResult:
    """Reads a ``fct.csv`` with the ``summary.json`` beside it.

    Raises:
        InputError: If it is no such table, or not of these flows; names the file and the row.
    """
    table = read_table(path, _TIMES, only_these=False, optional={"start_ns": OptionalInt})
    kept = np.isin(scenario.workload.id, table["id"])
    simulated = scenario if kept.all() else scenario.of_flows(kept)
    rows = rows_of_flows(table, simulated.workload.id)
    starts = table.columns.get("start_ns")
    why = summary.get("why_unfinished")
    left_out = {} if kept.all() else {NUM_NOT_SIMULATED: int((~kept).sum())}
    because = {UNFINISHED_BECAUSE: str(why).partition(": ")[2]} if why else {}
    return SimulationResult(
        simulator=str(summary["simulator"]),
        flow_id=simulated.workload.id,
        fct_ns=np.ma.filled(table["fct_ns"], UNFINISHED)[rows],
        ideal_fct_ns=table["ideal_fct_ns"][rows],
        num_events=int(summary["num_events"]),
        wall_s=_seconds(summary["wall_s"]),
        compile_s=_seconds(summary["compile_s"]),
        packet_hops=summary["packet_hops"],
        scenario=simulated,
        start_ns=simulated.workload.start_ns
        if starts is None
        else np.ma.filled(starts, UNFINISHED)[rows],
        extra=left_out | because,
    )


def read_summary(path: Path, *keys: str) -> dict[str, Any]:
    """Reads a file of JSON that has these keys.

    Raises:
        InputError: If it is none; names the file.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: expected a file of JSON (got {error})") from None
    missing = [key for key in keys if not isinstance(data, dict) or key not in data]
    if missing:
        raise InputError(f"{path}: expected the keys {', '.join(keys)} (got no {missing[0]})")
    return dict(data)


def read_columns(path: Path, *columns: str) -> pd.DataFrame:
    """Reads a table in CSV that has these columns, and perhaps others.

    Raises:
        InputError: If it is none; names the file.
    """
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: expected a table in CSV (got {error})") from None
    return _checked(path, table, columns)


def _samples(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    if not path.exists():
        return pd.DataFrame(columns=list(columns))
    try:
        table = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: expected a table in Parquet (got {error})") from None
    return _checked(path, table, columns)


def _checked(path: Path, table: pd.DataFrame, columns: tuple[str, ...]) -> pd.DataFrame:
    for column in columns:
        if column not in table:
            raise InputError(f"{path}: expected the columns {','.join(columns)} (got no {column})")
    return table


def _seconds(value: float | None) -> float:
    return math.nan if value is None else float(value)
