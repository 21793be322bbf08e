"""What is known of running programs between two instants: arrays only."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from m4graph.core.heap import IndexedHeap

NONE = -1
"""No instance, no operation."""

WAITING, QUEUED, RUNNING, ENDED = range(4)
"""States of an operation."""

NOW_NS, READY_HEAD, READY_TAIL, NUM_STARTED, NUM_DONE = range(5)
"""Places in ``counts``."""

NODE = np.dtype(
    [
        ("kind", np.int8),
        ("duration_ns", np.int64),
        ("slot", np.int32),
        ("step", np.int32),  # of its slot
        ("num_after", np.int32),
        ("followers", np.int64),  # where they begin; one more than nodes
    ],
    align=True,
)
RANK = np.dtype(
    [
        ("first_node", np.int64),
        ("first_instance", np.int64),
        ("first_slot", np.int64),
        ("since_ns", np.int64),  # up to here its time is accounted for
        ("compute_ns", np.int64),
        ("end_ns", np.int64),
    ],
    align=True,
)
LANE = np.dtype(
    [
        ("computing", np.int64),  # instance, or NONE
        ("head", np.int64),  # of the instances that wait to compute
        ("tail", np.int64),
    ],
    align=True,
)
LANES_PER_RANK = 2
"""The accelerator and the CPU."""

GROUP = np.dtype(
    [
        ("first_operation", np.int64),
        ("num_ranks", np.int32),
        ("is_message", np.bool_),
        ("dimension", np.int32),
        ("running", np.bool_),
        ("head", np.int64),  # of the operations that wait for the one that runs
        ("tail", np.int64),
    ],
    align=True,
)
OPERATION = np.dtype(
    [
        ("group", np.int32),
        ("num_arrived", np.int32),
        ("state", np.int8),
        ("first_member", np.int64),
        ("next", np.int64),
        ("start_ns", np.int64),
        ("end_ns", np.int64),
    ],
    align=True,
)
INSTANCE = np.dtype(
    [
        ("rank", np.int32),
        ("num_open", np.int32),
        ("next", np.int64),
        ("start_ns", np.int64),  # when it was ready, of communication
        ("exposed_ns", np.int64),  # its rank did nothing but wait for it
        ("end_ns", np.int64),
    ],
    align=True,
)


class JobState(NamedTuple):
    """The whole state; an *instance* is a node of a rank, an *operation* one of a communicator.

    Shapes:
        - nodes: records ``[num_nodes + 1]`` of all programs, followers: int64
        - ranks, groups, operations, instances: records
        - lanes: records ``[2 num_ranks]``, accelerator and CPU of each rank
        - group_of_slot: int32, the communicator of each rank's slots; -1: of one rank
        - members: int64, the instances of each operation, in the order of arrival
        - exposed_ns: int64 ``[num_ranks, num_dimensions]``
        - ready: int64 ``[num_instances + 1]``, a ring of instances whose turn it is
        - started: int64 ``[num_operations]``, operations that have begun at this instant
        - events: ends of the computation of each lane, then of each operation
        - counts: int64 ``[5]``
    """

    nodes: np.ndarray
    followers: np.ndarray
    ranks: np.ndarray
    lanes: np.ndarray
    groups: np.ndarray
    operations: np.ndarray
    instances: np.ndarray
    group_of_slot: np.ndarray
    members: np.ndarray
    exposed_ns: np.ndarray
    ready: np.ndarray
    started: np.ndarray
    events: IndexedHeap
    counts: np.ndarray
