"""What the slowest flows met on their way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from m4graph.report.network import Directions
from m4graph.report.plain import short
from m4graph.report.run import Run

MOST_FLOWS = 200


def met_columns(run: Run, rows: NDArray[np.int64], directions: Directions) -> dict[str, Any]:
    """What held up the first of these flows, one value for each; ``None`` for the others.

    Columns: ``link``, a direction; ``beside``, other flows that crossed it while this one lasted; and, of runs whose links were recorded, ``queue_bytes``, the longest queue there in that
    time, ``paused_fraction`` and ``drops``. The link is that of its route with the longest queue,
    or, where no queue was recorded, with the most flows beside it.
    """
    crowd = _Crowd(run, directions)
    recorded = _Recorded(run, directions)
    found = [
        _met(run, row, directions, crowd, recorded) if run.main.finished[row] else {}
        for row in rows[:MOST_FLOWS].tolist()
    ]
    names = dict.fromkeys(name for each in found for name in each)
    return {name: short_or_none([each.get(name) for each in found]) for name in names}


def short_or_none(values: list[Any]) -> list[Any]:
    """Numbers of four digits; ``None`` as it is."""
    return [None if value is None else short([value])[0] for value in values]


def _met(
    run: Run, row: int, directions: Directions, crowd: _Crowd, recorded: _Recorded
) -> dict[str, Any]:
    route = directions.of_link[run.scenario.routes.data_route(row)]
    start_ns = int(run.main.start_ns[row])
    if start_ns < 0:
        return {}
    end_ns = start_ns + int(run.main.fct_ns[row])
    seen = recorded.between(route, start_ns, end_ns)
    beside = crowd.between(route, start_ns, end_ns)
    worst = int(np.argmax(seen["queue_bytes"] if seen else beside))
    found = {"link": int(route[worst]), "beside": int(beside[worst]) - 1}
    return found | {name: values[worst].item() for name, values in seen.items()}


_OVER_TIME: dict[str, Callable[..., Any]] = {
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


class _Recorded:
    """What was recorded of links, as a table of samples by directions."""

    def __init__(self, run: Run, directions: Directions) -> None:
        self._tables: dict[str, NDArray[Any]] = {}
        if run.records is None or not len(run.records.links):
            return
        table = run.records.links
        self._times, sample = np.unique(table["time_ns"], return_inverse=True)
        where = sample, directions.of_ends(table["a"], table["b"])
        for name in _OVER_TIME:
            if name == "queue_bytes" or table[name].any():
                self._tables[name] = np.zeros((len(self._times), directions.num))
                np.maximum.at(self._tables[name], where, table[name].to_numpy())

    def between(self, route: NDArray[np.int64], start_ns: int, end_ns: int) -> dict[str, Any]:
        """Queues, pauses and drops on each direction of a route, in the samples of that time."""
        if not self._tables:
            return {}
        first, last = np.searchsorted(self._times, (start_ns, end_ns))
        part = slice(first, max(last, first) + 1)  # with the sample that ends after the flow
        tables = {name: values[part][:, route] for name, values in self._tables.items()}
        return {name: _OVER_TIME[name](values, axis=0) for name, values in tables.items()}


def _grouped(keys: NDArray[np.int64], values: NDArray[np.int64], num: int) -> list[NDArray[Any]]:
    """The values of each key, ascending."""
    order = np.lexsort((values, keys))
    return np.split(values[order], np.searchsorted(keys[order], np.arange(1, num)))
