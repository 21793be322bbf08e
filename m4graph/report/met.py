"""What the slowest flows met on their way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from m4graph.report.directions import Directions
from m4graph.report.link_samples import LinkSamples
from m4graph.report.plain import short
from m4graph.report.run import Run

MOST_FLOWS = 200


def met_columns(
    run: Run, rows: NDArray[np.int64], directions: Directions, samples: LinkSamples | None
) -> dict[str, Any]:
    """What held up the first of these flows, one value for each; ``None`` where nothing is known.

    The link is that of a flow's route with the longest queue, or, where no queue was recorded, with
    the most flows beside it. Columns: ``link``, its direction; ``beside``, other flows that crossed
    it while this one lasted; and, where links were recorded, of it in that time ``queue_bytes``,
    the longest queue, ``paused_fraction`` and ``drops``.
    """
    crowd = _Crowd(run, directions)
    found = pd.DataFrame(
        _met(run, row, directions, crowd, samples) if run.main.finished[row] else {}
        for row in rows[:MOST_FLOWS].tolist()
    )
    return {str(name): short(found[name].to_numpy()) for name in found if found[name].any()}


def _met(
    run: Run, row: int, directions: Directions, crowd: _Crowd, samples: LinkSamples | None
) -> dict[str, Any]:
    route = directions.of_link[run.scenario.routes.data_route(row)]
    start_ns = int(run.main.start_ns[row])
    if start_ns < 0:
        return {}
    end_ns = start_ns + int(run.main.fct_ns[row])
    seen = _seen(samples, route, start_ns, end_ns)
    beside = crowd.between(route, start_ns, end_ns)
    worst = int(np.argmax(seen["queue_bytes"] if seen else beside))
    found = {"link": int(route[worst]), "beside": int(beside[worst]) - 1}
    return found | {name: values[worst].item() for name, values in seen.items()}


_JOIN: dict[str, Callable[..., Any]] = {
    "queue_bytes": np.max,
    "paused_fraction": np.mean,
    "drops": np.sum,
}
"""What is recorded of links, and what makes one number of some samples."""


class _Crowd:
    """How many flows there are on each direction, over time."""

    def __init__(self, run: Run, directions: Directions) -> None:
        routes = run.scenario.routes
        hops = np.diff(routes.data_ptr)
        row = np.repeat(np.arange(len(hops)), hops)
        known = (run.main.finished & (run.main.start_ns >= 0))[row]
        row, crossed = row[known], directions.of_link[routes.data_links][known]
        start_ns = run.main.start_ns[row]
        end_ns = start_ns + run.main.fct_ns[row]
        self._starts = _grouped(crossed, start_ns, directions.num)
        self._ends = _grouped(crossed, end_ns, directions.num)

    def between(self, route: NDArray[np.int64], start_ns: int, end_ns: int) -> NDArray[np.int64]:
        """Flows on each direction of a route that were there at some time in between."""
        return np.array(
            [
                np.searchsorted(self._starts[one], end_ns)
                - np.searchsorted(self._ends[one], start_ns, side="right")
                for one in route.tolist()
            ]
        )


def _seen(
    samples: LinkSamples | None, route: NDArray[np.int64], start_ns: int, end_ns: int
) -> dict[str, NDArray[np.float64]]:
    """Queues, pauses and drops on each direction of a route, in the samples of that time."""
    if samples is None:
        return {}
    first, last = np.searchsorted(samples.time_ns, (start_ns, end_ns))
    first = min(first, len(samples.time_ns) - 1)
    within = slice(first, last + 1)  # with the first one after the end, as that covers the end
    return {
        name: join(samples.tables[name][within][:, route], axis=0) for name, join in _JOIN.items()
    }


def _grouped(keys: NDArray[np.int64], values: NDArray[np.int64], num: int) -> list[NDArray[Any]]:
    """The values of each key, ascending."""
    order = np.lexsort((values, keys))
    return np.split(values[order], np.searchsorted(keys[order], np.arange(1, num)))
