"""Tables and facts of a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from m4graph.metrics import ErrorSummary
from m4graph.report.plain import counted, short, spell_ns, spell_rates
from m4graph.results import SimulationResult
from m4graph.scenario import Scenario


def table_section(
    title: str, frame: pd.DataFrame, units: Mapping[str, str] | None = None, text: str = ""
) -> dict[str, Any]:
    """A table of a page; columns in which nothing stands are left out.

    Args:
        title (str): Its heading.
        frame (pd.DataFrame): The rows.
        units (Mapping[str, str], optional): Of columns: ``bytes``, ``percent``, ``ns``, ``us``,
            ``s``. (default: none)
        text (str): What a reader must know. (default: none)
    """
    shown = frame.dropna(axis="columns", how="all")
    columns = [
        {"name": str(name), "unit": (units or {}).get(str(name), ""), "values": _cells(shown[name])}
        for name in shown
    ]
    return {"kind": "table", "title": title, "text": text, "columns": columns}


def _cells(column: pd.Series) -> list[Any]:
    if column.dtype.kind in "iu":
        whole: list[Any] = column.tolist()
        return whole
    if column.dtype.kind == "f":
        return short(column.to_numpy())
    return [None if pd.isna(value) else _cell(value) for value in column]


def _cell(value: Any) -> Any:
    plain = value.item() if isinstance(value, np.generic) else value
    return plain if isinstance(plain, int | float) and not isinstance(plain, bool) else str(plain)


_RESULT_UNITS = {
    "completion time": "ns",
    "seconds": "s",
    "mean error": "percent",
    "p90 error": "percent",
    "p99-tail error": "percent",
}


def results_section(
    results: Mapping[str, SimulationResult], errors: Mapping[str, ErrorSummary], truth: str | None
) -> dict[str, Any]:
    """A row for each result: its slowdowns, its errors, its seconds."""
    rows = [_result(name, result, errors) for name, result in results.items()]
    text = (
        "The error of a flow is |predicted - true| / true, of its slowdown. Mean and p90 are over "
        f"flows; the p99-tail error compares 99th percentiles. {truth} is the truth."
        if errors
        else ""
    )
    return table_section("Simulators", pd.DataFrame(rows), _RESULT_UNITS, text)


def _result(
    name: str, result: SimulationResult, errors: Mapping[str, ErrorSummary]
) -> dict[str, Any]:
    slowdown = result.slowdown[result.finished]
    levels = np.quantile(slowdown, (0.5, 0.9, 0.99)) if len(slowdown) else np.full(3, np.nan)
    error = errors.get(name)
    return {
        "simulator": name,
        "flows": result.num_flows,
        "unfinished": (result.num_flows - result.num_finished) or None,
        "mean slowdown": slowdown.mean() if len(slowdown) else np.nan,
        **dict(zip(("p50", "p90", "p99"), levels, strict=True)),
        "completion time": result.completion_time_ns,
        "mean error": np.nan if error is None else error.mean_error,
        "p90 error": np.nan if error is None else error.p90_error,
        "p99-tail error": np.nan if error is None else error.p99_tail_error,
        "seconds": result.wall_s,
    }


def scenario_facts(scenario: Scenario) -> list[tuple[str, str]]:
    """What was simulated, as pairs of a name and a text."""
    sizes = scenario.workload.size_bytes
    facts = [
        ("Scenario", scenario.name),
        ("Network", network_fact(scenario)),
        ("Flows", f"{counted(len(sizes), 'flow')}, {int(sizes.sum()) / 1e9:,.4g} GB"),
        ("Congestion control", scenario.congestion_control.kind),
        ("PFC", "on" if scenario.config.pfc else "off"),
        ("Seed", str(scenario.seed)),
    ]
    if scenario.faults:
        facts.append(("Faults", str(len(scenario.faults))))
    if scenario.stop_ns is not None:
        facts.append(("Ends at", spell_ns(scenario.stop_ns)))
    return facts


def network_fact(scenario: Scenario) -> str:
    """How large a network is, in words."""
    arrays = scenario.arrays
    return (
        f"{counted(arrays.num_hosts, 'host')}, "
        f"{counted(arrays.num_nodes - arrays.num_hosts, 'switch').replace('switchs', 'switches')}, "
        f"{counted(arrays.num_links // 2, 'cable')} of {spell_rates(arrays.link_rate_bps.tolist())}"
    )
