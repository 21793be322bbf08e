r"""A link that has something to send sends it: when flows are through at the latest (numba).

Where windows fill the pipe, a link that has something to send idles only as far as its flows are
held elsewhere. So a flow is through when the busiest of its links has sent all that its flows have
left, or when its present share has sent what it has left itself, and what is under way has arrived,
whatever a model says of it:

.. math::
    F_f \le t + \frac{1}{u} \max\Big(\frac{b_f}{x_f}, \max_{l \ni f} \frac{1}{r_l}
    \sum_{g \ni l} b_g\Big) + L_f + T_f ,

with :math:`b_g` what flow :math:`g` has left at max-min fair rates :math:`x`, :math:`u r_l` what
congestion control lets flows use of a link's rate :math:`r_l`, :math:`L_f` the latency of the route
and :math:`T_f` a round trip. The next event on one of its links says anew. :mod:`.capacity` is the
other half: no link sends more than it can.
"""

from __future__ import annotations

from m4graph.core.heap import ABSENT
from m4graph.core.kernels import kernel
from m4graph.estimate.outlook import fair_bytes_left
from m4graph.graph.tracker_state import NUM_FLOWS
from m4graph.learned.agenda import leave_at

_LEAST_LEFT = 0.02
"""Of its bytes; a flow with less is late, and what its links have left says nothing about it."""


@kernel
def finish_with_links(agenda, tracker):
    """Brings forward the departures of touched flows that are later than that."""
    estimate = tracker.estimate
    for row in range(tracker.counts[NUM_FLOWS]):
        flow_id = tracker.flow_ids[row]
        flow = estimate.flows[flow_id]
        if agenda.plain[flow.network] or agenda.position[flow_id] == ABSENT:
            continue
        if flow.is_burst or not flow.fills_pipe:
            continue
        network = estimate.networks[flow.network]
        fair = estimate.shares.flows[flow_id]
        left_bytes = fair_bytes_left(fair, network.now_ns)
        if left_bytes < _LEAST_LEFT * flow.wire_bytes:
            continue
        drain_ns = max(flow.backlog_ns, left_bytes / fair.rate) / network.usable
        left_ns = drain_ns + flow.latency_ns + flow.rtt_ns
        # In float64, so that nothing overflows; bounded as predictions are.
        latest_ns = network.now_ns + int(min(left_ns, agenda.longest_ns[flow.network]))
        latest_ns = max(latest_ns, agenda.start_ns[flow_id] + agenda.least_ns[flow_id])
        if agenda.finish_ns[flow_id] > latest_ns:
            leave_at(agenda, flow_id, latest_ns)
