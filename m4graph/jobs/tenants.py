"""The jobs that share a network, and which host each of their ranks is on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from m4graph.core.errors import WorkloadError
from m4graph.workload.collectives import Collective
from m4graph.workload.programs import Communicator, JobPrograms, Program
from m4graph.workload.programs.program import RECEIVE, SEND


@dataclass(frozen=True, eq=False)
class Tenant:
    """A job and its hosts.

    Fields:
        - programs: :class:`.JobPrograms`
        - hosts: int64 ``[num_ranks]``
        - name: for messages and tables; empty if there is only one
    """

    programs: JobPrograms
    hosts: NDArray[np.int64]
    name: str = ""

    def called(self, rank: int) -> str:
        """A rank, for messages."""
        return f"tenant {self.name}, rank {rank}" if self.name else f"rank {rank}"


def check_tenant(tenant: Tenant, num_hosts: int) -> None:
    """Checks that each rank has a host, and that ranks do the same in each communicator.

    Raises:
        WorkloadError: If not; names the rank, the node and its step in the communicator.
    """
    programs, hosts = tenant.programs, tenant.hosts
    for rank in range(programs.num_ranks):
        host = int(hosts[rank]) if rank < len(hosts) else num_hosts
        if not 0 <= host < num_hosts:
            got = f"host {host}" if rank < len(hosts) else f"{len(hosts)} hosts"
            raise WorkloadError(
                f"{tenant.called(rank)}: expected a host of its own, of 0 to {num_hosts - 1} "
                f"(got {got} for {programs.num_ranks} ranks)"
            )
    if len(np.unique(hosts[: programs.num_ranks])) < programs.num_ranks:
        rank = _repeated(hosts)
        raise WorkloadError(
            f"{tenant.called(rank)}: expected a host of its own (got host {hosts[rank]}, which "
            "another rank has)"
        )
    _check_matches(tenant)


def nodes_of_slots(program: Program) -> list[NDArray[np.int64]]:
    """The nodes of each slot of a program, in order."""
    order = np.argsort(program.slot, kind="stable")
    bounds = np.searchsorted(program.slot[order], np.arange(len(program.slots) + 1))
    return [order[begin:end] for begin, end in zip(bounds[:-1], bounds[1:], strict=True)]


_Step = tuple[int, Collective]


def _check_matches(tenant: Tenant) -> None:
    programs = tenant.programs
    nodes = [nodes_of_slots(program) for program in programs.programs]
    steps = [
        [
            tuple((int(program.kind[node]), program.operations[program.operation[node]]) for node in own)
            for own in of_slots
        ]
        for program, of_slots in zip(programs.programs, nodes, strict=True)
    ]
    seen: dict[Communicator, dict[int, tuple[int, int]]] = {}
    for rank in range(programs.num_ranks):
        which = int(programs.program_of_rank[rank])
        for slot, name in enumerate(programs.programs[which].slots):
            communicator = programs.communicators[rank].get(name)
            if communicator is None or rank not in communicator.ranks:
                node = int(nodes[which][slot][0])
                raise WorkloadError(
                    f"{_called(tenant, rank, node)}: expected a group {name!r} with this rank "
                    f"(got {'none' if communicator is None else list(communicator.ranks)[:8]})"
                )
            seen.setdefault(communicator, {})[rank] = which, slot
    for communicator, members in seen.items():
        first = communicator.ranks[0]
        is_message = any(
            step[0] in (SEND, RECEIVE) for which, slot in members.values() for step in steps[which][slot]
        )
        empty: tuple[_Step, ...] = ()
        wanted = steps[members[first][0]][members[first][1]] if first in members else empty
        for place, rank in enumerate(communicator.ranks):
            own = steps[members[rank][0]][members[rank][1]] if rank in members else empty
            expected = _counterparts(wanted, place) if is_message else wanted
            if own != expected:
                _refuse(tenant, communicator, members, nodes, rank, own, expected)


def _counterparts(steps: tuple[_Step, ...], place: int) -> tuple[_Step, ...]:
    """What the sender and the receiver of messages do, if the sender does these steps."""
    return tuple((RECEIVE if place else SEND, operation) for _, operation in steps)


def _refuse(
    tenant: Tenant,
    communicator: Communicator,
    members: dict[int, tuple[int, int]],
    nodes: list[list[NDArray[np.int64]]],
    rank: int,
    own: tuple[_Step, ...],
    expected: tuple[_Step, ...],
) -> None:
    step = next(
        (i for i, (a, b) in enumerate(zip(own, expected, strict=False)) if a != b),
        min(len(own), len(expected)),
    )
    owner = rank if step < len(own) else communicator.ranks[0]
    which, slot = members[owner]
    node = int(nodes[which][slot][step])
    doing = own[step] if step < len(own) else None
    wanted = expected[step] if step < len(expected) else None
    other = communicator.ranks[0] if owner == rank else rank
    if owner != rank:
        doing, wanted = wanted, doing
    raise WorkloadError(
        f"{_called(tenant, owner, node)}, step {step} of {communicator.name!r}: expected "
        f"{_spell(doing, owner == rank, wanted)} at rank {other} too (got {_spell_one(wanted)})"
    )


def _spell(doing: _Step | None, is_own: bool, wanted: _Step | None) -> str:
    return _spell_one(doing)


def _spell_one(step: _Step | None) -> str:
    if step is None:
        return "none"
    kind, operation = step
    word = {SEND: "a message sent", RECEIVE: "a message received"}.get(kind, operation.kind)
    return f"{word} of {operation.size_bytes} bytes"


def _called(tenant: Tenant, rank: int, node: int) -> str:
    return f"{tenant.called(rank)}, node {node} ({tenant.programs.program(rank).names[node]})"


def _repeated(hosts: NDArray[np.int64]) -> int:
    seen: set[int] = set()
    for rank, host in enumerate(hosts.tolist()):
        if host in seen:
            return rank
        seen.add(host)
    return 0
