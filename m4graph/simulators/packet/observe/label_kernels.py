"""Labels: what the network looks like at every flow arrival and departure.

An event concerns the links of its flow's route, and the active flows that share a link with it: the
remaining bytes of those and the queue bytes of these are recorded. At its arrival a flow is among
the flows concerned, at its departure it is not.
"""

from __future__ import annotations

from m4graph.simulators.packet.jit import kernel
from m4graph.simulators.packet.layout import ARRIVAL, DEPARTURE


@kernel
def record_arrival(s, flow_id):
    """Notes a flow as active on its links and labels its arrival."""
    flow = s.flows[flow_id]
    for position in range(flow.data_position, flow.data_position + flow.num_links):
        link = s.links[s.route_links[position]]
        s.link_flows[link.active_start + link.num_active] = flow_id
        link.num_active += 1
    _record(s, flow_id, ARRIVAL)


@kernel
def record_departure(s, flow_id):
    """Takes a flow off its links and labels its departure."""
    flow = s.flows[flow_id]
    for position in range(flow.data_position, flow.data_position + flow.num_links):
        link = s.links[s.route_links[position]]
        last = link.active_start + link.num_active - 1
        for index in range(link.active_start, last + 1):
            if s.link_flows[index] == flow_id:
                s.link_flows[index] = s.link_flows[last]
                break
        link.num_active -= 1
    _record(s, flow_id, DEPARTURE)


@kernel
def _record(s, flow_id, kind):
    c = s.control[0]
    flow = s.flows[flow_id]
    mark = c.label_events + 1
    num_flows = c.label_flows
    num_links = c.label_links
    for position in range(flow.data_position, flow.data_position + flow.num_links):
        link = s.links[s.route_links[position]]
        s.label_queue_bytes[num_links] = link.queue_bytes
        num_links += 1
        for index in range(link.active_start, link.active_start + link.num_active):
            other_id = s.link_flows[index]
            other = s.flows[other_id]
            if other.label_mark != mark:
                other.label_mark = mark
                s.label_flows[num_flows] = other_id
                s.label_remaining_bytes[num_flows] = other.size_bytes - other.rcv_nxt
                num_flows += 1
    row = s.label_events[c.label_events]
    row.time_ticks = c.now
    row.flow = flow_id
    row.kind = kind
    row.flow_end = num_flows
    row.link_end = num_links
    c.label_events += 1
    c.label_flows = num_flows
    c.label_links = num_links


@kernel
def labels_have_room(s):
    """Whether the buffers can take one more event of any flow."""
    c = s.control[0]
    # The event to come may start one more flow.
    active = c.num_started - c.num_finished + 1
    return (
        c.label_events < len(s.label_events)
        and c.label_flows + active <= len(s.label_flows)
        and c.label_links + s.config[0].longest_route <= len(s.label_queue_bytes)
    )
