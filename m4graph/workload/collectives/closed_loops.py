"""Collective operations as closed loops, in rounds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from m4graph.core.calls import plain_call
from m4graph.core.checks import check_count
from m4graph.core.errors import one_of
from m4graph.core.schema import KeyProblem
from m4graph.workload.closed_loop import ClosedLoopWorkload
from m4graph.workload.collectives.direct import direct
from m4graph.workload.collectives.flows import SWITCH, Collective, CollectiveFlows, RankGroup
from m4graph.workload.collectives.kinds import KINDS, collective_flows
from m4graph.workload.collectives.ring import ring
from m4graph.workload.collectives.tree import tree

MAX_SIZE_BYTES = 2**50
"""No buffer may be larger."""

_LAST_START_NS = 2**61


@plain_call
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
    ranks = _checked_hosts(hosts)
    size = check_count("size_bytes", size_bytes, len(ranks), MAX_SIZE_BYTES)
    flows = ring(Collective("all_reduce", size, channels=1), _group(ranks))
    return _repeated(flows.on(ranks), num_rounds, compute_ns, start_ns)


@plain_call
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
    ranks = _checked_hosts(hosts)
    chunks = check_count("num_chunks", num_chunks)
    size = check_count("size_bytes", size_bytes, chunks, MAX_SIZE_BYTES)
    flows = tree(Collective("all_reduce", size, chunks=chunks), _group(ranks))
    return _repeated(flows.on(ranks), num_rounds, compute_ns, start_ns)


@plain_call
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
    ranks = _checked_hosts(hosts)
    n = len(ranks)
    size = check_count("size_bytes", size_bytes, 1, MAX_SIZE_BYTES)
    flows = direct(Collective("all_to_all", n * size), _group(ranks))
    lag = n * (n if window is None else check_count("window", window))
    waits = np.arange(lag, flows.num_flows)
    paced = CollectiveFlows.of(
        flows.src, flows.dst, flows.size_bytes, flows.step, (waits, waits - lag)
    )
    return _repeated(paced.on(ranks), num_rounds, compute_ns, start_ns)


@plain_call
def collective_rounds(
    hosts: Sequence[int],
    size_bytes: int,
    operation: str = "all_reduce",
    algorithm: str | None = None,
    servers: Sequence[int] | None = None,
    channels: int | None = None,
    chunks: int = 1,
    num_rounds: int = 1,
    compute_ns: int = 0,
    start_ns: int = 0,
) -> ClosedLoopWorkload:
    """Any collective operation by any algorithm of :data:`.COLLECTIVE_ALGORITHMS`, in rounds.

    Args:
        hosts (Sequence[int]): Two or more hosts, the ranks in order.
        size_bytes (int): As of :class:`.Collective`.
        operation (str, optional): One of :data:`.KINDS`. (default: ``"all_reduce"``)
        algorithm (str, optional): How. (default: the operation's)
        servers (Sequence[int], optional): The server of each host. (default: each its own)
        channels (int, optional): As of :class:`.Collective`.
        chunks (int, optional): As of :class:`.Collective`. (default: ``1``)
        num_rounds (int, optional): As in :func:`ring_all_reduce`. (default: ``1``)
        compute_ns (int, optional): As in :func:`ring_all_reduce`. (default: ``0``)
        start_ns (int, optional): When the first round starts. (default: ``0``)

    Raises:
        KeyProblem: If a host is there twice, a parameter is bad, or the algorithm needs an
            NVSwitch, whose flows have no host at one end.
    """
    if operation not in KINDS:
        raise KeyProblem("operation", f"expected {one_of(KINDS)} (got {operation!r})")
    ranks = _checked_hosts(hosts)
    size = check_count("size_bytes", size_bytes, 1, MAX_SIZE_BYTES)
    group = _group(ranks) if servers is None else RankGroup.of_servers(servers)
    flows = collective_flows(Collective(operation, size, algorithm, channels, chunks), group)
    if (flows.src == SWITCH).any() or (flows.dst == SWITCH).any():
        raise KeyProblem(
            "algorithm", f"expected one whose flows go from host to host (got {algorithm!r})"
        )
    return _repeated(flows.on(ranks), num_rounds, compute_ns, start_ns)


def _repeated(
    flows: CollectiveFlows, num_rounds: int, compute_ns: int, start_ns: int
) -> ClosedLoopWorkload:
    """Rounds of the same flows; a flow without others before it opens its sender's round."""
    src, dst, after_ptr = flows.src, flows.dst, flows.after_ptr
    rounds = check_count("num_rounds", num_rounds)
    pause = check_count("compute_ns", compute_ns, 0, _LAST_START_NS)
    start = check_count("start_ns", start_ns, 0, _LAST_START_NS)
    num_flows = flows.num_flows
    inner = np.split(flows.after, after_ptr[1:-1])
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
        size_bytes=np.tile(flows.size_bytes, rounds),
        ready_ns=np.full(rounds * num_flows, start),
        after_ptr=np.cumsum([0, *map(len, waits)]),
        after=np.concatenate(waits),
        delay_ns=np.concatenate(delays),
    )


def _group(ranks: NDArray[np.int64]) -> RankGroup:
    """Hosts of which each is a server by itself."""
    return RankGroup.of_servers(np.arange(len(ranks)))


def _checked_hosts(hosts: Sequence[int]) -> NDArray[np.int64]:
    checked = [check_count("hosts", host, minimum=0) for host in hosts]
    if len(checked) < 2 or len(set(checked)) < len(checked):
        raise KeyProblem("hosts", f"expected two or more different hosts (got {checked})")
    return np.array(checked, np.int64)
