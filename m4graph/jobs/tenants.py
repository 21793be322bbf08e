"""The jobs that share a network, and which host each of their ranks is on."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, zip_longest

import numpy as np
from numpy.typing import NDArray

from m4graph.core.errors import WorkloadError
from m4graph.workload.collectives import Collective
from m4graph.workload.programs import Communicator, JobPrograms, Program
from m4graph.workload.programs.program import COMMUNICATE, RECEIVE, SEND


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
    return [order[begin:end] for begin, end in pairwise(bounds)]


_Steps = tuple[tuple[int, Collective], ...]


def _check_matches(tenant: Tenant) -> None:
    programs = tenant.programs
    nodes = [nodes_of_slots(program) for program in programs.programs]
    steps = [
        [_steps(program, own) for own in of_slots]
        for program, of_slots in zip(programs.programs, nodes, strict=True)
    ]
    seen: dict[Communicator, dict[int, tuple[_Steps, NDArray[np.int64]]]] = {}
    for rank in range(programs.num_ranks):
        which = int(programs.program_of_rank[rank])
        for slot, name in enumerate(programs.programs[which].slots):
            communicator = programs.communicators[rank].get(name)
            own = nodes[which][slot]
            if communicator is None or rank not in communicator.ranks:
                raise WorkloadError(
                    f"{_called(tenant, rank, own[0])}: expected a group {name!r} with this rank "
                    f"(got {'none' if communicator is None else list(communicator.ranks)[:8]})"
                )
            seen.setdefault(communicator, {})[rank] = steps[which][slot], own
    for communicator, members in seen.items():
        first = communicator.ranks[0]
        for place, rank in enumerate(communicator.ranks):
            wanted = _counterpart(members.get(first, _NOTHING)[0], place)
            own_steps, own = members.get(rank, _NOTHING)
            if own_steps == wanted:
                continue
            pairs = list(zip_longest(own_steps, wanted))
            step = next(i for i, (doing, expected) in enumerate(pairs) if doing != expected)
            where = _called(tenant, rank, own[step]) if step < len(own) else tenant.called(rank)
            doing, expected = map(_spell, pairs[step])
            raise WorkloadError(
                f"{where}, step {step} of {communicator.name!r}: expected {expected}, to match "
                f"rank {first if rank != first else communicator.ranks[-1]} (got {doing})"
            )


_NOTHING: tuple[_Steps, NDArray[np.int64]] = ((), np.zeros(0, np.int64))


def _steps(program: Program, nodes: NDArray[np.int64]) -> _Steps:
    """What a rank does in a communicator."""
    operations = program.operations
    return tuple(
        (int(program.kind[node]), operations[program.operation[node]]) for node in nodes.tolist()
    )


def _counterpart(steps: _Steps, place: int) -> _Steps:
    """What a member does if the first does these steps: of messages, it receives all."""
    return tuple(
        (kind if kind == COMMUNICATE else RECEIVE if place else SEND, operation)
        for kind, operation in steps
    )


def _spell(step: tuple[int, Collective] | None) -> str:
    if step is None:
        return "nothing"
    kind, operation = step
    word = {SEND: "to send", RECEIVE: "to receive"}.get(kind, operation.kind)
    return f"{word} {operation.size_bytes} bytes"


def _called(tenant: Tenant, rank: int, node: int) -> str:
    return f"{tenant.called(rank)}, node {node} ({tenant.programs.program(rank).names[node]})"


def _repeated(hosts: NDArray[np.int64]) -> int:
    seen: set[int] = set()
    for rank, host in enumerate(hosts.tolist()):
        if host in seen:
            return rank
        seen.add(host)
    return 0
