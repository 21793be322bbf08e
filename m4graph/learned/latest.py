r"""When flows are through at the latest, whatever a model says (numba).

Three bounds under the algorithms on the RDMA transport: on flows within a window, and on longer
ones whose windows fill the pipe; the last two on these only. TIMELY takes long cables for queues,
and slows down: where an idle round trip takes as long as its lower threshold, nothing is sure.

**A flow that has its links to itself loses no time.** With nobody else on its links so far, no data
that its ACKs meet, and no link slower than the first, it takes what it takes at least,
:mod:`.least`; under HPCC, which keeps a part of a link free, what that leaves:

.. math::
    F_f \le t + \frac{b_f}{u x_f} + L_f .

**A link that has something to send sends it.** It idles only as far as its flows are held
elsewhere. So a flow is through when the busiest of its links has sent all that its flows have left,
or when its present share has sent what it has left itself, and what is under way has arrived:

.. math::
    F_f \le t + \frac{1}{u} \max\Big(\frac{b_f}{x_f}, \max_{l \ni f} \frac{1}{r_l}
    \sum_{g \ni l} b_g\Big) + L_f + T_f ,

with :math:`b_g` what flow :math:`g` has left at max-min fair rates :math:`x`, :math:`u r_l` what
congestion control and headers let flows use of a link's rate :math:`r_l`, :math:`L_f` the latency
of the route and :math:`T_f` a round trip. The next event on one of its links says anew.
:mod:`.capacity` is the other half: no link sends more than it can.

**What is under way is not put off.** A flow with nothing left at max-min fair rates, which is
predicted to leave within :math:`L_f + T_f`, has sent its last bytes: who arrives now comes behind
them.
"""

from __future__ import annotations

from m4graph.core.kernels import kernel
from m4graph.estimate.outlook import fair_bytes_left
from m4graph.graph.tracker_state import NUM_FLOWS
from m4graph.learned.agenda import NEVER_NS
from m4graph.runs.settings import HPCC, TIMELY

_LEAST_LEFT = 0.02
"""Of a flow's bytes; with less it is through, or late, and its links' bytes say nothing of it."""

_ROUNDED = 1e-9
"""Of a flow's bytes: sums of rates times times are exact to that."""


@kernel
def limit_departures(agenda, tracker):
    """Sets ``latest_ns`` of the flows that a step touches; call it before their predictions."""
    estimate = tracker.estimate
    for row in range(tracker.counts[NUM_FLOWS]):
        flow_id = tracker.flow_ids[row]
        flow = estimate.flows[flow_id]
        agenda.latest_ns[flow_id] = NEVER_NS
        network = estimate.networks[flow.network]
        if agenda.plain[flow.network] or network.usable == 0.0:
            continue
        if not (flow.is_burst or _keeps_going(estimate, flow)):
            continue
        if _meets_no_queue(estimate, flow_id):
            _limit_alone(agenda, estimate, flow_id)
        elif not flow.is_burst:
            _limit_among_others(agenda, estimate, flow_id)


@kernel
def _keeps_going(estimate, flow):
    """Whether a flow waits for no ACK, and its algorithm takes no idle round trip for a queue."""
    control = estimate.controls[flow.network]
    is_slowed = control.algorithm == TIMELY and flow.rtt_ns >= control.t_low_ns
    return flow.fills_pipe and not is_slowed


@kernel
def _meets_no_queue(estimate, flow_id):
    """Whether a flow has its links to itself, and always had: at its line rate all the time.

    What it sends faster than its slowest link makes a queue of its own, unless it is a burst, of
    which all is sent before anything is marked.
    """
    shares, flow, fair = estimate.shares, estimate.flows[flow_id], estimate.shares.flows[flow_id]
    nic = estimate.links[shares.route_links[shares.route_ptr[flow_id]]]
    if nic.rate > flow.line_rate and not flow.is_burst:
        return False
    now_ns = estimate.networks[flow.network].now_ns
    most_bytes = flow.wire_bytes - flow.line_rate * (now_ns - flow.start_ns)
    if fair_bytes_left(fair, now_ns) > most_bytes + _ROUNDED * flow.wire_bytes:
        return False
    for hop in range(shares.route_ptr[flow_id], shares.route_ptr[flow_id + 1]):
        link_id = shares.route_links[hop]
        if shares.links[link_id].num_flows > 1:
            return False
        reverse = estimate.links[link_id].reverse
        if reverse >= 0 and shares.links[reverse].num_flows > 0:
            return False
    return True


@kernel
def _limit_alone(agenda, estimate, flow_id):
    flow, fair = estimate.flows[flow_id], estimate.shares.flows[flow_id]
    least_ns = agenda.start_ns[flow_id] + agenda.least_ns[flow_id]
    if flow.is_burst or estimate.controls[flow.network].algorithm != HPCC:
        agenda.latest_ns[flow_id] = least_ns
    else:
        network = estimate.networks[flow.network]
        drain_ns = fair_bytes_left(fair, network.now_ns) / (fair.rate * network.usable)
        _limit(agenda, flow, flow_id, network.now_ns, drain_ns + flow.latency_ns)


@kernel
def _limit_among_others(agenda, estimate, flow_id):
    flow, fair = estimate.flows[flow_id], estimate.shares.flows[flow_id]
    network = estimate.networks[flow.network]
    left_bytes = fair_bytes_left(fair, network.now_ns)
    under_way_ns = flow.latency_ns + flow.rtt_ns
    if left_bytes >= _LEAST_LEFT * flow.wire_bytes:
        drain_ns = max(flow.backlog_ns, left_bytes / fair.rate) / network.usable
        _limit(agenda, flow, flow_id, network.now_ns, drain_ns + under_way_ns)
    elif 0 <= agenda.finish_ns[flow_id] - network.now_ns <= under_way_ns:
        agenda.latest_ns[flow_id] = agenda.finish_ns[flow_id]


@kernel
def _limit(agenda, flow, flow_id, now_ns, left_ns):
    # In float64, so that nothing overflows; bounded as predictions are.
    left_ns = min(left_ns, agenda.longest_ns[flow.network])
    agenda.latest_ns[flow_id] = now_ns + int(left_ns)
