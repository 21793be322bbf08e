"""The arrays of running programs from the jobs of all tenants, and what their numbers stand for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from m4graph.core.heap import make_heap
from m4graph.jobs.state import (
    GROUP,
    INSTANCE,
    LANE,
    LANES_PER_RANK,
    NODE,
    NONE,
    OPERATION,
    RANK,
    READY_TAIL,
    JobState,
)
from m4graph.jobs.tenants import Tenant, nodes_of_slots
from m4graph.workload.collectives import Collective
from m4graph.workload.programs import Communicator, Program


class JobLayout(NamedTuple):
    """What the numbers of a :class:`JobState` stand for.

    Args:
        tenants (list): The jobs; their ranks are numbered one after the other.
        first_rank (np.ndarray): The first one of each tenant, int64 ``[num_tenants + 1]``.
        groups (list): Communicator and tenant of each group.
        collectives (list): What there is to do, each once.
        collective_of (np.ndarray): Which of these each operation is, int32 ``[num_operations]``.
        node_of (np.ndarray): The node of each operation at its first rank, int32.
        dimensions (list): Their names.
        hosts (np.ndarray): The host of each rank, int64 ``[num_ranks]``.
    """

    tenants: list[Tenant]
    first_rank: NDArray[np.int64]
    groups: list[tuple[Communicator, int]]
    collectives: list[Collective]
    collective_of: NDArray[np.int32]
    node_of: NDArray[np.int32]
    dimensions: list[str]
    hosts: NDArray[np.int64]

    def hosts_of(self, group: int) -> NDArray[np.int64]:
        """The hosts of a group."""
        communicator, tenant = self.groups[group]
        ranks = int(self.first_rank[tenant]) + np.array(communicator.ranks)
        return np.asarray(self.hosts[ranks])


DIMENSIONS = ("tp", "dp", "ep", "pp")
"""Those that are always accounted for, first."""


def build_state(tenants: Sequence[Tenant]) -> tuple[JobState, JobLayout]:
    """The state of jobs that have not begun, whose tenants are checked."""
    programs = [program for tenant in tenants for program in tenant.programs.programs]
    nodes, followers = _nodes(programs)
    first_node = np.cumsum([0, *(program.num_nodes for program in programs)])
    first_program = np.cumsum([0, *(len(tenant.programs.programs) for tenant in tenants)])
    program_of = np.concatenate(
        [
            tenant.programs.program_of_rank + first
            for tenant, first in zip(tenants, first_program[:-1], strict=True)
        ]
    )
    num_nodes, num_slots = (
        np.array([count(program) for program in programs])
        for count in (lambda program: program.num_nodes, lambda program: len(program.slots))
    )
    ranks = np.zeros(len(program_of), RANK)
    ranks["first_node"] = first_node[program_of]
    ranks["first_instance"] = np.cumsum(num_nodes[program_of]) - num_nodes[program_of]
    ranks["first_slot"] = np.cumsum(num_slots[program_of]) - num_slots[program_of]
    lanes = np.zeros(LANES_PER_RANK * len(ranks), LANE)
    for name in ("computing", "head", "tail"):
        lanes[name] = NONE
    instances = np.zeros(int(num_nodes[program_of].sum()), INSTANCE)
    instances["rank"] = np.repeat(np.arange(len(ranks)), num_nodes[program_of])
    own = np.arange(len(instances)) - np.repeat(
        ranks["first_instance"] - ranks["first_node"], num_nodes[program_of]
    )
    instances["num_open"] = nodes["num_after"][own]
    instances["next"] = NONE
    for name in ("start_ns", "end_ns"):
        instances[name] = NONE
    groups, operations, group_of_slot, layout = _groups(tenants, programs, program_of)
    ready, counts = np.zeros(len(instances) + 1, np.int64), np.zeros(5, np.int64)
    opening = np.flatnonzero(instances["num_open"] == 0)
    ready[: len(opening)], counts[READY_TAIL] = opening, len(opening)
    return (
        JobState(
            nodes=nodes,
            followers=followers,
            ranks=ranks,
            lanes=lanes,
            groups=groups,
            operations=operations,
            instances=instances,
            group_of_slot=group_of_slot,
            members=np.full(int(groups["num_ranks"][operations["group"]].sum()), NONE),
            exposed_ns=np.zeros((len(ranks), len(layout.dimensions)), np.int64),
            ready=ready,
            started=np.zeros(len(operations), np.int64),
            events=make_heap(len(lanes) + len(operations)),
            counts=counts,
        ),
        layout,
    )


def _nodes(programs: Sequence[Program]) -> tuple[np.ndarray, np.ndarray]:
    tables, all_followers = [], []
    first_node = first_follower = 0
    for program in programs:
        table = np.zeros(program.num_nodes, NODE)
        table["kind"], table["duration_ns"] = program.kind, program.duration_ns
        table["slot"], table["num_after"] = program.slot, np.diff(program.after_ptr)
        for own in nodes_of_slots(program):
            table["step"][own] = np.arange(len(own))
        waiting = np.repeat(np.arange(program.num_nodes), np.diff(program.after_ptr))
        counts = np.bincount(program.after, minlength=program.num_nodes)
        table["followers"] = first_follower + np.cumsum(counts) - counts
        all_followers.append(first_node + waiting[np.argsort(program.after, kind="stable")])
        tables.append(table)
        first_node += program.num_nodes
        first_follower += len(waiting)
    end = np.zeros(1, NODE)
    end["followers"] = first_follower
    return np.concatenate([*tables, end]), np.concatenate(all_followers).astype(np.int64)


def _groups(
    tenants: Sequence[Tenant], programs: Sequence[Program], program_of: NDArray[np.int64]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, JobLayout]:
    numbers: dict[tuple[Communicator, int], int] = {}
    dimensions = dict.fromkeys(DIMENSIONS)
    collectives: dict[Collective, int] = {}
    slots = [nodes_of_slots(program) for program in programs]
    rows: list[tuple[int, Communicator, int]] = []
    group_of_slot, collective_of, node_of = [], [], []
    first_rank = np.cumsum([0, *(tenant.programs.num_ranks for tenant in tenants)])
    num_operations = 0
    for number, tenant in enumerate(tenants):
        for rank, communicators in enumerate(tenant.programs.communicators):
            which = program_of[first_rank[number] + rank]
            program = programs[which]
            for slot, name in enumerate(program.slots):
                communicator = communicators[name]
                if len(communicator.ranks) == 1:
                    group_of_slot.append(NONE)
                    continue
                dimensions.setdefault(communicator.dimension)
                group = numbers.setdefault((communicator, number), len(rows))
                group_of_slot.append(group)
                if group < len(rows):
                    continue
                own = slots[which][slot]
                rows.append((num_operations, communicator, len(own)))
                collective_of += [
                    collectives.setdefault(program.operations[operation], len(collectives))
                    for operation in program.operation[own].tolist()
                ]
                node_of += own.tolist()
                num_operations += len(own)
    names = list(dimensions)
    groups = np.zeros(len(rows), GROUP)
    groups["head"] = groups["tail"] = NONE
    for row, (first, communicator, _) in enumerate(rows):
        groups["first_operation"][row] = first
        groups["num_ranks"][row] = len(communicator.ranks)
        groups["dimension"][row] = names.index(communicator.dimension)
    operations = np.zeros(num_operations, OPERATION)
    operations["group"] = np.repeat(np.arange(len(rows)), [row[2] for row in rows])
    message = np.array([each.kind == "send_recv" for each in collectives], np.bool_)
    if num_operations:
        groups["is_message"] = message[np.array(collective_of)[groups["first_operation"]]]
    sizes = groups["num_ranks"][operations["group"]]
    operations["first_member"] = np.cumsum(sizes) - sizes
    for name in ("next", "start_ns", "end_ns"):
        operations[name] = NONE
    layout = JobLayout(
        tenants=list(tenants),
        first_rank=first_rank,
        groups=list(numbers),
        collectives=list(collectives),
        collective_of=np.array(collective_of, np.int32),
        node_of=np.array(node_of, np.int32),
        dimensions=names,
        hosts=np.concatenate([tenant.hosts[: tenant.programs.num_ranks] for tenant in tenants]),
    )
    return groups, operations, np.array(group_of_slot, np.int32), layout
