"""Collective operations as flows that wait for each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from m4graph.core.checks import check_count
from m4graph.core.schema import KeyProblem
from m4graph.workload.closed_loop import ClosedLoopWorkload

MAX_SIZE_BYTES = 2**50
"""No buffer may be larger."""

_LAST_START_NS = 2**61


def ring_all_reduce(
    hosts: Sequence[int],
    size_bytes: int,
    num_rounds: int = 1,
    compute_ns: int = 0,
    start_ns: int = 0,
) -> ClosedLoopWorkload:
    """All-reduce on a ring: each of ``n`` hosts sends ``2 (n - 1)`` chunks to the next one.

    The buffer of ``size_bytes`` is cut into ``n`` chunks whose sizes differ by a byte at most. In
    step ``t`` host ``i`` sends chunk ``(i - t) mod n`` to host ``i + 1``, once it has received that
    chunk in step ``t - 1``. The first ``n - 1`` steps reduce and scatter, the others gather. A
    round is ``2 n (n - 1)`` flows of ``2 (n - 1) size_bytes`` in all; flow ``t n + i`` of a round
    is that of step ``t`` and host ``i``.

    Args:
        hosts (Sequence[int]): Two or more hosts, in the order of the ring.
        size_bytes (int): Buffer of each host; a byte for each host at least.
        num_rounds (int, optional): All-reduces one after the other; see below. (default: ``1``)
        compute_ns (int, optional): Pause of a host between two rounds. (default: ``0``)
        start_ns (int, optional): When the first round starts. (default: ``0``)

    A host begins a round ``compute_ns`` after all that is sent to it in the round before has
    reached it.

    Reference:
        Patarasu and Yuan, "Bandwidth optimal all-reduce algorithms for clusters of workstations",
        Journal of Parallel and Distributed Computing 69 (2009).

    Raises:
        KeyProblem: If a host is there twice, or a parameter is bad; names it.
    """
    ring = _checked_hosts(hosts)
    n = len(ring)
    sizes = _chunks(size_bytes, n)
    step, index = np.divmod(np.arange(2 * (n - 1) * n), n)
    after = (step - 1) * n + (index - 1) % n
    waits = step > 0
    return _repeated(
        src=ring[index],
        dst=ring[(index + 1) % n],
        size_bytes=sizes[(index - step) % n],
        after_ptr=np.concatenate(([0], np.cumsum(waits))),
        after=after[waits],
        num_rounds=num_rounds,
        compute_ns=compute_ns,
        start_ns=start_ns,
    )


def tree_all_reduce(
    hosts: Sequence[int],
    size_bytes: int,
    num_chunks: int = 1,
    num_rounds: int = 1,
    compute_ns: int = 0,
    start_ns: int = 0,
) -> ClosedLoopWorkload:
    """All-reduce on a binary tree: sums go up to the first host, the result comes down.

    The children of host ``i`` of the list are hosts ``2 i + 1`` and ``2 i + 2``. The buffer is cut
    into chunks whose sizes differ by a byte at most. A host sends a chunk up when it has received
    that chunk from all its children, and down when it has it from its parent (the first host: from
    all its children); and to one host only one chunk after the other. A round is
    ``2 (n - 1) num_chunks`` flows of ``2 (n - 1) size_bytes`` in all: for each chunk, those up from
    hosts ``1 .. n - 1``, then those down to them.

    Args:
        hosts (Sequence[int]): Two or more hosts, the root first.
        size_bytes (int): Buffer of each host; a byte for each chunk at least.
        num_chunks (int, optional): Chunks that follow each other through the tree. (default: ``1``)
        num_rounds (int, optional): As in :func:`ring_all_reduce`. (default: ``1``)
        compute_ns (int, optional): As in :func:`ring_all_reduce`. (default: ``0``)
        start_ns (int, optional): When the first round starts. (default: ``0``)

    Reference:
        One of the two trees of Sanders, Speck and Träff, "Two-tree algorithms for full bandwidth
        broadcast, reduction and scan", Parallel Computing 35 (2009), in the order of a heap.

    Raises:
        KeyProblem: If a host is there twice, or a parameter is bad; names it.
    """
    tree = _checked_hosts(hosts)
    edges = len(tree) - 1
    sizes = _chunks(size_bytes, check_count("num_chunks", num_chunks))
    after: list[list[int]] = []
    for chunk in range(len(sizes)):
        up, down = 2 * edges * chunk - 1, 2 * edges * chunk + edges - 1
        before = -2 * edges
        for sender in range(1, edges + 1):
            children = [up + child for child in _children(sender, edges)]
            after.append(children + [up + sender + before] * (chunk > 0))
        for receiver in range(1, edges + 1):
            parent = (receiver - 1) // 2
            arrived = [down + parent] if parent else [up + child for child in _children(0, edges)]
            after.append(arrived + [down + receiver + before] * (chunk > 0))
    child = tree[1:]
    parents = tree[(np.arange(1, edges + 1) - 1) // 2]
    return _repeated(
        src=np.tile(np.concatenate((child, parents)), len(sizes)),
        dst=np.tile(np.concatenate((parents, child)), len(sizes)),
        size_bytes=np.repeat(sizes, 2 * edges),
        after_ptr=np.cumsum([0, *map(len, after)]),
        after=np.concatenate([np.array(rows, np.int64) for rows in after]),
        num_rounds=num_rounds,
        compute_ns=compute_ns,
        start_ns=start_ns,
    )


def all_to_all(
    hosts: Sequence[int],
    size_bytes: int,
    window: int | None = None,
    num_rounds: int = 1,
    compute_ns: int = 0,
    start_ns: int = 0,
) -> ClosedLoopWorkload:
    """Every host sends ``size_bytes`` to every other one: ``n (n - 1)`` flows a round.

    Host ``i`` of the list serves hosts ``i + 1, i + 2, ...``, round the list, so that no two hosts
    are at the same receiver at a time while all are equally fast. Flow ``k n + i`` of a round is
    the one from host ``i`` to host ``i + k + 1``.

    Args:
        hosts (Sequence[int]): Two or more hosts.
        size_bytes (int): What each host sends to each other one, 1 or above.
        window (int, optional): Flows that a host sends at a time: each waits for the one that many
            before it. (default: all at once)
        num_rounds (int, optional): As in :func:`ring_all_reduce`. (default: ``1``)
        compute_ns (int, optional): As in :func:`ring_all_reduce`. (default: ``0``)
        start_ns (int, optional): When the first round starts. (default: ``0``)

    Reference:
        The shifted order is the one of Thakur, Rabenseifner and Gropp, "Optimization of collective
        communication operations in MPICH", Int. J. High Performance Computing Applications 19
        (2005).

    Raises:
        KeyProblem: If a host is there twice, or a parameter is bad; names it.
    """
    group = _checked_hosts(hosts)
    n = len(group)
    size = check_count("size_bytes", size_bytes, 1, MAX_SIZE_BYTES)
    shift, index = np.divmod(np.arange(n * (n - 1)), n)
    lag = n if window is None else check_count("window", window)
    waits = shift >= lag
    return _repeated(
        src=group[index],
        dst=group[(index + shift + 1) % n],
        size_bytes=np.full(n * (n - 1), size),
        after_ptr=np.concatenate(([0], np.cumsum(waits))),
        after=(np.arange(n * (n - 1)) - lag * n)[waits],
        num_rounds=num_rounds,
        compute_ns=compute_ns,
        start_ns=start_ns,
    )


def _repeated(
    src: NDArray[np.int64],
    dst: NDArray[np.int64],
    size_bytes: NDArray[np.int64],
    after_ptr: NDArray[np.int64],
    after: NDArray[np.int64],
    num_rounds: int,
    compute_ns: int,
    start_ns: int,
) -> ClosedLoopWorkload:
    """Rounds of the same flows; a flow without others before it opens its sender's round."""
    rounds = check_count("num_rounds", num_rounds)
    pause = check_count("compute_ns", compute_ns, 0, _LAST_START_NS)
    start = check_count("start_ns", start_ns, 0, _LAST_START_NS)
    num_flows = len(src)
    inner = np.split(after, after_ptr[1:-1])
    opens = np.diff(after_ptr) == 0
    received = {host: np.flatnonzero(dst == host) for host in np.unique(src[opens]).tolist()}
    # In a later round an opening flow waits for all that its sender received in the one before.
    later = [
        received[int(src[flow])] - num_flows if opens[flow] else inner[flow]
        for flow in range(num_flows)
    ]
    rows = [inner, *([later] * (rounds - 1))]
    waits = [flows + index * num_flows for index, each in enumerate(rows) for flows in each]
    delays = [np.zeros(num_flows, np.int64), *([np.where(opens, pause, 0)] * (rounds - 1))]
    return ClosedLoopWorkload.from_arrays(
        id=np.arange(rounds * num_flows),
        src=np.tile(src, rounds),
        dst=np.tile(dst, rounds),
        size_bytes=np.tile(size_bytes, rounds),
        ready_ns=np.full(rounds * num_flows, start),
        after_ptr=np.cumsum([0, *map(len, waits)]),
        after=np.concatenate(waits),
        delay_ns=np.concatenate(delays),
    )


def _children(index: int, last: int) -> range:
    return range(2 * index + 1, min(2 * index + 2, last) + 1)


def _chunks(size_bytes: int, num_chunks: int) -> NDArray[np.int64]:
    size = check_count("size_bytes", size_bytes, num_chunks, MAX_SIZE_BYTES)
    return size // num_chunks + (np.arange(num_chunks) < size % num_chunks).astype(np.int64)


def _checked_hosts(hosts: Sequence[int]) -> NDArray[np.int64]:
    checked = [check_count("hosts", host, minimum=0) for host in hosts]
    if len(checked) < 2 or len(set(checked)) < len(checked):
        raise KeyProblem("hosts", f"expected two or more different hosts (got {checked})")
    return np.array(checked, np.int64)
