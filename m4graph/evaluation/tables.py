"""Tables of errors as text: for the terminal, and in Markdown."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd

from m4graph.core.provenance import provenance

if TYPE_CHECKING:
    from rich.table import Table

ERROR_TITLES = {
    "mean_error": "mean error",
    "p90_error": "p90 error",
    "p99_tail_error": "p99-tail error",
}
"""Columns of errors, and what tables call them."""

ERROR_COLUMNS = tuple(ERROR_TITLES)

_TEXT_COLUMNS = ("scenario", "simulator", "label")
_NOTHING = "-"


def error_cells(frame: pd.DataFrame, closed_loop: bool = False) -> pd.DataFrame:
    """Turns a report's frame into cells of text, with readable headers.

    Args:
        frame (pd.DataFrame): From :meth:`.Report.to_frame`.
        closed_loop (bool): Whether completion times mean something. (default: ``False``)
    """
    rows = [
        {
            "scenario": row["scenario"],
            "simulator": row["simulator"],
            **{ERROR_TITLES[name]: percent(row[name]) for name in ERROR_COLUMNS},
            "completion-time error": percent(row["completion_time_error"]),
            "left out": str(row["num_left_out"]),
            "wall s": _seconds(row["wall_s"]),
            "events/s": _rate(row["num_events"], row["wall_s"]),
            "packet-hops/s": _rate(row["packet_hops"], row["wall_s"]),
        }
        | ({"mean error": "truth"} if row["is_truth"] else {})
        for row in frame.to_dict("records")
    ]
    unused = [] if frame["num_left_out"].any() else ["left out"]
    unused += [] if closed_loop else ["completion-time error"]
    return pd.DataFrame(rows).drop(columns=unused)


def ratio_cells(frame: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """Turns relative errors into cells of text."""
    rows = [
        {
            "scenario": row["scenario"],
            "simulator": f"{row['simulator']} / {baseline}",
            **{ERROR_TITLES[name]: _fixed(row[name], 2) for name in ERROR_COLUMNS},
        }
        for row in frame.to_dict("records")
    ]
    return pd.DataFrame(rows, columns=["scenario", "simulator", *ERROR_TITLES.values()])


def distribution_cells(frame: pd.DataFrame) -> pd.DataFrame:
    """Turns the frame of results without a truth into cells of text.

    Args:
        frame (pd.DataFrame): From :meth:`.Distributions.to_frame`.
    """
    rows = [
        {
            "scenario": row["scenario"],
            "label": row["label"],
            "flows": str(row["num_flows"]),
            "not finished": str(row["num_flows"] - row["num_finished"]),
            **{
                f"{name} slowdown": _fixed(row[f"{name}_slowdown"], 2)
                for name in ("mean", "p50", "p90", "p99")
            },
            "wall s": _seconds(row["wall_s"]),
        }
        for row in frame.to_dict("records")
    ]
    unused = [] if (frame["num_finished"] < frame["num_flows"]).any() else ["not finished"]
    return pd.DataFrame(rows).drop(columns=unused)


def rich_table(cells: pd.DataFrame) -> Table:
    """Cells as a table for the terminal; a single scenario is its title."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    scenarios = cells["scenario"].unique()
    title = Text(scenarios[0]) if len(scenarios) == 1 else None
    shown = cells if title is None else cells.drop(columns="scenario")
    table = Table(title=title, box=box.SIMPLE_HEAD, padding=0, show_edge=False)
    for name in shown.columns:
        header = name.replace(" ", "\n", 1).replace("-h", "-\nh")
        table.add_column(header, justify="left" if name in _TEXT_COLUMNS else "right")
    for scenario in scenarios:
        rows = shown[cells["scenario"] == scenario].to_numpy().tolist()
        for index, row in enumerate(rows):
            if index > 0 and title is None:
                row[0] = ""
            table.add_row(*map(Text, row), end_section=0 < index == len(rows) - 1)
    return table


def markdown(cells: pd.DataFrame) -> str:
    """Cells as a Markdown table."""
    rule = [":--" if name in _TEXT_COLUMNS else "--:" for name in cells.columns]
    rows = [list(cells.columns), rule, *cells.to_numpy().tolist()]
    return "\n".join(f"| {' | '.join(_escaped(cell) for cell in row)} |" for row in rows)


def percent(value: float) -> str:
    """A fraction in percent, as in ``"12.3 %"``."""
    return _NOTHING if math.isnan(value) else f"{100 * value:.1f} %"


def ratio(value: float, base: float) -> float:
    """One error over another; NaN over none."""
    return value / base if base > 0 else math.nan


def made_by() -> str:
    """Version, commit and machine, as the last line of a page."""
    origin = ", ".join(f"{key} {value}" for key, value in provenance().items() if value)
    return f"Made by m4graph: {origin}."


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|")


def _seconds(value: float) -> str:
    return _fixed(value, 3 if value < 10 else 1)


def _rate(count: int, wall_s: float) -> str:
    if pd.isna(count) or not wall_s > 0:
        return _NOTHING
    rate = count / wall_s
    for scale, letter in ((10**6, " M"), (10**3, " k")):
        if rate >= scale:
            return f"{rate / scale:.3g}{letter}"
    return f"{rate:.3g}"


def _fixed(value: float, digits: int) -> str:
    return _NOTHING if math.isnan(value) else f"{value:.{digits}f}"
