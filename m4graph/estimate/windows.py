r"""Flows as windows that circulate through queues (numba).

A flow that keeps a window :math:`w` in flight, over a round trip that idle takes :math:`T` and
waits :math:`d_l` at each link, sends

.. math::
    x = \min\Big(g c, \frac{w}{T + \sum_l d_l}\Big),

with :math:`g` what congestion control leaves it of its rate :math:`c`. A queue grows by what its
flows send beyond the link's rate, :math:`\dot d_l = (\sum x - C_l) / C_l`, and comes to rest where
they send no more than that: at :math:`d_l = 0`, or at :math:`\sum x = C_l`, which Newton's method
finds. Between two events of a link, its wait goes straight from where it is to where it rests. A
flow that fits into one window is a window that passes once.

Reference:
    Mo and Walrand, "Fair End-to-End Window-Based Congestion Control", IEEE/ACM Transactions on
    Networking 8(5), 2000 (the fixed point of fixed windows over FIFO queues).
"""

from __future__ import annotations

from m4graph.core.kernels import kernel
from m4graph.estimate.state import Estimate

_NEWTON_STEPS = 8
_EXACT_NS = 0.5
_ROUNDED_UP = 0.5  # packets: a packet goes out when a byte of the window is left


@kernel
def settle_flow(state: Estimate, flow_id: int, now: int) -> None:
    """Puts down what a flow has sent so far, at the rate that it comes to soon after an event."""
    flow = state.flows[flow_id]
    flow.remaining_bytes -= flow.rest_rate * (now - flow.settled_ns)
    flow.settled_ns = now


@kernel
def wait_at(link, now):
    """The wait at a link, ns."""
    way_ns = link.speed * (now - link.wait_at_ns)
    gap_ns = link.rest_ns - link.wait_ns
    return link.wait_ns + min(max(gap_ns, -way_ns), way_ns)


@kernel
def settle_link(state: Estimate, link_id: int, now: int) -> None:
    """Puts down the wait at a link as it is now."""
    link = state.links[link_id]
    wait_ns = wait_at(link, now)
    state.nodes[link.src].queue_bytes += (wait_ns - link.wait_ns) * link.rate
    link.wait_ns = wait_ns
    link.wait_at_ns = now


@kernel
def sum_waits(state: Estimate, flow_id: int, now: int) -> None:
    """Sets the wait along a flow's route, as it is now and where it comes to rest."""
    shares, flow = state.shares, state.flows[flow_id]
    now_ns, rest_ns = 0.0, 0.0
    for hop in range(shares.route_ptr[flow_id], shares.route_ptr[flow_id + 1]):
        link = state.links[shares.route_links[hop]]
        now_ns += wait_at(link, now)
        rest_ns += link.rest_ns
    flow.queue_ns, flow.rest_ns = now_ns, rest_ns


@kernel
def open_window(state: Estimate, flow_id: int) -> None:
    """Sets the bytes that a flow keeps in flight, and the rate that it may not exceed."""
    flow = state.flows[flow_id]
    packet = state.networks[flow.network].packet_bytes
    if flow.is_burst:
        flow.open_bytes = flow.wire_bytes
        flow.pace = flow.line_rate
    elif flow.remaining_bytes <= 0.0:
        flow.open_bytes = 0.0
        flow.pace = flow.line_rate
    else:
        window = flow.window_bytes
        if flow.grant < 1.0 and flow.variable_window:
            window = min(window, flow.grant * flow.window_bytes + _ROUNDED_UP * packet)
        flow.open_bytes = (
            min(window, max(flow.remaining_bytes, packet)) if flow.fills_pipe else window
        )
        flow.pace = flow.grant * flow.line_rate


@kernel
def set_rates(state: Estimate, flow_id: int) -> None:
    """Sets a flow's rates, now and at rest, from its window and the waits on its route."""
    flow = state.flows[flow_id]
    flow.send_rate = min(flow.pace, flow.open_bytes / (flow.rtt_ns + flow.queue_ns))
    shares = state.shares
    squeeze = 1.0
    for hop in range(shares.route_ptr[flow_id], shares.route_ptr[flow_id + 1]):
        squeeze = min(squeeze, state.links[shares.route_links[hop]].squeeze)
    rest_rate = min(flow.pace, flow.open_bytes / (flow.rtt_ns + flow.rest_ns))
    flow.rest_rate = squeeze * rest_rate


@kernel
def _offered(state, link_id, wait_ns):
    """What the flows of a link would send if they waited so long there, and its derivative."""
    shares = state.shares
    old_rest_ns = state.links[link_id].rest_ns
    total, slope = 0.0, 0.0
    hop = shares.links[link_id].head
    while hop >= 0:
        flow = state.flows[shares.hops[hop].flow]
        round_ns = flow.rtt_ns + flow.rest_ns - old_rest_ns + wait_ns
        rate = flow.open_bytes / round_ns
        if rate > flow.pace:
            total += flow.pace
        else:
            total += rate
            slope -= rate / round_ns
        hop = shares.hops[hop].after
    return total, slope


@kernel
def _open_bytes(state, link_id):
    """What the flows of a link have in flight at most."""
    shares = state.shares
    total = 0.0
    hop = shares.links[link_id].head
    while hop >= 0:
        total += state.flows[shares.hops[hop].flow].open_bytes
        hop = shares.hops[hop].after
    return total


@kernel
def find_rest(state: Estimate, link_id: int) -> None:
    """Finds where the wait at a link comes to rest, and how fast it goes there."""
    link, shares = state.links[link_id], state.shares
    # Not more than all that is in flight would wait, if it waited here.
    low_ns, high_ns = 0.0, _open_bytes(state, link_id) / link.rate
    rest_ns = min(link.rest_ns, high_ns)
    total = 0.0
    for _ in range(_NEWTON_STEPS):
        total, slope = _offered(state, link_id, rest_ns)
        excess = total - link.rate
        if excess <= 0.0 and rest_ns == 0.0:
            break
        if excess > 0.0:
            low_ns = rest_ns
        else:
            high_ns = rest_ns
        target = rest_ns - excess / slope if slope < 0.0 else -1.0
        if not low_ns < target < high_ns:
            # A flow's own pace bends the curve, so that Newton's step may lead outside.
            target = 0.0 if low_ns == 0.0 and excess < 0.0 else 0.5 * (low_ns + high_ns)
        change = target - rest_ns
        rest_ns = target
        if abs(change) < _EXACT_NS:
            break
    if rest_ns > link.held_ns:
        # Congestion control will see to it that they send no more than this.
        rest_ns = link.held_ns
        total, _ = _offered(state, link_id, rest_ns)
    link.squeeze = min(1.0, link.rate / total) if total > 0.0 else 1.0
    offered, _ = _offered(state, link_id, link.wait_ns)
    link.used = min(offered, link.rate)
    link.speed = abs(offered - link.rate) / link.rate
    change = rest_ns - link.rest_ns
    link.rest_ns = rest_ns
    if change != 0.0:
        hop = shares.links[link_id].head
        while hop >= 0:
            state.flows[shares.hops[hop].flow].rest_ns += change
            hop = shares.hops[hop].after
