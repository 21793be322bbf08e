"""Links and flows of a recorded run over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from m4graph.core.errors import InputError
from m4graph.core.units import BITS_PER_BYTE, GBPS
from m4graph.evaluation.plots.figure import LINE_COLOURS, legend, panels
from m4graph.scenario import Scenario
from m4graph.scenario.faults import Fault

_MOST = 6
_FAULT_COLOUR = "#bbbbbb"
_INCHES = (8.6, 2.5)
_NS_PER_MS = 10**6
_KB, _MB = 10**3, 10**6


class Recorded(Protocol):
    """Time series of a run, as a simulator leaves them in ``extra["recording"]``."""

    @property
    def scenario(self) -> Scenario:
        """What was simulated."""

    @property
    def links(self) -> pd.DataFrame:
        """A row for each sample and link: ``time_ns``, ``a``, ``b``, ``queue_bytes`` and, since the
        sample before, ``sent_bytes``.
        """

    @property
    def flows(self) -> pd.DataFrame:
        """A row for each sample and flow: ``time_ns``, ``flow``, ``rate_bps``,
        ``remaining_bytes``.
        """


def draw_links(records: Recorded, links: Sequence[tuple[int, int]] | None = None) -> Figure:
    """Throughput and queue of links, one below the other."""
    table = records.links
    chosen = list(links) if links is not None else _busiest(table)
    figure, axes = panels("Links over time", 2, 1, _INCHES)
    upper, lower = axes[:, 0]
    for (a, b), colour in zip(chosen, _palette(len(chosen)), strict=True):
        mine = table[(table["a"] == a) & (table["b"] == b)]
        if not len(mine):
            raise InputError(f"link {a}-{b}: expected one that was recorded (got none)")
        time_ms = mine["time_ns"].to_numpy() / _NS_PER_MS
        span_ns = np.diff(mine["time_ns"].to_numpy(), prepend=0)
        gbps = mine["sent_bytes"].to_numpy() * BITS_PER_BYTE / np.maximum(span_ns, 1)
        upper.step(time_ms, gbps, where="pre", color=colour, linewidth=1.4)
        lower.plot(time_ms, mine["queue_bytes"] / _KB, color=colour, linewidth=1.4)
    _label(upper, "sent, Gb/s")
    _label(lower, "queue, KB")
    lower.set_xlabel("time, ms", fontsize=10)
    handles = [_handle(f"{a} to {b}", index, len(chosen)) for index, (a, b) in enumerate(chosen)]
    legend(figure, [*handles, *_shade_faults(records, chosen, (upper, lower))])
    return figure


def draw_flows(records: Recorded, flows: Sequence[int] | None = None) -> Figure:
    """Rate and remaining bytes of flows, one below the other."""
    table = records.flows
    chosen = list(flows) if flows is not None else _largest(table)
    figure, axes = panels("Flows over time", 2, 1, _INCHES)
    upper, lower = axes[:, 0]
    for flow, colour in zip(chosen, _palette(len(chosen)), strict=True):
        mine = table[table["flow"] == flow]
        if not len(mine):
            raise InputError(f"flow {flow}: expected one that was recorded (got none)")
        time_ms = mine["time_ns"] / _NS_PER_MS
        upper.plot(time_ms, mine["rate_bps"] / GBPS, color=colour, linewidth=1.4)
        lower.plot(time_ms, mine["remaining_bytes"] / _MB, color=colour, linewidth=1.4)
    _label(upper, "rate that the flow\nmay send at, Gb/s")
    _label(lower, "not yet at the\nreceiver, MB")
    lower.set_xlabel("time, ms", fontsize=10)
    legend(figure, [_handle(f"flow {flow}", i, len(chosen)) for i, flow in enumerate(chosen)])
    return figure


def _busiest(table: pd.DataFrame) -> list[tuple[int, int]]:
    per_link = table.groupby(["a", "b"]).agg(
        queue=("queue_bytes", "max"), sent=("sent_bytes", "sum")
    )
    ranked = per_link.sort_values(["queue", "sent"], ascending=False, kind="stable")
    return [(int(a), int(b)) for a, b in ranked.index[:_MOST]]


def _largest(table: pd.DataFrame) -> list[int]:
    most = table.groupby("flow")["remaining_bytes"].max()
    return [int(flow) for flow in most.sort_values(ascending=False, kind="stable").index[:_MOST]]


def _palette(count: int) -> list[str]:
    return [LINE_COLOURS[index % len(LINE_COLOURS)] for index in range(count)]


def _handle(label: str, index: int, count: int) -> Line2D:
    return Line2D([], [], color=_palette(count)[index], lw=2.5, label=label)


def _label(axes: Axes, text: str) -> None:
    axes.set_ylabel(text, fontsize=10)
    axes.set_ylim(bottom=0)
    axes.set_xlim(left=0)


def _shade_faults(
    records: Recorded, links: Sequence[tuple[int, int]], both_axes: Sequence[Axes]
) -> list[Patch]:
    """Shades the times in which a drawn link has a fault; gives the legend's entry."""
    drawn = {records.scenario.arrays.link_id(a, b) for a, b in links}
    faults = [
        fault
        for fault in records.scenario.faults
        if drawn.intersection(fault.links(records.scenario.arrays))
    ]
    for axes in both_axes:
        _, end_ms = axes.get_xlim()
        for fault in faults:
            _shade(axes, fault, end_ms)
        axes.set_xlim(0, end_ms)
    if not faults:
        return []
    return [Patch(color=_FAULT_COLOUR, alpha=0.35, label="fault")]


def _shade(axes: Axes, fault: Fault, end_ms: float) -> None:
    from_ms = fault.start_ns / _NS_PER_MS
    to_ms = end_ms if fault.end_ns is None else min(fault.end_ns / _NS_PER_MS, end_ms)
    if from_ms < to_ms:
        axes.axvspan(from_ms, to_ms, color=_FAULT_COLOUR, alpha=0.35, linewidth=0)
