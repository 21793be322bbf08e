"""Flows straight from each sender to each receiver."""

from __future__ import annotations

import numpy as np

from m4graph.workload.collectives.flows import Collective, CollectiveFlows, RankGroup, parts_of


def direct(collective: Collective, group: RankGroup) -> CollectiveFlows:
    """All flows at once: an all-to-all, an all-gather, a scatter, a gather, or one message.

    In an all-to-all rank ``i`` serves ranks ``i + 1, i + 2, ...``, round the group; flow
    ``k n + i`` is the one from rank ``i`` to rank ``i + k + 1``. The first rank is the root of a
    scatter and a gather, and the sender of a message (``send_recv``).

    Reference:
        The shifted order is the one of Thakur, Rabenseifner and Gropp, "Optimization of collective
        communication operations in MPICH", Int. J. High Performance Computing Applications 19
        (2005).
    """
    n = group.num_ranks
    parts = parts_of(collective.size_bytes, n)
    others = np.arange(1, n)
    if collective.kind == "send_recv":
        return CollectiveFlows.of([0], [1], collective.size_bytes, 0)
    if collective.kind == "scatter":
        return CollectiveFlows.of(np.zeros(n - 1), others, parts[1:], 0)
    if collective.kind == "gather":
        return CollectiveFlows.of(others, np.zeros(n - 1), parts[1:], 0)
    shift, index = np.divmod(np.arange(n * (n - 1)), n)
    receiver = (index + shift + 1) % n
    part = index if collective.kind == "all_gather" else receiver
    return CollectiveFlows.of(index, receiver, parts[part], 0)
