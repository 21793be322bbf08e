"""Starts of flows, in the three events that ns-3 takes for one."""

from __future__ import annotations

from m4graph.simulators.packet.events import push, push_front
from m4graph.simulators.packet.jit import kernel, stay_out_of_line
from m4graph.simulators.packet.layout import DEADLINE, FLOWS_INSTALL, FLOWS_READ, FLOWS_START, NONE
from m4graph.simulators.packet.observe.label_kernels import record_arrival


@kernel
def read_flows(s):
    """Queues the start of all flows of this instant, and the reading of the next start time.

    ns-3 takes three events of the same time to start a flow; what they leave room for in between
    decides which packet goes first when two events meet in a nanosecond. A start time may be read
    twice if a flow was added late: then nothing is left to read.
    """
    stay_out_of_line()
    c = s.control[0]
    first = c.num_read
    while c.num_read < c.num_starts and s.flows[s.start_order[c.num_read]].start_ticks == c.now:
        c.num_read += 1
    if c.num_read == first:
        return
    push(s, c.now, FLOWS_INSTALL, first, c.num_read)
    if c.num_read < c.num_starts:
        push(s, s.flows[s.start_order[c.num_read]].start_ticks, FLOWS_READ, 0, 0)


@kernel
def start_flow(s, first, after):
    """Starts one flow; the others of this instant follow at once, before any other event."""
    stay_out_of_line()
    c = s.control[0]
    if first + 1 < after:
        push_front(s, FLOWS_START, first + 1, after)
    flow_id = s.start_order[first]
    node = s.nodes[s.flows[flow_id].src]
    s.host_flows[node.flows_start + node.num_flows] = flow_id
    node.num_flows += 1
    c.num_started += 1
    if s.config[0].record_labels:
        record_arrival(s, flow_id)
    if s.config[0].retransmit_ticks > 0:
        push(s, c.now + s.config[0].retransmit_ticks, DEADLINE, flow_id, 0)
    return node.uplink


@kernel
def start_followers(s):
    """What waited for the flow that has just finished may start.

    Returns:
        Whether the run goes on: others of its batch are under way.
    """
    stay_out_of_line()
    c = s.control[0]
    flow_id = c.last_finished
    if flow_id >= len(s.waits) or not s.waits[flow_id].waits:
        return False
    flow, wait = s.flows[flow_id], s.waits[flow_id]
    ticks_per_ns = s.config[0].ticks_per_ns
    fct_ns = (flow.finish_ticks - flow.start_ticks + ticks_per_ns // 2) // ticks_per_ns
    ready_ns = flow.start_ticks // ticks_per_ns + fct_ns + wait.lag_ns
    now_ns = (c.now + ticks_per_ns - 1) // ticks_per_ns
    next_ticks = _next_start_ticks(s)
    for entry in range(wait.followers, wait.followers + wait.num_followers):
        other = s.waits[s.followers[entry]]
        other.ready_ns = max(other.ready_ns, ready_ns)
        other.num_open -= 1
        if other.num_open == 0:
            _queue_start(s, s.followers[entry], max(other.ready_ns, now_ns) * ticks_per_ns)
    first_ticks = _next_start_ticks(s)
    if first_ticks >= 0 and (next_ticks < 0 or first_ticks < next_ticks):
        push(s, first_ticks, FLOWS_READ, 0, 0)
    batch = s.waits[wait.first]
    batch.num_left -= 1
    if batch.num_left == 0:
        return False
    c.stop_at += 1
    return True


@kernel
def _next_start_ticks(s):
    """The next start that has not been read, or ``NONE``."""
    c = s.control[0]
    if c.num_read == c.num_starts:
        return NONE
    return s.flows[s.start_order[c.num_read]].start_ticks


@kernel
def _queue_start(s, flow_id, start_ticks):
    """Puts a flow into the order of starts, behind those of the same time."""
    c = s.control[0]
    s.flows[flow_id].start_ticks = start_ticks
    place = c.num_starts
    while place > c.num_read and s.flows[s.start_order[place - 1]].start_ticks > start_ticks:
        s.start_order[place] = s.start_order[place - 1]
        place -= 1
    s.start_order[place] = flow_id
    c.num_starts += 1
