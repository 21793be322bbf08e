"""The event loop: agenda, tracker and model, without Python in between (numba)."""

from __future__ import annotations

from collections.abc import Callable

from m4graph.core.compilation import kernel_digest
from m4graph.core.kernels import cached_kernel, kernel
from m4graph.estimate.maxmin.layout import NUM_ACTIVE
from m4graph.graph.advance import advance
from m4graph.graph.tracker_state import NUM_FLOWS
from m4graph.learned.agenda import predict
from m4graph.learned.capacity import next_possible_events
from m4graph.learned.compiled.forward import forward
from m4graph.learned.rules import keep_rules
from m4graph.runs.events import ARRIVAL, DEPARTURE

ENDED, PAUSED, DEPARTED, CRAMPED, REFUSED = range(5)
"""Why the loop came back: nothing is left up to the time, all steps are taken, a flow has left,
one more flow would need more room, or a prediction is no finite number."""


@kernel
def take_row(memory, control, flow):
    """Gives a flow a row for its state, at zero."""
    control.num_free -= 1
    row = memory.free_rows[control.num_free]
    memory.row_of_flow[flow] = row
    for j in range(memory.flow_state.shape[1]):
        memory.flow_state[row, j] = 0.0


@kernel
def give_row(memory, control, flow):
    """Takes a flow's row back when it leaves."""
    memory.free_rows[control.num_free] = memory.row_of_flow[flow]
    control.num_free += 1


def _build(digest: str) -> Callable[..., int]:
    @cached_kernel
    def run_events(engine, max_steps, until_departure):
        digest  # noqa: B018 - makes it part of the cache key
        control, events, memory = engine.control[0], engine.events, engine.memory
        event, shares = events[0], engine.tracker.estimate.shares
        for _ in range(max_steps):
            if shares.counts[NUM_ACTIVE] >= len(engine.scratch.log_slowdown):
                return CRAMPED
            if next_possible_events(engine.agenda, engine.capacity, events) == 0:
                return ENDED
            if event.kind == ARRIVAL:
                take_row(memory, control, event.flow)
            else:
                give_row(memory, control, event.flow)
            advance(engine.tracker, events)
            forward(engine.weights, engine.tracker, memory, engine.scratch)
            num_flows = engine.tracker.counts[NUM_FLOWS]
            for row in range(num_flows):
                engine.scratch.now_ns[row] = event.time_ns
            keep_rules(engine.agenda, engine.tracker)
            bad = predict(
                engine.agenda,
                engine.tracker.flow_ids[:num_flows],
                engine.scratch.log_slowdown,
                engine.scratch.now_ns,
            )
            if bad >= 0:
                control.bad_row = bad
                return REFUSED
            control.num_events += 1
            control.now_ns = event.time_ns
            if until_departure and event.kind == DEPARTURE:
                return DEPARTED
        return PAUSED

    return run_events  # type: ignore[no-any-return]


run_events: Callable[..., int] = _build(kernel_digest(__name__))
"""``run_events(engine, max_steps, until_departure) -> status`` takes up to ``max_steps`` events of
an :class:`.state.EngineState`; with ``until_departure``, none after a flow has left."""
