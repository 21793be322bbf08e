"""The flows of a collective operation: who sends what to whom, and what waits for what."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from m4graph.core.calls import plain_call
from m4graph.core.schema import KeyProblem

SWITCH = -1
"""Stands for the NVSwitch of a group's server, as an end of a flow."""


@plain_call
class Collective(NamedTuple):
    """What a group of ranks is to do.

    Args:
        kind (str): One of :data:`~m4graph.workload.collectives.KINDS`.
        size_bytes (int): Of an all-reduce, a broadcast or a reduce the buffer; of an all-gather or
            a reduce-scatter the large one; of the others all that a rank (the root) has to send,
            its own part included.
        algorithm (str, optional): How; see :data:`.COLLECTIVE_ALGORITHMS`. (default: the kind's)
        channels (int, optional): Rings side by side. (default: as many as a server has ranks)
        chunks (int): Parts that follow each other through the algorithm. (default: ``1``)
    """

    kind: str
    size_bytes: int
    algorithm: str | None = None
    channels: int | None = None
    chunks: int = 1


@plain_call
@dataclass(frozen=True, eq=False)
class RankGroup:
    """Where the ranks of a group stand, server by server.

    Fields:
        - server: int64 ``[num_ranks]``, which server each rank is in
        - rail: int64 ``[num_ranks]``, its place there: ranks of one rail reach each other without
          a change of it
    """

    server: NDArray[np.int64]
    rail: NDArray[np.int64]

    @classmethod
    def of_servers(cls, server: ArrayLike, rail: ArrayLike | None = None) -> RankGroup:
        """Takes the server of each rank; rails are counted in each server if they are not given."""
        servers = np.asarray(server, np.int64)
        if rail is None:
            rail = [int((servers[:rank] == one).sum()) for rank, one in enumerate(servers)]
        return cls(servers, np.asarray(rail, np.int64))

    @property
    def num_ranks(self) -> int:
        """How many ranks there are."""
        return len(self.server)

    @property
    def by_server(self) -> list[NDArray[np.int64]]:
        """The ranks of each server, both in the order of the group."""
        _, first, of_rank = np.unique(self.server, return_index=True, return_inverse=True)
        return [np.flatnonzero(of_rank == server) for server in np.argsort(first)]

    def even(self, algorithm: str) -> NDArray[np.int64]:
        """The ranks as a table, a row for each server, a column for each place in it.

        Raises:
            KeyProblem: If servers have different numbers of ranks.
        """
        servers = self.by_server
        counts = [len(ranks) for ranks in servers]
        if len(set(counts)) > 1:
            raise KeyProblem(
                "algorithm",
                f"expected as many ranks in each server for {algorithm!r} (got {counts})",
            )
        return np.array(servers)


@plain_call
@dataclass(frozen=True, eq=False)
class CollectiveFlows:
    """Flows between the ranks of a group.

    Fields:
        - src, dst: int32 ``[num_flows]``, places in the group, or :data:`SWITCH`
        - size_bytes: int64 ``[num_flows]``, 1 or above
        - step: int32 ``[num_flows]``; where steps are equally long, all flows of one run together
        - after_ptr: int64 ``[num_flows + 1]``, after: int64 ``[num_dependencies]``; flow ``i``
          waits for the flows ``after[after_ptr[i]:after_ptr[i + 1]]``
    """

    src: NDArray[np.int32]
    dst: NDArray[np.int32]
    size_bytes: NDArray[np.int64]
    step: NDArray[np.int32]
    after_ptr: NDArray[np.int64]
    after: NDArray[np.int64]

    @property
    def num_flows(self) -> int:
        """Number of flows."""
        return len(self.src)

    @cached_property
    def followers(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The flows that wait for each one, as ``after_ptr`` and ``after`` have those before it."""
        waiting = np.repeat(np.arange(self.num_flows), np.diff(self.after_ptr))
        counts = np.bincount(self.after, minlength=self.num_flows)
        ptr = np.concatenate(([0], np.cumsum(counts)))
        return ptr, waiting[np.argsort(self.after, kind="stable")]

    @classmethod
    def of(
        cls, src: ArrayLike, dst: ArrayLike, size_bytes: ArrayLike, step: ArrayLike, *waits: Waits
    ) -> CollectiveFlows:
        """Makes them of columns, and of pairs of a flow that waits and the one that it waits for.

        Args:
            src (array_like): Integers ``[num_flows]``; the other columns likewise, or one for all.
            dst (array_like): Receivers.
            size_bytes (array_like): Sizes; what is below 1 is 1.
            step (array_like): Steps.
            *waits (tuple): Two arrays of flows each, of one length.
        """
        source, receiver, size, when = np.broadcast_arrays(src, dst, size_bytes, step)
        waiting = np.concatenate([np.zeros(0, np.int64), *(pair[0] for pair in waits)])
        awaited = np.concatenate([np.zeros(0, np.int64), *(pair[1] for pair in waits)])
        order = np.argsort(waiting, kind="stable")
        counts = np.bincount(waiting, minlength=len(source))
        return cls(
            src=source.astype(np.int32),
            dst=receiver.astype(np.int32),
            size_bytes=np.maximum(size, 1).astype(np.int64),
            step=when.astype(np.int32),
            after_ptr=np.concatenate(([0], np.cumsum(counts))),
            after=awaited[order],
        )

    def on(self, ranks: NDArray[np.int64]) -> CollectiveFlows:
        """The same flows between other ranks: ``ranks[i]`` in the place of rank ``i``."""
        return replace(
            self, src=ranks[self.src].astype(np.int32), dst=ranks[self.dst].astype(np.int32)
        )


Waits = tuple[NDArray[np.int64], NDArray[np.int64]]


@plain_call
def side_by_side(parts: list[CollectiveFlows]) -> CollectiveFlows:
    """All flows of several sets, none of which waits for another set."""
    first = np.cumsum([0, *(part.num_flows for part in parts)])
    edges = np.cumsum([0, *(len(part.after) for part in parts)])
    ptrs = [part.after_ptr[1:] + edge for part, edge in zip(parts, edges[:-1], strict=True)]
    return CollectiveFlows(
        src=np.concatenate([part.src for part in parts]),
        dst=np.concatenate([part.dst for part in parts]),
        size_bytes=np.concatenate([part.size_bytes for part in parts]),
        step=np.concatenate([part.step for part in parts]),
        after_ptr=np.concatenate([np.zeros(1, np.int64), *ptrs]),
        after=np.concatenate(
            [part.after + start for part, start in zip(parts, first[:-1], strict=True)]
        ),
    )


@plain_call
def one_after_another(parts: list[CollectiveFlows]) -> CollectiveFlows:
    """Phases: a rank begins one when all that is sent to it in the phase before has arrived."""
    whole = side_by_side(parts)
    first = np.cumsum([0, *(part.num_flows for part in parts)])
    step = whole.step.copy()
    waits = [(np.repeat(np.arange(whole.num_flows), np.diff(whole.after_ptr)), whole.after)]
    for before, begin, end in zip(first[:-2], first[1:-1], first[2:], strict=True):
        opening = begin + np.flatnonzero(np.diff(whole.after_ptr[begin : end + 1]) == 0)
        closing = np.setdiff1d(np.arange(before, begin), whole.after)
        closing = closing[np.argsort(whole.dst[closing], kind="stable")]
        left, right = (
            np.searchsorted(whole.dst[closing], whole.src[opening], side=side)
            for side in ("left", "right")
        )
        counts = right - left
        entry = np.arange(counts.sum()) + np.repeat(left - np.cumsum(counts) + counts, counts)
        waits.append((np.repeat(opening, counts), closing[entry]))
        step[begin:end] += step[before:begin].max() + 1
    return CollectiveFlows.of(whole.src, whole.dst, whole.size_bytes, step, *waits)


@plain_call
def parts_of(size_bytes: int, num_parts: int) -> NDArray[np.int64]:
    """The sizes of the parts of a buffer, int64 ``[num_parts]``, which differ by a byte at most."""
    return size_bytes // num_parts + (np.arange(num_parts) < size_bytes % num_parts)
