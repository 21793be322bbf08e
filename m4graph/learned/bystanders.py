"""Flows that an event does not touch, and whose share it changes all the same (numba).

An event touches the flows that share a link with the one that comes or goes; of these a model
predicts anew when they leave. What they gain or lose is others' loss or gain in turn. To those the
event is two links away or more, and no model is asked. Where their windows fill the pipe, what
they have left takes them longer or less long in the ratio in which their max-min fair rates change,
as :func:`m4graph.simulators.fluid.fluid_fct_ns` has it for all flows.
"""

from __future__ import annotations

from m4graph.core.heap import ABSENT
from m4graph.core.kernels import kernel
from m4graph.estimate.maxmin.layout import NUM_CHANGED
from m4graph.graph.tracker_state import STAMP
from m4graph.learned.agenda import leave_at


@kernel
def move_bystanders(agenda, tracker):
    """New departures of the flows under way whose fair rates a step's events have changed, and
    which none of them touches.
    """
    estimate, shares = tracker.estimate, tracker.estimate.shares
    for i in range(shares.counts[NUM_CHANGED]):
        flow_id = shares.changed[i]
        flow, fair = estimate.flows[flow_id], shares.flows[flow_id]
        if tracker.flow_marks[flow_id].stamp == tracker.counts[STAMP]:
            continue
        if agenda.plain[flow.network] or agenda.position[flow_id] == ABSENT:
            continue
        if flow.is_burst or not flow.fills_pipe or fair.rate == fair.old_rate:
            continue
        now_ns = estimate.networks[flow.network].now_ns
        left_ns = agenda.finish_ns[flow_id] - now_ns
        if left_ns <= 0:
            continue
        # In float64, so that nothing overflows; bounded as predictions are.
        left_ns = min(left_ns * (fair.old_rate / fair.rate), agenda.longest_ns[flow.network])
        earliest_ns = agenda.start_ns[flow_id] + agenda.least_ns[flow_id]
        leave_at(agenda, flow_id, max(now_ns + int(left_ns), earliest_ns))
