"""The programs of all ranks, instant by instant, in numba: who may compute, what may be sent."""

from __future__ import annotations

import numpy as np

from m4graph.core.compilation import kernel_digest
from m4graph.core.heap import heap_min, heap_pop, heap_set
from m4graph.core.kernels import cached_kernel, kernel
from m4graph.jobs.state import (
    ENDED,
    LANES_PER_RANK,
    NONE,
    NOW_NS,
    NUM_DONE,
    NUM_STARTED,
    QUEUED,
    READY_HEAD,
    READY_TAIL,
    RUNNING,
)
from m4graph.workload.programs.program import CPU, RECEIVE


@kernel
def make_ready(state, instance):
    """It is the turn of an instance: all that it waits for is done."""
    tail = state.counts[READY_TAIL]
    state.ready[tail] = instance
    state.counts[READY_TAIL] = (tail + 1) % len(state.ready)


@kernel
def finish(state, instance):
    """An instance is done now; those that waited for it alone are ready."""
    counts = state.counts
    record = state.instances[instance]
    record.end_ns = counts[NOW_NS]
    rank = state.ranks[record.rank]
    rank.end_ns = max(rank.end_ns, counts[NOW_NS])
    counts[NUM_DONE] += 1
    node = instance - rank.first_instance + rank.first_node
    for entry in range(state.nodes[node].followers, state.nodes[node + 1].followers):
        other = state.followers[entry] - rank.first_node + rank.first_instance
        state.instances[other].num_open -= 1
        if state.instances[other].num_open == 0:
            make_ready(state, other)


@kernel
def compute(state, number, instance, duration_ns):
    """A lane computes from now on."""
    now = state.counts[NOW_NS]
    state.lanes[number].computing = instance
    if number % LANES_PER_RANK == 0:
        state.ranks[number // LANES_PER_RANK].since_ns = now
    state.instances[instance].start_ns = now
    heap_set(state.events, number, float(now + duration_ns))


@kernel
def end_computation(state, number):
    """A lane has computed; it goes on with what has waited longest."""
    now = state.counts[NOW_NS]
    lane, rank = state.lanes[number], state.ranks[number // LANES_PER_RANK]
    instance = lane.computing
    if number % LANES_PER_RANK == 0:
        rank.compute_ns += now - rank.since_ns
        rank.since_ns = now
    lane.computing = NONE
    if lane.head != NONE:
        following = lane.head
        lane.head = state.instances[following].next
        node = following - rank.first_instance + rank.first_node
        compute(state, number, following, state.nodes[node].duration_ns)
    finish(state, instance)


@kernel
def begin_operation(state, number):
    """An operation starts now, or when those before it in its group have ended."""
    operation = state.operations[number]
    group = state.groups[operation.group]
    if group.running:
        operation.state = QUEUED
        if group.head == NONE:
            group.head = number
        else:
            state.operations[group.tail].next = number
        group.tail = number
        return
    group.running = True
    operation.state = RUNNING
    operation.start_ns = state.counts[NOW_NS]
    state.started[state.counts[NUM_STARTED]] = number
    state.counts[NUM_STARTED] += 1


@kernel
def end_operation(state, number):
    """An operation has ended: so it has for all its ranks."""
    now = state.counts[NOW_NS]
    operation = state.operations[number]
    group = state.groups[operation.group]
    operation.state = ENDED
    operation.end_ns = now
    group.running = False
    if group.head != NONE:
        following = group.head
        group.head = state.operations[following].next
        begin_operation(state, following)
    for arrived in range(operation.num_arrived):
        instance = state.members[operation.first_member + arrived]
        number_of_rank = state.instances[instance].rank
        rank = state.ranks[number_of_rank]
        if state.lanes[LANES_PER_RANK * number_of_rank].computing == NONE:
            state.exposed_ns[number_of_rank, group.dimension] += now - rank.since_ns
            state.instances[instance].exposed_ns += now - rank.since_ns
            rank.since_ns = now
        finish(state, instance)


@kernel
def arrive(state, instance, group_number, step, kind):
    """A rank is ready for an operation of its group; it starts with the last, a message with the
    first of its two.
    """
    group = state.groups[group_number]
    number = group.first_operation + step
    operation = state.operations[number]
    if operation.state == ENDED:  # A message that has come before it was asked for.
        finish(state, instance)
        return
    state.members[operation.first_member + operation.num_arrived] = instance
    operation.num_arrived += 1
    if group.is_message:
        if kind != RECEIVE:
            begin_operation(state, number)
    elif operation.num_arrived == group.num_ranks:
        begin_operation(state, number)


@kernel
def take_turn(state, instance):
    """Starts an instance that is ready, or puts it where it waits."""
    record = state.instances[instance]
    rank = state.ranks[record.rank]
    node = state.nodes[instance - rank.first_instance + rank.first_node]
    record.start_ns = state.counts[NOW_NS]
    if node.kind > CPU:
        group = state.group_of_slot[rank.first_slot + node.slot]
        if group == NONE:
            finish(state, instance)
        else:
            arrive(state, instance, group, node.step, node.kind)
        return
    number = LANES_PER_RANK * record.rank + node.kind
    lane = state.lanes[number]
    if node.duration_ns == 0:
        finish(state, instance)
    elif lane.computing == NONE:
        compute(state, number, instance, node.duration_ns)
    else:
        if lane.head == NONE:
            lane.head = instance
        else:
            state.instances[lane.tail].next = instance
        lane.tail = instance


def _build(digest):
    @cached_kernel
    def run(state, until_ns):
        digest  # noqa: B018 - part of numba's cache key: a change of any source recompiles
        counts = state.counts
        counts[NUM_STARTED] = 0
        num_lanes = len(state.lanes)
        while True:
            while counts[READY_HEAD] != counts[READY_TAIL]:
                head = counts[READY_HEAD]
                counts[READY_HEAD] = (head + 1) % len(state.ready)
                take_turn(state, state.ready[head])
            following = heap_min(state.events)
            if following > counts[NOW_NS]:
                if counts[NUM_STARTED] > 0 or following > until_ns or following == np.inf:
                    return following
                counts[NOW_NS] = int(following)
            event = heap_pop(state.events)
            if event < num_lanes:
                end_computation(state, event)
            else:
                end_operation(state, event - num_lanes)

    @cached_kernel
    def post_ends(state, operations, end_ns):
        digest  # noqa: B018 - as above
        for i in range(len(operations)):
            heap_set(state.events, len(state.lanes) + operations[i], end_ns[i])

    return run, post_ends


run, post_ends = _build(kernel_digest(__name__))  # type: ignore[no-untyped-call]
"""``run(state, until_ns)`` lets whole instants up to ``until_ns`` happen, and stops behind the
first in which operations begin; it returns the time of the next event, or infinity.
``post_ends(state, operations, end_ns)`` says when operations that have begun will end."""
