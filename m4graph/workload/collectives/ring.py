"""Rings: all-reduce, all-gather, reduce-scatter, broadcast and reduce."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from m4graph.workload.collectives.flows import Collective, CollectiveFlows, RankGroup, parts_of


def ring(collective: Collective, group: RankGroup) -> CollectiveFlows:
    """Each rank sends to the next one of a ring; ``channels`` rings share the buffer.

    A ring goes through server after server; in ring ``c`` the ranks of each are rotated by ``c``.
    The buffer is cut into a part for each ring, rank and chunk, whose sizes differ by a byte at
    most. In a step each rank sends one part in each ring, once it has received that part in the
    step before. An all-gather or a reduce-scatter of ``n`` ranks has ``n - 1`` steps, an all-reduce
    twice as many. A broadcast and a reduce send all chunks along the ring, from the first rank or
    to it.

    Reference:
        Patarasu and Yuan, "Bandwidth optimal all-reduce algorithms for clusters of workstations",
        Journal of Parallel and Distributed Computing 69 (2009).
    """
    n = group.num_ranks
    rings = _rings(group, collective.channels)
    if collective.kind in ("broadcast", "reduce"):
        return _chain(collective, rings[:1])
    num_steps = (n - 1) * (2 if collective.kind == "all_reduce" else 1)
    channels, chunks = len(rings), collective.chunks
    shape = (num_steps, channels, n, chunks)
    step, channel, place, chunk = (index.reshape(-1) for index in np.indices(shape))
    sizes = parts_of(collective.size_bytes, n * channels * chunks).reshape(channels, chunks, n)
    flow = np.arange(step.size).reshape(shape)
    before = np.roll(flow, 1, axis=2)  # what comes in is from the place before
    return CollectiveFlows.of(
        rings[channel, place],
        rings[channel, (place + 1) % n],
        sizes[channel, chunk, (place - step) % n],
        step * chunks + chunk,
        (flow[1:].reshape(-1), before[:-1].reshape(-1)),
        (flow[..., 1:].reshape(-1), flow[..., :-1].reshape(-1)),
    )


def _rings(group: RankGroup, channels: int | None) -> NDArray[np.int64]:
    """The order of the ranks in each ring, int64 ``[channels, num_ranks]``."""
    servers = group.by_server
    counts = {len(ranks) for ranks in servers}
    if channels is None:
        channels = counts.pop() if len(counts) == 1 else 1
    rotated = [[np.roll(ranks, -channel) for ranks in servers] for channel in range(channels)]
    return np.array([np.concatenate(ranks) for ranks in rotated])


def _chain(collective: Collective, rings: NDArray[np.int64]) -> CollectiveFlows:
    order = rings[0] if collective.kind == "broadcast" else rings[0][::-1]
    hops, chunks = len(order) - 1, collective.chunks
    hop, chunk = (index.reshape(-1) for index in np.indices((hops, chunks)))
    flow = np.arange(hops * chunks).reshape(hops, chunks)
    return CollectiveFlows.of(
        order[hop],
        order[hop + 1],
        parts_of(collective.size_bytes, chunks)[chunk],
        hop + chunk,
        (flow[1:].reshape(-1), flow[:-1].reshape(-1)),
        (flow[:, 1:].reshape(-1), flow[:, :-1].reshape(-1)),
    )
