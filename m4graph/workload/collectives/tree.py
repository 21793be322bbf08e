"""A binary tree: all-reduce, reduce and broadcast."""

from __future__ import annotations

import numpy as np

from m4graph.workload.collectives.flows import Collective, CollectiveFlows, RankGroup, parts_of


def tree(collective: Collective, group: RankGroup) -> CollectiveFlows:
    """Sums go up to the first rank, the result comes down; a reduce and a broadcast do one of both.

    The children of rank ``i`` are ranks ``2 i + 1`` and ``2 i + 2``. A rank sends a chunk up when
    it has received that chunk from all its children, and down when it has it from its parent (the
    first rank: from all its children); and to one rank only one chunk after the other. For each
    chunk come the flows up from ranks ``1 .. n - 1``, then those down to them.

    Reference:
        One of the two trees of Sanders, Speck and Träff, "Two-tree algorithms for full bandwidth
        broadcast, reduction and scan", Parallel Computing 35 (2009), in the order of a heap.
    """
    n, chunks = group.num_ranks, collective.chunks
    has_up, has_down = collective.kind != "broadcast", collective.kind != "reduce"
    child = np.arange(1, n)
    parent = (child - 1) // 2
    depth = np.frexp(child + 1.0)[1] - 1  # of a rank below the root
    height = int(depth.max())
    edges = n - 1
    per_chunk = edges * (has_up + has_down)
    up, down = child - 1, child - 1 + edges * has_up
    columns, waits = [], []
    inner = child[parent > 0]
    if has_up:
        columns.append((child, parent, height - depth))
        waits.append((up[(inner - 1) // 2 - 1], up[inner - 1]))
    if has_down:
        columns.append((parent, child, height * has_up + depth - 1))
        waits.append((down[inner - 1], down[(inner - 1) // 2 - 1]))
    if has_up and has_down:
        at_root = child[parent == 0]
        pairs = np.meshgrid(down[at_root - 1], up[at_root - 1], indexing="ij")
        waits.append((pairs[0].reshape(-1), pairs[1].reshape(-1)))
    src, dst, step = (np.concatenate(column) for column in zip(*columns, strict=True))
    first = per_chunk * np.arange(chunks)[:, None]
    later = np.arange(per_chunk, per_chunk * chunks)
    return CollectiveFlows.of(
        np.tile(src, chunks),
        np.tile(dst, chunks),
        np.repeat(parts_of(collective.size_bytes, chunks), per_chunk),
        (step + np.arange(chunks)[:, None]).reshape(-1),
        *(((a + first).reshape(-1), (b + first).reshape(-1)) for a, b in waits),
        (later, later - per_chunk),
    )
