"""A job as a Chrome trace, which Perfetto and chrome://tracing show."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from m4graph.core.units import NS_PER_US
from m4graph.jobs.result import JobResult

MAX_EVENTS = 200_000
"""So many are written, rank by rank; a viewer takes no more in a reasonable time."""


def write_trace(result: JobResult, path: Path) -> None:
    """Writes computations and communication of the first ranks, as many as fit.

    Each rank is a process with a line for what it computes and one for each dimension of its
    communication; times are in microseconds.
    """
    num_ranks = len(result.state.ranks)
    events: list[dict[str, Any]] = []
    shown = 0
    while shown < num_ranks and len(events) < MAX_EVENTS:
        events += islice(_events(result, shown), MAX_EVENTS - len(events))
        shown += 1
    content = {
        "displayTimeUnit": "ms",
        "otherData": {"job": result.job.name, "ranks_shown": shown, "num_ranks": num_ranks},
        "traceEvents": events,
    }
    path.write_text(json.dumps(content, separators=(",", ":")), encoding="utf-8")


def _events(result: JobResult, rank: int) -> Iterator[dict[str, Any]]:
    tenant, program = result.program_of(rank)
    owner, number = result.layout.tenants[tenant], rank - int(result.layout.first_rank[tenant])
    yield _named("process_name", rank, 0, owner.called(number))
    yield {"ph": "M", "name": "process_sort_index", "pid": rank, "args": {"sort_index": rank}}
    yield _named("thread_name", rank, 0, "compute")
    for line, dimension in enumerate(result.layout.dimensions, 1):
        yield _named("thread_name", rank, line, dimension)
    for start_ns, end_ns, node in result.computations(rank).tolist():
        yield _span(program.names[node], rank, 0, start_ns, end_ns)
    groups = result.state.groups
    for start_ns, end_ns, node, operation in result.operations_of(rank).tolist():
        line = 1 + int(groups["dimension"][result.state.operations["group"][operation]])
        collective = result.layout.collectives[result.layout.collective_of[operation]]
        span = _span(program.names[node], rank, line, start_ns, end_ns)
        yield span | {"args": {"kind": collective.kind, "bytes": collective.size_bytes}}


def _named(what: str, process: int, thread: int, name: str) -> dict[str, Any]:
    return {"ph": "M", "name": what, "pid": process, "tid": thread, "args": {"name": name}}


def _span(name: str, process: int, thread: int, start_ns: int, end_ns: int) -> dict[str, Any]:
    return {
        "ph": "X",
        "name": name,
        "pid": process,
        "tid": thread,
        "ts": start_ns / NS_PER_US,
        "dur": (end_ns - start_ns) / NS_PER_US,
    }
