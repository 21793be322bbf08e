"""The state of a run: all its arrays, for Python and for compiled code."""

from __future__ import annotations

from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numba import types
from numba.extending import typeof_impl

from m4graph.simulators.packet.state_type import StateType, Table

_OF_ALGORITHM = ("congestion", "congestion_config", "in_band")
"""What the loop does not touch: its types differ from one algorithm to the next."""


class _Arrays(NamedTuple):
    """All arrays of one run. Scalars stand in ``control`` and ``config``, of length one."""

    control: np.ndarray
    config: np.ndarray
    links: np.ndarray
    queues: np.ndarray  # of each link; empty with a shared buffer
    nodes: np.ndarray
    flows: np.ndarray
    marking: np.ndarray  # uint64 [6]: the random generator of marks
    congestion: np.ndarray  # the algorithm's own record for each flow
    congestion_config: np.ndarray  # and its parameters, of length one
    retries: np.ndarray  # of each flow: what the RDMA transport's timer saw last
    start_order: np.ndarray  # uint32: flows by their start; of one start, as they were queued
    waits: np.ndarray  # of flows in batches; as many as flows, or fewer
    followers: np.ndarray  # uint32: of each flow of a batch, those that wait for it
    timers: np.ndarray  # int32 [flows, timers]: the version of each timer that is not void
    packets: np.ndarray
    in_band: np.ndarray  # what each packet carries for the algorithm; empty if that is nothing
    events: np.ndarray
    slots: np.ndarray  # the timing wheel
    occupied: np.ndarray  # uint64 bitmap of its slots
    heap: np.ndarray  # events beyond the wheel's horizon
    requests: np.ndarray  # events that Python asked for; queued when the run goes on
    route_links: np.ndarray  # uint32
    host_flows: np.ndarray  # uint32: the unfinished flows of each host, in order of their start
    link_flows: np.ndarray  # int32: the active flows of each link, for labels
    label_events: np.ndarray
    label_flows: np.ndarray  # int32
    label_remaining_bytes: np.ndarray  # int64
    label_queue_bytes: np.ndarray  # int64
    sprays: np.ndarray  # SPRAY, or SPRAY_OFF
    packet_bits: np.ndarray  # uint64 [words, 2]: what has come of flows on paths, packet by packet
    wires: np.ndarray  # WIRE, or WIRE_OFF
    link_hooks: np.ndarray  # LINK_HOOK, or LINK_HOOK_OFF
    meters: np.ndarray  # METER, or METER_OFF
    packet_numbers: np.ndarray  # int64: of each packet, in the order of sending; for taps
    tap_rows: np.ndarray
    hooks: np.ndarray  # uint64: addresses of the algorithm's compiled hooks; 0: it does nothing


class State(_Arrays, Table):
    """All arrays of one run, and where compiled code finds them.

    They are contiguous. Others take their place by ``_replace``, which makes another state.
    """

    @cached_property
    def hook_type(self) -> StateType:
        """What an algorithm's hooks are compiled for."""
        return self.plain_type()

    @cached_property
    def engine_type(self) -> StateType:
        """What the engine is compiled for: the same for all algorithms."""
        arrays = self.hook_type.arrays.items()
        return StateType(
            tuple(
                (name, types.Array(types.uint8, 1, "C") if name in _OF_ALGORITHM else array)
                for name, array in arrays
            )
        )


@typeof_impl.register(State)
def _typeof_state(state: State, c: Any) -> StateType:
    return state.engine_type
