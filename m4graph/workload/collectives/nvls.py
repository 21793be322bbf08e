"""All-reduce in the switch of a server (NVLink SHARP)."""

from __future__ import annotations

import numpy as np

from m4graph.core.schema import KeyProblem
from m4graph.workload.collectives.flows import (
    SWITCH,
    Collective,
    CollectiveFlows,
    RankGroup,
    parts_of,
)

NUM_PARTS = 4
"""Parts of the buffer, one behind the other."""


def nvls(collective: Collective, group: RankGroup) -> CollectiveFlows:
    """The NVSwitch sums up and sends the sum to all ranks: ``8 n`` flows.

    Each rank sends four parts to the switch, one after the other; when a part has come from all
    ranks, the switch sends its sum to each of them. On an idle switch that takes the time of five
    parts.

    Raises:
        KeyProblem: If the group spans servers.
    """
    if len(group.by_server) > 1:
        raise KeyProblem(
            "algorithm",
            f"expected ranks of one server for 'nvls' (got {len(group.by_server)} servers)",
        )
    n = group.num_ranks
    part, rank = (index.reshape(-1) for index in np.indices((NUM_PARTS, n)))
    up = np.arange(NUM_PARTS * n).reshape(NUM_PARTS, n)
    down = up + NUM_PARTS * n
    sizes = parts_of(collective.size_bytes, NUM_PARTS)[part]
    summed = np.broadcast_to(up[:, None, :], (NUM_PARTS, n, n))
    return CollectiveFlows.of(
        np.concatenate((rank, np.full(NUM_PARTS * n, SWITCH))),
        np.concatenate((np.full(NUM_PARTS * n, SWITCH), rank)),
        np.tile(sizes, 2),
        np.concatenate((part, part + 1)),
        (up[1:].reshape(-1), up[:-1].reshape(-1)),
        (down[1:].reshape(-1), down[:-1].reshape(-1)),
        (np.repeat(down.reshape(-1), n), summed.reshape(-1)),
    )
