"""What the compiled engine holds while it runs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from m4graph.core.arrays import grown
from m4graph.graph.tracker_state import TrackerState, make_tracker_state, with_room
from m4graph.learned.agenda import Agenda, make_agenda
from m4graph.learned.capacity import Capacity, make_capacity
from m4graph.learned.compiled.weights import Weights
from m4graph.runs import FlowNetwork
from m4graph.runs.events import EVENT_RECORD

CONTROL_RECORD = np.dtype(
    [
        ("num_events", "i8"),
        ("now_ns", "i8"),
        ("bad_row", "i8"),  # of the step, whose prediction is no number
        ("num_free", "i8"),  # rows in ``free_rows``
    ],
    align=True,
)


class Memory(NamedTuple):
    """The states that live from event to event.

    Shapes:
        - ``flow_state`` float32 ``[capacity, hidden]``: of flows under way; ``free_rows`` int32
          ``[capacity]``: a stack of its rows that no flow has; ``row_of_flow`` int32
          ``[num_flows]``
        - ``link_state`` float32 ``[num_links, hidden]``
        - ``log_quantile`` float32 ``[num_flows, num_heads]``: what each quantile head has said last
          of each flow; NaN: nothing yet
    """

    flow_state: NDArray[np.float32]
    free_rows: NDArray[np.int32]
    row_of_flow: NDArray[np.int32]
    link_state: NDArray[np.float32]
    log_quantile: NDArray[np.float32]


class Rows(NamedTuple):
    """Room for the nodes of one kind that an event concerns.

    Shapes:
        - ``state``, ``message``, ``mean`` float32 ``[capacity, hidden]``; ``result`` float32
          ``[capacity, widest layer]``; ``gates`` float32 ``[capacity, 4 * hidden]``; ``degree``
          int64 ``[capacity]``
    """

    state: NDArray[np.float32]
    message: NDArray[np.float32]
    mean: NDArray[np.float32]
    result: NDArray[np.float32]
    gates: NDArray[np.float32]
    degree: NDArray[np.int64]


class Scratch(NamedTuple):
    """Room for one event.

    Shapes:
        - ``log_slowdown`` float32, ``now_ns`` int64 ``[capacity]``, of the touched flows
    """

    flow: Rows
    link: Rows
    log_slowdown: NDArray[np.float32]
    now_ns: NDArray[np.int64]


class EngineState(NamedTuple):
    """All that the event loop reads and writes, for one network."""

    weights: Weights
    tracker: TrackerState
    agenda: Agenda
    capacity: Capacity
    memory: Memory
    scratch: Scratch
    events: np.ndarray  # EVENT_RECORD [1]
    control: np.ndarray  # CONTROL_RECORD [1]


def make_state(
    weights: Weights, network: FlowNetwork, least_fct_ns: NDArray[np.int64] | None = None
) -> EngineState:
    """The state before anything has happened, with no room for a flow under way.

    Args:
        weights (Weights): Of the model.
        network (FlowNetwork): The network.
        least_fct_ns (np.ndarray, optional): As of :func:`.agenda.make_agenda`.
    """
    hidden = weights.flow.rounds.bias.shape[1]
    return EngineState(
        weights=weights,
        tracker=make_tracker_state([network]),
        agenda=make_agenda([network], None if least_fct_ns is None else [least_fct_ns]),
        capacity=make_capacity([network]),
        memory=Memory(
            flow_state=np.zeros((0, hidden), np.float32),
            free_rows=np.zeros(0, np.int32),
            row_of_flow=np.zeros(network.num_flows, np.int32),
            link_state=np.zeros((network.num_links, hidden), np.float32),
            log_quantile=np.full(
                (network.num_flows, len(weights.quantiles.level)), np.nan, np.float32
            ),
        ),
        scratch=_make_scratch(weights, 0, 0),
        events=np.zeros(1, EVENT_RECORD),
        control=np.zeros(1, CONTROL_RECORD),
    )


def with_capacity(state: EngineState, num_flows: int, longest_route: int) -> EngineState:
    """The same state with room for so many flows under way, more than before."""
    memory, control = state.memory, state.control[0]
    before, num_free = len(memory.flow_state), int(control["num_free"])
    free_rows = grown(memory.free_rows, num_flows)
    more = num_flows - before
    free_rows[num_free : num_free + more] = np.arange(before, num_flows)
    control["num_free"] += more
    num_hops = num_flows * longest_route
    return state._replace(
        tracker=with_room(state.tracker, num_flows, num_hops),
        memory=memory._replace(flow_state=grown(memory.flow_state, num_flows), free_rows=free_rows),
        scratch=_make_scratch(state.weights, num_flows, min(num_hops, len(memory.link_state))),
    )


def _make_scratch(weights: Weights, num_flows: int, num_links: int) -> Scratch:
    return Scratch(
        flow=_make_rows(weights, num_flows),
        link=_make_rows(weights, num_links),
        log_slowdown=np.zeros(num_flows, np.float32),
        now_ns=np.zeros(num_flows, np.int64),
    )


def _make_rows(weights: Weights, capacity: int) -> Rows:
    hidden = weights.flow.rounds.bias.shape[1]
    widest = max(hidden, len(weights.last_weight))
    return Rows(
        state=np.zeros((capacity, hidden), np.float32),
        message=np.zeros((capacity, hidden), np.float32),
        mean=np.zeros((capacity, hidden), np.float32),
        result=np.zeros((capacity, widest), np.float32),
        gates=np.zeros((capacity, 4 * hidden), np.float32),
        degree=np.zeros(capacity, np.int64),
    )
