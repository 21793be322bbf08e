r"""When flows are through at the latest, whatever a model says (numba).

Two bounds, on flows longer than a window whose windows fill the pipe, under the algorithms on the
RDMA transport.

**A link that has something to send sends it.** It idles only as far as its flows are held
elsewhere. So a flow is through when the busiest of its links has sent all that its flows have left,
or when its present share has sent what it has left itself, and what is under way has arrived:

.. math::
    F_f \le t + \frac{1}{u} \max\Big(\frac{b_f}{x_f}, \max_{l \ni f} \frac{1}{r_l}
    \sum_{g \ni l} b_g\Big) + L_f + T_f ,

with :math:`b_g` what flow :math:`g` has left at max-min fair rates :math:`x`, :math:`u r_l` what
congestion control lets flows use of a link's rate :math:`r_l`, :math:`L_f` the latency of the route
and :math:`T_f` a round trip. The next event on one of its links says anew. :mod:`.capacity` is the
other half: no link sends more than it can.

**What is under way is not put off.** A flow with nothing left at max-min fair rates, which is
predicted to leave within :math:`L_f + T_f`, has sent its last bytes: who arrives now comes behind
them.
"""

from __future__ import annotations

from m4graph.core.kernels import kernel
from m4graph.estimate.outlook import fair_bytes_left
from m4graph.graph.tracker_state import NUM_FLOWS
from m4graph.learned.agenda import NEVER_NS

_LEAST_LEFT = 0.02
"""Of a flow's bytes; with less it is through, or late, and its links' bytes say nothing of it."""


@kernel
def limit_departures(agenda, tracker):
    """Sets ``latest_ns`` of the flows that a step touches; call it before their predictions."""
    estimate = tracker.estimate
    for row in range(tracker.counts[NUM_FLOWS]):
        flow_id = tracker.flow_ids[row]
        flow = estimate.flows[flow_id]
        agenda.latest_ns[flow_id] = NEVER_NS
        network, fair = estimate.networks[flow.network], estimate.shares.flows[flow_id]
        if agenda.plain[flow.network] or network.usable == 0.0:
            continue
        if flow.is_burst or not flow.fills_pipe:
            continue
        left_bytes = fair_bytes_left(fair, network.now_ns)
        under_way_ns = flow.latency_ns + flow.rtt_ns
        if left_bytes >= _LEAST_LEFT * flow.wire_bytes:
            drain_ns = max(flow.backlog_ns, left_bytes / fair.rate) / network.usable
            # In float64, so that nothing overflows; bounded as predictions are.
            left_ns = min(drain_ns + under_way_ns, agenda.longest_ns[flow.network])
            agenda.latest_ns[flow_id] = network.now_ns + int(left_ns)
        elif 0 <= agenda.finish_ns[flow_id] - network.now_ns <= under_way_ns:
            agenda.latest_ns[flow_id] = agenda.finish_ns[flow_id]
