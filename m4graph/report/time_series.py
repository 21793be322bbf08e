"""Links and flows over time, as far as a page holds them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from m4graph.core.units import BITS_PER_BYTE
from m4graph.report.network import Directions
from m4graph.report.plain import counted, short
from m4graph.report.run import Run

MOST_SAMPLES = 300
_MOST_LINK_SAMPLES = 40_000
_MOST_FLOWS = 60


def series_section(run: Run, directions: Directions) -> dict[str, Any] | None:
    """What was recorded over time; ``None`` if nothing was."""
    if run.records is None or not (len(run.records.links) or len(run.records.flows)):
        return None
    has_links = len(run.records.links) > 0
    links, text = _links(run.records.links, directions) if has_links else (None, "")
    flows = _flows(run) if len(run.records.flows) else []
    return {
        "kind": "series",
        "title": "Over time",
        "text": f"Recorded of {run.main.simulator}. A click on a link in the network, or on a flow "
        f"in the table, adds it.{text}",
        "links": links,
        "flows": flows,
    }


def _links(table: pd.DataFrame, directions: Directions) -> tuple[dict[str, Any], str]:
    """Directions and their series, the longest queues first; not all if they are many."""
    times = np.unique(table["time_ns"])
    step = -(-len(times) // MOST_SAMPLES)
    group = np.searchsorted(times, table["time_ns"]) // step
    direction = directions.of_ends(table["a"], table["b"])
    means = ["paused_fraction"]
    sums = ["sent_bytes", "pauses", "drops"]
    each = table.assign(group=group, direction=direction).groupby(["direction", "group"])
    merged = each.agg(
        {"queue_bytes": "max"} | dict.fromkeys(sums, "sum") | dict.fromkeys(means, "mean")
    )
    ends = times[np.minimum(np.arange(1, group.max() + 2) * step, len(times)) - 1]
    span_ns = np.diff(ends, prepend=0)
    ranked = merged.groupby("direction").agg({"queue_bytes": "max", "sent_bytes": "sum"})
    ranked = ranked.sort_values(["queue_bytes", "sent_bytes"], ascending=False, kind="stable")
    kept = ranked.index[: max(_MOST_LINK_SAMPLES // len(ends), 1)]
    series = [[int(one), _link(merged.loc[one], span_ns)] for one in kept]
    left = len(ranked) - len(kept)
    longest = f" Of the links, {counted(len(kept), 'direction')} with the longest queues are here."
    return {"time_us": short(ends / 1e3, 7), "of": series}, longest if left else ""


def _link(samples: pd.DataFrame, span_ns: np.ndarray) -> dict[str, Any]:
    full = samples.reindex(range(len(span_ns)), fill_value=0)
    gbps = full["sent_bytes"].to_numpy() * BITS_PER_BYTE / np.maximum(span_ns, 1)
    found = {"gbps": short(gbps, 3), "queue_bytes": short(full["queue_bytes"].to_numpy())}
    for name in ("paused_fraction", "pauses", "drops"):
        if full[name].any():
            found[name] = short(full[name].to_numpy(), 3)
    return found


def _flows(run: Run) -> list[list[Any]]:
    """Ids and series of the slowest and of the largest flows, in turn."""
    table = run.records.flows  # type: ignore[union-attr]
    ids, sizes = run.scenario.workload.id, run.scenario.workload.size_bytes
    large = np.argsort(-sizes, kind="stable")
    both = np.stack((run.by_slowdown, large[: len(run.by_slowdown)]), axis=1).ravel()
    wanted = pd.Index(ids[both]).unique()
    kept = wanted[wanted.isin(table["flow"].unique())][:_MOST_FLOWS]
    groups = dict(iter(table[table["flow"].isin(kept)].groupby("flow")))
    return [[int(flow), _flow(groups[flow])] for flow in kept]


def _flow(samples: pd.DataFrame) -> dict[str, Any]:
    step = -(-len(samples) // MOST_SAMPLES)
    shown = samples.iloc[::step]
    time_ns, left = shown["time_ns"].to_numpy(), shown["remaining_bytes"].to_numpy()
    span_ns = np.diff(time_ns, prepend=np.nan)
    gbps = -np.diff(left, prepend=np.nan) * BITS_PER_BYTE / span_ns
    return {
        "time_us": short(time_ns / 1e3, 7),
        "gbps": short(gbps, 3),
        "remaining_bytes": left.tolist(),
    }
