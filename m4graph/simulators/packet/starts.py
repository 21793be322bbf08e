"""Starts of flows, in the three events that ns-3 takes for one."""

from __future__ import annotations

from m4graph.simulators.packet.events import push, push_front
from m4graph.simulators.packet.jit import kernel, stay_out_of_line
from m4graph.simulators.packet.layout import DEADLINE, FLOWS_INSTALL, FLOWS_READ, FLOWS_START
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
