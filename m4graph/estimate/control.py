"""Sketches of what congestion control does to a flow between two events (numba).

One number for a flow, its grant: the fraction of its line rate (and, with a variable window, of its
window) that is left to it. Links that mark cut it at once to what they can carry; how it comes back
follows the rules of the packet simulator. DCQCN's timers and probabilities are left out: taken in
expectation, they made queues five times as long as they are.
"""

from __future__ import annotations

from m4graph.core.kernels import kernel
from m4graph.estimate.state import Estimate
from m4graph.runs.settings import DCQCN, DCTCP, HPCC, TIMELY

_NEARLY = 0.95  # of the wait, or the rate, at which a link marks
_DEEPEST_CUT = 0.3  # of a grant, at one event
_MOST_ROUNDS = 20.0  # of TIMELY's cuts between two looks
_MOST_RISES = 4096.0  # more than it takes to come back from the lowest rate
_BITS = 8e9  # bits/s in bytes/ns


@kernel
def react(state: Estimate, flow_id: int, now: int) -> None:
    """Brings a flow's grant up to now, by what it has met on its route since the last look."""
    flow = state.flows[flow_id]
    control = state.controls[flow.network]
    elapsed_ns = float(now - flow.reacted_ns)
    flow.reacted_ns = now
    if flow.is_burst or elapsed_ns <= 0.0:
        return
    algorithm = control.algorithm
    if algorithm == DCTCP:
        if flow.marking == 0.0:
            step = control.additive_increase_bps / _BITS / flow.line_rate
            flow.grant += step * elapsed_ns / (flow.rtt_ns + flow.queue_ns)
    elif algorithm == DCQCN:
        _dcqcn(flow, control, elapsed_ns)
    elif algorithm == TIMELY:
        _timely(flow, control, elapsed_ns)
    elif algorithm == HPCC and flow.marking == 0.0:
        flow.grant *= 1.0 + elapsed_ns / (flow.rtt_ns + flow.queue_ns)
    flow.grant = min(max(flow.grant, flow.least_grant), 1.0)


@kernel
def _dcqcn(flow, control, elapsed_ns):
    """Half way back to the target at each tick of a timer; the target itself rises slowly."""
    if flow.target < 0.0:
        # The first mark sets the timers going.
        if flow.marking == 0.0:
            return
        flow.target = flow.grant
        flow.rises = 0.0
        flow.stage = 0.0
    flow.rises = min(flow.rises + elapsed_ns / control.increase_timer_ns, _MOST_RISES)
    while flow.rises >= 1.0:
        flow.rises -= 1.0
        if flow.stage == control.fast_recovery_steps:
            flow.target += control.additive_increase_bps / _BITS / flow.line_rate
        elif flow.stage > control.fast_recovery_steps:
            flow.target += control.hyper_increase_bps / _BITS / flow.line_rate
        flow.target = min(flow.target, 1.0)
        flow.grant = 0.5 * (flow.grant + flow.target)
        flow.stage += 1.0


@kernel
def _timely(flow, control, elapsed_ns):
    """Down while round trips are long or grow, up otherwise."""
    trip_ns = flow.rtt_ns + flow.queue_ns
    change_ns = trip_ns - flow.trip_ns
    flow.trip_ns = trip_ns
    rounds = elapsed_ns / trip_ns
    low, high, beta = control.t_low_ns, control.t_high_ns, control.beta
    if trip_ns > high:
        cut = 1.0 - beta * (1.0 - high / trip_ns)
        flow.grant *= cut ** min(rounds, _MOST_ROUNDS)
    elif trip_ns > low and change_ns > 0.0:
        flow.grant *= max(0.0, 1.0 - beta * min(change_ns / control.min_rtt_ns, 1.0))
    else:
        flow.grant += rounds * control.hyper_increase_bps / _BITS / flow.line_rate


@kernel
def mark(state: Estimate, link_id: int) -> None:
    """Whether a link marks; if so, its longer flows are cut to what it can carry as it is."""
    link = state.links[link_id]
    control = state.controls[link.network]
    if control.algorithm == HPCC and not link.kind & 1:
        target = control.eta * link.rate
        link.marking = 1.0 if link.used > _NEARLY * target else 0.0
        _hold(state, link_id, target)
    elif link.wait_ns >= _NEARLY * link.held_ns:
        link.marking = 1.0
        _hold(state, link_id, link.rate)
    else:
        link.marking = 0.0


@kernel
def _hold(state, link_id, rate):
    """Scales the grants of a link's longer flows so that all of its flows send a rate."""
    shares = state.shares
    clamp_target = state.controls[state.links[link_id].network].clamp_target_rate > 0.0
    bursts, others = 0.0, 0.0
    hop = shares.links[link_id].head
    while hop >= 0:
        flow = state.flows[shares.hops[hop].flow]
        offered = min(flow.pace, flow.open_bytes / (flow.rtt_ns + flow.queue_ns))
        if flow.is_burst:
            bursts += offered
        else:
            others += offered
        hop = shares.hops[hop].after
    if others <= 0.0:
        return
    factor = max((rate - bursts) / others, _DEEPEST_CUT)
    if factor >= 1.0:
        return
    hop = shares.links[link_id].head
    while hop >= 0:
        flow = state.flows[shares.hops[hop].flow]
        if not flow.is_burst:
            if flow.stage > 0.0 or clamp_target:
                flow.target = flow.grant
            flow.stage = 0.0
            flow.rises = 0.0
            flow.grant = max(flow.grant * factor, flow.least_grant)
        hop = shares.hops[hop].after


@kernel
def route_marking(state: Estimate, flow_id: int) -> float:
    """The probability that a packet of a flow is marked somewhere on its route."""
    shares = state.shares
    clean = 1.0
    for hop in range(shares.route_ptr[flow_id], shares.route_ptr[flow_id + 1]):
        clean *= 1.0 - state.links[shares.route_links[hop]].marking
    return 1.0 - clean
