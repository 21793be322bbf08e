"""Pages of many runs: suites and sweeps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from m4graph.evaluation.tables import ERROR_TITLES
from m4graph.report.page import Page
from m4graph.report.plain import counted, short
from m4graph.report.tables import table_section

_ERRORS = dict.fromkeys(ERROR_TITLES.values(), "percent")
_NOT_DRAWN = ("num_flows", "num_finished")


def suite_page(name: str, scenarios: pd.DataFrame, by_size: pd.DataFrame) -> Page:
    """The page of an evaluated suite.

    Args:
        name (str): Of the suite.
        scenarios (pd.DataFrame): Its ``scenarios.csv``.
        by_size (pd.DataFrame): Its ``by_size.csv``.
    """
    table = scenarios.rename(columns=ERROR_TITLES)
    truths = table.loc[table["is_truth"], "simulator"].unique()
    guesses = table[~table["is_truth"]]
    means = table.groupby("simulator", sort=False)[[*_ERRORS, "wall_s"]].mean()
    means.insert(0, "scenarios", table.groupby("simulator").size())
    sections = [
        table_section(
            "Simulators", means.reset_index(), _ERRORS | {"wall_s": "s"}, "Means over scenarios."
        ),
        _by_category("Errors by scenario", guesses, "scenario", list(_ERRORS)),
    ]
    if len(by_size):
        sizes = by_size.rename(columns=ERROR_TITLES)
        errors = [name for name in _ERRORS if name in sizes]
        mean = sizes.groupby(["simulator", "size"], sort=False)[errors].mean().reset_index()
        sections.append(_by_category("Errors by size of flows", mean, "size", errors))
    units = {str(name): "percent" for name in table if str(name).endswith("error")}
    sections.append(table_section("Scenarios", table.drop(columns="is_truth"), units))
    return Page(
        title=name,
        facts=[("Suite", counted(table["scenario"].nunique(), "scenario"))],
        sections=sections,
        simulators=list(table["simulator"].unique()),
        truth=str(truths[0]) if len(truths) else None,
    )


def sweep_page(name: str, table: pd.DataFrame) -> Page:
    """The page of a sweep.

    Args:
        name (str): Of its scenario.
        table (pd.DataFrame): Its ``sweep.csv``: swept keys, ``simulator``, and what was measured.
    """
    where = list(table.columns).index("simulator")
    keys, measured = list(table.columns[:where]), list(table.columns[where + 1 :])
    measured = [
        each
        for each in measured
        if pd.api.types.is_numeric_dtype(table[each]) and table[each].notna().any()
    ]
    units = {each: "percent" for each in measured if each.endswith("_error")}
    drawn = [each for each in measured if each not in _NOT_DRAWN]
    views = [_swept(table, keys, each, units.get(each, "")) for each in drawn]
    return Page(
        title=name,
        facts=[("Sweep", ", ".join(f"{key} ({table[key].nunique()} values)" for key in keys))],
        sections=[
            {"kind": "chart", "title": "Curves", "text": "", "views": views},
            table_section("All points", table, units),
        ],
        simulators=list(table["simulator"].unique()),
        truth="packet" if "packet" in set(table["simulator"]) else None,
    )


def _swept(table: pd.DataFrame, keys: Sequence[str], column: str, unit: str) -> dict[str, Any]:
    """A column over the swept key of numbers that has most values; a curve for all else."""
    numeric = [key for key in keys if pd.api.types.is_numeric_dtype(table[key])]
    x = max(numeric or keys, key=lambda key: table[key].nunique())
    others = [key for key in keys if key != x]
    series = []
    styles: dict[tuple[Any, ...], int] = {}
    for group, rows in table.groupby(["simulator", *others], sort=False, dropna=False):
        simulator, *values = group
        known = rows[rows[column].notna()]
        xs = short(known[x]) if numeric else known[x].map(str).tolist()
        points = [list(pair) for pair in zip(xs, short(known[column]), strict=True)]
        if points:
            line = {"name": ", ".join(map(str, group)), "simulator": simulator, "marks": True}
            style = styles.setdefault(tuple(values), len(styles))
            series.append(line | {"style": style, "points": points})
    axis = {"name": x} if numeric else {"name": x, "names": table[x].map(str).unique().tolist()}
    return {"name": column, "x": axis, "y": {"name": column, "unit": unit}, "series": series}


def _by_category(
    title: str, table: pd.DataFrame, column: str, measured: Sequence[str]
) -> dict[str, Any]:
    """A point for each simulator and thing of a column."""
    names = table[column].map(str).unique().tolist()
    views = []
    for each in measured:
        series = [
            {
                "name": simulator,
                "marks": True,
                "loose": True,
                "points": [
                    [str(thing), value]
                    for thing, value in zip(rows[column], short(rows[each]), strict=True)
                ],
            }
            for simulator, rows in table.groupby("simulator", sort=False)
        ]
        axis = {"name": "", "names": names}
        views.append(
            {"name": each, "x": axis, "y": {"name": each, "unit": "percent"}, "series": series}
        )
    return {"kind": "chart", "title": title, "text": "", "views": views}
