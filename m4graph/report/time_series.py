"""Links and flows over time, as far as a page holds them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from m4graph.core.units import BITS_PER_BYTE, NS_PER_US
from m4graph.report.link_samples import LinkSamples
from m4graph.report.plain import counted, short
from m4graph.report.run import Run

_MOST_SAMPLES = 300
_MOST_LINK_SAMPLES = 40_000
_MOST_FLOWS = 60
_ALWAYS = ("gbps", "queue_bytes")


def series_section(run: Run, samples: LinkSamples | None) -> dict[str, Any] | None:
    """What was recorded over time; ``None`` if nothing was."""
    flows = [] if run.records is None else _flows(run, run.records.flows)
    if samples is None and not flows:
        return None
    links, text = (None, "") if samples is None else _links(samples.joined(_MOST_SAMPLES))
    return {
        "kind": "series",
        "title": "Over time",
        "text": f"Recorded of {run.main.simulator}. A click on a link in the network, or on a flow "
        f"in the table, adds it.{text}",
        "links": links,
        "flows": flows,
    }


def _links(samples: LinkSamples) -> tuple[dict[str, Any], str]:
    """Directions and their series, the longest queues first; not all if they are many."""
    longest = samples.tables["queue_bytes"].max(axis=0)[samples.recorded]
    sent = samples.tables["sent_bytes"].sum(axis=0)[samples.recorded]
    ranked = samples.recorded[np.lexsort((-sent, -longest))]
    kept = ranked[: max(_MOST_LINK_SAMPLES // len(samples.time_ns), 1)]
    span_ns = np.diff(samples.time_ns, prepend=0)
    gbps = samples.tables["sent_bytes"] * BITS_PER_BYTE / span_ns[:, None]
    columns = {"gbps": gbps} | {
        name: table for name, table in samples.tables.items() if name != "sent_bytes"
    }
    series = [[one, _link(columns, one)] for one in kept.tolist()]
    few = f" Of the links, {counted(len(kept), 'direction')} with the longest queues are here."
    text = few if len(kept) < len(ranked) else ""
    return {"time_us": short(samples.time_ns / NS_PER_US, 7), "of": series}, text


def _link(columns: Mapping[str, NDArray[np.float64]], direction: int) -> dict[str, Any]:
    """Series of one link, without pauses and drops where there are none."""
    values = {name: table[:, direction] for name, table in columns.items()}
    shown = {name: each for name, each in values.items() if name in _ALWAYS or each.any()}
    return {name: short(each, 3) for name, each in shown.items()}


def _flows(run: Run, table: pd.DataFrame) -> list[list[Any]]:
    """Ids and series of the slowest and of the largest flows, in turn."""
    ids, sizes = run.scenario.workload.id, run.scenario.workload.size_bytes
    large = np.argsort(-sizes, kind="stable")
    both = np.stack((run.by_slowdown, large[: len(run.by_slowdown)]), axis=1).ravel()
    wanted = pd.Index(ids[both]).unique()
    kept = wanted[wanted.isin(table["flow"].unique())][:_MOST_FLOWS]
    groups = dict(iter(table[table["flow"].isin(kept)].groupby("flow")))
    return [[int(flow), _flow(groups[flow])] for flow in kept]


def _flow(samples: pd.DataFrame) -> dict[str, Any]:
    step = -(-len(samples) // _MOST_SAMPLES)
    shown = samples.iloc[::step]
    time_ns, left = shown["time_ns"].to_numpy(), shown["remaining_bytes"].to_numpy()
    span_ns = np.diff(time_ns, prepend=np.nan)
    gbps = -np.diff(left, prepend=np.nan) * BITS_PER_BYTE / span_ns
    return {
        "time_us": short(time_ns / NS_PER_US, 7),
        "gbps": short(gbps, 3),
        "remaining_bytes": left.tolist(),
    }
