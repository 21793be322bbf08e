"""The page of a training job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from m4graph.core.units import BITS_PER_BYTE, NS_PER_S, NS_PER_US
from m4graph.report.directions import Directions
from m4graph.report.network import drawn_network, measure
from m4graph.report.page import Page
from m4graph.report.plain import short, spell_ns
from m4graph.report.tables import table_section
from m4graph.topology import NetworkArrays
from m4graph.topology.arrays import MAX_RATE_BPS

_MOST_COLLECTIVES = 2000
_PARTS = {"compute_ns": "compute"} | {
    f"exposed_{name}_ns": f"waits for {name}" for name in ("tp", "dp", "ep", "pp")
}
_COLLECTIVE_UNITS = {"bytes": "bytes", "start_ns": "ns", "end_ns": "ns"}


def job_page(
    summary: Mapping[str, Any], collectives: pd.DataFrame, ranks: pd.DataFrame, links: pd.DataFrame
) -> Page:
    """The page of a job.

    Args:
        summary (Mapping): Its ``summary.json``.
        collectives (pd.DataFrame): Its ``collectives.csv``.
        ranks (pd.DataFrame): Its ``ranks.csv``.
        links (pd.DataFrame): Its ``links.csv``.
    """
    iteration_ns = int(summary["iteration_ns"])
    facts = [
        ("Job", str(summary["name"])),
        ("Ranks", f"{summary['num_ranks']:,}"),
        ("Iteration", spell_ns(iteration_ns)),
        ("Compute", f"{spell_ns(summary['compute_ns'])} of a rank, in the mean"),
        ("Flows", f"{summary['num_flows']:,}, {summary['num_simulated']:,} of them simulated"),
        ("Simulator", str(summary["simulator"])),
        ("Congestion control", str(summary["congestion_control"])),
    ]
    return Page(
        title=str(summary["name"]),
        facts=facts,
        sections=[
            _ranks_section(ranks, iteration_ns),
            _collectives_chart(collectives),
            _links_section(ranks, links, iteration_ns),
            _collectives_table(collectives),
        ],
        simulators=[],
    )


def _ranks_section(ranks: pd.DataFrame, iteration_ns: int) -> dict[str, Any]:
    names = [
        f"{tenant}/{rank}" if isinstance(tenant, str) and tenant else str(rank)
        for tenant, rank in zip(ranks["tenant"], ranks["rank"], strict=True)
    ]
    parts = {title: ranks[column] for column, title in _PARTS.items() if ranks[column].any()}
    parts["idle"] = (iteration_ns - pd.DataFrame(parts).sum(axis=1)).clip(lower=0)
    series = [
        {"name": title, "bars": True, "points": _pairs(names, values / NS_PER_US)}
        for title, values in parts.items()
    ]
    return {
        "kind": "chart",
        "title": "What ranks do in an iteration",
        "text": "A rank waits for a dimension while it does nothing else.",
        "views": [
            {
                "name": "ranks",
                "x": {"name": "rank", "names": names},
                "y": {"name": "time", "unit": "us"},
                "series": series,
            }
        ],
    }


def _collectives_chart(collectives: pd.DataFrame) -> dict[str, Any]:
    shown = collectives[collectives["bytes"] > 0]
    once = shown.drop_duplicates(["kind", "ranks", "bytes", "busbw_gbs"])
    series = [
        {"name": kind, "dots": True, "points": _pairs(rows["bytes"], rows["busbw_gbs"])}
        for kind, rows in once.groupby("kind", sort=False)
    ]
    view = {
        "name": "bus bandwidth",
        "x": {"name": "size", "scale": "log", "unit": "bytes"},
        "y": {"name": "bus bandwidth, GB/s"},
        "series": series,
    }
    text = "Bus bandwidth as nccl-tests define it, GB of 10^9 bytes; equal ones are one point."
    return {"kind": "chart", "title": "Collectives", "text": text, "views": [view]}


def _links_section(ranks: pd.DataFrame, links: pd.DataFrame, iteration_ns: int) -> dict[str, Any]:
    """The network as far as its links say what it is: a rate follows from bytes and load."""
    a, b = links["a"].to_numpy(), links["b"].to_numpy()
    rate = links["bytes"] / links["load"] * BITS_PER_BYTE * NS_PER_S / max(iteration_ns, 1)
    known = rate.where(links["load"] > 0, 0).clip(0, MAX_RATE_BPS).round().astype(np.int64)
    arrays = NetworkArrays(
        num_hosts=int(ranks["host"].max()) + 1,
        num_nodes=int(max(a.max(), b.max())) + 1,
        link_src=a.astype(np.int32),
        link_dst=b.astype(np.int32),
        link_rate_bps=known.to_numpy(),
        link_delay_ns=np.zeros(len(a), np.int64),
    )
    directions = Directions(arrays)
    total = np.bincount(directions.of_link, weights=links["bytes"], minlength=directions.num)
    cables = np.bincount(directions.of_link, minlength=directions.num)
    load = np.bincount(directions.of_link, weights=links["load"], minlength=directions.num)
    measures = [
        measure("use by payload", load / cables, "percent"),
        measure("payload", total, "bytes"),
    ]
    return drawn_network(directions, measures) | {
        "text": "How much of what fits through a link in an iteration its payload was."
    }


def _collectives_table(collectives: pd.DataFrame) -> dict[str, Any]:
    longest = collectives.assign(duration_ns=collectives["end_ns"] - collectives["start_ns"])
    longest = longest.sort_values("duration_ns", ascending=False, kind="stable")
    text = ""
    if len(longest) > _MOST_COLLECTIVES:
        text = f"The longest {_MOST_COLLECTIVES:,} of {len(longest):,}."
    units = _COLLECTIVE_UNITS | {"duration_ns": "ns"}
    return table_section("Longest collectives", longest[:_MOST_COLLECTIVES], units, text)


def _pairs(x: Any, y: pd.Series) -> list[list[Any]]:
    return [list(pair) for pair in zip(list(x), short(y), strict=True)]
