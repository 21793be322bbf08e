"""Runs the programs of all ranks, with a transport that carries what they send."""

from __future__ import annotations

from typing import Any

import numpy as np

from m4graph.core.announced import announced_compilation
from m4graph.core.errors import InputError, WorkloadError
from m4graph.core.progress import Progress
from m4graph.jobs.cluster import Running
from m4graph.jobs.kernel import post_ends, run
from m4graph.jobs.layout import JobLayout
from m4graph.jobs.state import ENDED, NONE, NOW_NS, NUM_DONE, NUM_STARTED, JobState
from m4graph.jobs.transport import BACKGROUND, Transport


def run_programs(
    state: JobState, layout: JobLayout, transport: Transport, progress: Progress | None = None
) -> None:
    """Runs programs to their ends.

    Args:
        state (JobState): Programs that have not begun; holds all times afterwards.
        layout (JobLayout): What its numbers stand for.
        transport (Transport): Carries the operations.
        progress (Progress, optional): Is told of nodes that are done. (default: ``None``)

    Raises:
        InputError: If an operation cannot be done in the network, or ranks wait for each other in
            a circle; names rank, node and step.
        SimulationError: If the run fails.
    """
    _, compile_s = announced_compilation("schedule of jobs", lambda: run(_nothing(state), -1.0))
    transport.compile_s += compile_s
    hosts = [layout.hosts_of(group) for group in range(len(layout.groups))]
    next_ns = 0.0
    while True:
        until_ns = next_ns if transport.is_live else np.inf
        next_ns = run(state, until_ns)
        now_ns = int(state.counts[NOW_NS])
        started = state.started[: state.counts[NUM_STARTED]].tolist()
        if started:
            _post(state, transport.start(_placed(state, layout, transport, hosts, started), now_ns))
            next_ns = _first_event(state)
        if transport.is_live:
            _post(state, transport.advance(next_ns))
            next_ns = _first_event(state)
        if progress is not None:
            progress(int(state.counts[NUM_DONE]), len(state.instances))
        if next_ns == np.inf and not transport.is_live:
            break
    if state.counts[NUM_DONE] < len(state.instances):
        raise WorkloadError(_stuck(state, layout))


def _placed(
    state: JobState,
    layout: JobLayout,
    transport: Transport,
    hosts: list[Any],
    started: list[int],
) -> list[Running]:
    now_ns = int(state.counts[NOW_NS])
    groups = state.operations["group"]
    placed = []
    for operation in started:
        group = int(groups[operation])
        collective = layout.collectives[layout.collective_of[operation]]
        try:
            placement = transport.place(group, hosts[group], collective)
        except InputError as error:
            raise WorkloadError(f"{_called(state, layout, operation)}: {error}") from None
        placed.append(Running(operation, placement, now_ns))
    return placed


def _post(state: JobState, changed: list[Running]) -> None:
    if changed:
        numbers = np.array([one.operation for one in changed])
        ends = [np.inf if one.end_ns is None else one.end_ns for one in changed]
        own = numbers != BACKGROUND
        post_ends(state, numbers[own], np.array(ends, np.float64)[own])


def _first_event(state: JobState) -> float:
    events = state.events
    return float(events.entries["key"][0]) if events.size[0] else np.inf


def _called(state: JobState, layout: JobLayout, operation: int) -> str:
    """An operation, by its first rank."""
    group = int(state.operations["group"][operation])
    communicator, tenant = layout.groups[group]
    rank, node = communicator.ranks[0], int(layout.node_of[operation])
    owner = layout.tenants[tenant]
    step = operation - int(state.groups["first_operation"][group])
    name = owner.programs.program(rank).names[node]
    return f"{owner.called(rank)}, node {node} ({name}), step {step} of {communicator.name!r}"


def _stuck(state: JobState, layout: JobLayout) -> str:
    """Why nothing goes on: an operation that some of its ranks wait for, and others never reach."""
    waiting = (state.operations["state"] != ENDED) & (state.operations["num_arrived"] > 0)
    operation = int(np.argmax(waiting))
    group = int(state.operations["group"][operation])
    communicator, tenant = layout.groups[group]
    first = layout.first_rank[tenant]
    members = state.members[int(state.operations["first_member"][operation]) :]
    there = members[: int(state.operations["num_arrived"][operation])]
    arrived = set((state.instances["rank"][there] - first).tolist())
    missing = next(rank for rank in communicator.ranks if rank not in arrived)
    held = _first_open(state, int(first + missing))
    owner = layout.tenants[tenant]
    name = owner.programs.program(missing).names[held]
    return (
        f"{_called(state, layout, operation)}: expected rank {missing} to come to it "
        f"(got it waiting at node {held} ({name}): ranks wait for each other in a circle)"
    )


def _first_open(state: JobState, rank: int) -> int:
    """The first node of a rank that has begun and is not done."""
    first = int(state.ranks["first_instance"][rank])
    own = np.flatnonzero(state.instances["rank"] == rank)
    begun = (state.instances["start_ns"][own] != NONE) & (state.instances["end_ns"][own] == NONE)
    return int(own[np.argmax(begun)]) - first


def _nothing(state: JobState) -> JobState:
    """A state of the same types in which nothing happens."""
    idle = state.events._replace(size=np.zeros(1, np.int64))
    return state._replace(events=idle, counts=np.zeros(5, np.int64))
