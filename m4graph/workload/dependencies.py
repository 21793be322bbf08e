"""Who waits for whom, as rows and as text."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from m4graph.core.errors import WorkloadError
from m4graph.core.table import Table


def join_ids(ptr: NDArray[np.int64], ids: NDArray[np.int64]) -> list[str]:
    """The ids of each row joined by ``-``, as :func:`parse_ids` reads them."""
    words = [f"{flow}" for flow in ids.tolist()]
    bounds = ptr.tolist()
    return ["-".join(words[first:end]) for first, end in pairwise(bounds)]


def parse_ids(table: Table, column: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Reads a column of flow ids joined by ``-``.

    Returns:
        tuple: Where each row's ids begin, int64 ``[num_rows + 1]``, and the ids, int64.

    Raises:
        WorkloadError: If a cell holds anything else; names it.
    """
    parts: list[list[str]] = []
    for row, text in enumerate(table[column]):
        words = text.strip().split("-") if text.strip() else []
        if not all(word.isascii() and word.isdigit() and len(word) <= 18 for word in words):
            raise WorkloadError(
                f"{table.where(row, column)}: expected flow ids joined by '-', or nothing "
                f"(got {text!r})"
            )
        parts.append(words)
    ptr = np.cumsum([0, *map(len, parts)])
    return ptr, np.array([int(word) for words in parts for word in words], np.int64)


def rows_of(
    flow_id: NDArray[np.int64],
    after: NDArray[np.int64],
    waiting: NDArray[np.int64],
    where: Callable[[int, str], str],
) -> NDArray[np.int64]:
    """The rows of the flows that are waited for.

    Args:
        flow_id (np.ndarray): Ids ``[num_flows]``.
        after (np.ndarray): Ids of the flows that are waited for ``[num_dependencies]``.
        waiting (np.ndarray): Row of the flow that waits for each of them.
        where (Callable): Names a row and a column, for the message.

    Raises:
        WorkloadError: If there is no such flow.
    """
    if not len(after):
        return np.zeros(0, np.int64)
    by_id = np.argsort(flow_id)
    rank = np.minimum(np.searchsorted(flow_id, after, sorter=by_id), len(flow_id) - 1)
    rows = by_id[rank]
    unknown = flow_id[rows] != after
    if unknown.any():
        entry = int(np.argmax(unknown))
        row = int(waiting[entry])
        raise WorkloadError(
            f"{where(row, 'after')}: flow {flow_id[row]}: expected ids of flows of the workload "
            f"(got {after[entry]})"
        )
    return rows


def refuse_circles(
    flow_id: NDArray[np.int64],
    waiting: NDArray[np.int64],
    awaited: NDArray[np.int64],
    where: Callable[[int, str], str],
) -> None:
    """Refuses flows that wait for each other in a circle; rows as of :func:`rows_of`.

    Raises:
        WorkloadError: If there are any; names one.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    # They would be one strongly connected component.
    num_flows = len(flow_id)
    if not len(awaited):
        return
    graph = csr_array((np.ones(len(waiting)), (waiting, awaited)), (num_flows, num_flows))
    _, component = connected_components(graph, directed=True, connection="strong")
    closed = component[waiting] == component[awaited]
    if closed.any():
        row, other = int(waiting[np.argmax(closed)]), int(awaited[np.argmax(closed)])
        got = "itself" if row == other else f"flow {flow_id[other]}, which waits for it in turn"
        raise WorkloadError(
            f"{where(row, 'after')}: flow {flow_id[row]}: expected flows that do not wait for each "
            f"other in a circle (got {got})"
        )
