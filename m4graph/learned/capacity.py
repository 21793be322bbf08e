r"""No link carries more than it can: when flows leave at the earliest, whatever a model says.

Let a link take :math:`b_f` to send flow :math:`f`, which starts at :math:`s_f` and is done at
:math:`F_f`. Nothing of any flow is at the link earlier than :math:`h` after its start, and nothing
is done earlier than :math:`t` after the link has sent it. So all flows of a set :math:`S` pass the
link between :math:`\min_S s_f + h` and :math:`\max_S F_f - t`, one byte after the other:

.. math::
    \max_{f \in S} F_f \ge \min_{f \in S} s_f + h + \sum_{f \in S} b_f + t .

Of the sets whose last flow to leave is :math:`f` and whose first start is :math:`a`, the largest
holds all flows that have left before :math:`f` and started at :math:`a` or later. So no set breaks
the rule exactly if each flow, when it leaves, obeys

.. math::
    F_f \ge \max_{a \le s_f} \Big(a + \sum_{g \text{ left},\, s_g \ge a} b_g\Big) + b_f + h + t .

The maximum is kept for each flow under way at each link of its route, as ``ready_ns``. It grows
when another flow :math:`g` leaves: by :math:`b_g` if :math:`s_f \le s_g`, as each start
:math:`a \le s_f` then counts :math:`b_g`; else to :math:`g`'s own maximum and :math:`b_g` on top,
as those of :math:`a \le s_g` do. What is known of the past decides alone, so the bound is the same
in open and in closed loops, and what obeys it is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from m4graph.core.arrays import grown
from m4graph.core.compilation import kernel_digest
from m4graph.core.kernels import cached_kernel, kernel
from m4graph.estimate.maxmin.layout import HOP
from m4graph.estimate.maxmin.lists import enter_list, leave_list
from m4graph.learned.agenda import Agenda, leave_at, next_events
from m4graph.runs import FlowNetwork
from m4graph.runs.events import ARRIVAL
from m4graph.runs.flow_network import joined_routes
from m4graph.runs.settings import header_bytes
from m4graph.scenario.ideal import serialization_ticks

_LINK = np.dtype(
    [
        ("rate_bps", "i8"),
        ("delay_ns", "i8"),
        ("payload_bytes", "i8"),  # of a full packet
        ("header_bytes", "i8"),
        ("packet_ns", "i8"),  # that it takes
        ("header_ns", "i8"),  # that the header takes of it
        ("before_ns", "i8"),  # the least from a flow's start until it may be here
        ("behind_ns", "i8"),  # the least from here until it is done
        ("ready_ns", "i8"),  # the maximum over all starts so far
        ("head", "i4"),  # of the list of flows under way, -1: none
    ],
    align=True,
)
_NEVER_NS = 2**62


class Capacity(NamedTuple):
    """What links have carried, for networks whose flows and links are numbered through.

    Shapes:
        - ``links`` records ``[num_links]``; ``size_bytes`` int64 ``[num_flows]``
        - ``route_ptr`` int64 ``[num_flows + 1]``; ``route_links`` int32, ``ready_ns`` int64,
          ``hops`` records ``[num_hops]``
    """

    links: np.ndarray
    size_bytes: NDArray[np.int64]
    route_ptr: NDArray[np.int64]
    route_links: NDArray[np.int32]
    ready_ns: NDArray[np.int64]
    hops: np.ndarray


def make_capacity(networks: Sequence[FlowNetwork]) -> Capacity:
    """The links before anything has happened."""
    links = np.zeros(sum(network.num_links for network in networks), _LINK)
    links["rate_bps"] = np.concatenate([network.link_rate_bps for network in networks])
    links["delay_ns"] = np.concatenate([network.link_delay_ns for network in networks])
    num_links = [network.num_links for network in networks]
    payloads = [network.payload_bytes[0] for network in networks]
    links["payload_bytes"] = np.repeat(payloads, num_links)
    headers = [header_bytes(network.configuration) for network in networks]
    links["header_bytes"] = np.repeat(headers, num_links)
    packet_bytes = links["payload_bytes"] + links["header_bytes"]
    links["packet_ns"] = serialization_ticks(packet_bytes, links["rate_bps"])
    links["header_ns"] = serialization_ticks(links["header_bytes"], links["rate_bps"])
    links["before_ns"] = links["behind_ns"] = _NEVER_NS
    links["head"] = -1
    route_ptr, route_links = joined_routes(networks)
    capacity = Capacity(
        links=links,
        size_bytes=np.concatenate([network.size_bytes for network in networks]),
        route_ptr=route_ptr,
        route_links=route_links,
        ready_ns=np.zeros(len(route_links), np.int64),
        hops=np.zeros(len(route_links), HOP),
    )
    _note_flows(capacity, 0, len(capacity.size_bytes))
    return capacity


def admit_flows(capacity: Capacity, flows: FlowNetwork, num_flows: int) -> Capacity:
    """The links of one network with more flows, whose starts are not known yet.

    Args:
        capacity (Capacity): Of one network.
        flows (FlowNetwork): The new flows, on the same links.
        num_flows (int): Flows that it has so far.
    """
    total = num_flows + flows.num_flows
    first_hop = int(capacity.route_ptr[num_flows])
    num_hops = first_hop + len(flows.route_links)
    if total > len(capacity.size_bytes):
        room = 2 * max(total, 512)
        capacity = capacity._replace(
            size_bytes=grown(capacity.size_bytes, room),
            route_ptr=grown(capacity.route_ptr, room + 1),
        )
    if num_hops > len(capacity.hops):
        room = 2 * max(num_hops, 4096)
        capacity = capacity._replace(
            route_links=grown(capacity.route_links, room),
            ready_ns=grown(capacity.ready_ns, room),
            hops=grown(capacity.hops, room),
        )
    capacity.size_bytes[num_flows:total] = flows.size_bytes
    capacity.route_ptr[num_flows : total + 1] = flows.route_ptr + first_hop
    capacity.route_links[first_hop:num_hops] = flows.route_links
    _note_flows(capacity, num_flows, total)
    return capacity


def _build_note_flows(digest: str) -> Callable[[Capacity, int, int], None]:
    @cached_kernel
    def note_flows(capacity, first, end):  # type: ignore[no-untyped-def]
        digest  # noqa: B018 - makes it part of the cache key
        links, route_links = capacity.links, capacity.route_links
        for flow in range(first, end):
            size_bytes = capacity.size_bytes[flow]
            begin, after = capacity.route_ptr[flow], capacity.route_ptr[flow + 1]
            payload_bytes = links[route_links[begin]].payload_bytes
            header_bytes = links[route_links[begin]].header_bytes
            first_bytes = min(size_bytes, payload_bytes) + header_bytes
            last_bytes = (size_bytes - 1) % payload_bytes + 1 + header_bytes
            way_ns = 0
            for hop in range(begin, after):
                link = links[route_links[hop]]
                link.before_ns = min(link.before_ns, way_ns)
                way_ns += serialization_ticks(first_bytes, link.rate_bps) + link.delay_ns
            way_ns = 0
            for hop in range(after - 1, begin - 1, -1):
                link = links[route_links[hop]]
                way_ns += link.delay_ns
                link.behind_ns = min(link.behind_ns, way_ns)
                way_ns += serialization_ticks(last_bytes, link.rate_bps)

    return note_flows  # type: ignore[no-any-return]


@kernel
def _busy_ns(link, size_bytes):  # type: ignore[no-untyped-def]
    """How long a link sends a flow: the shorter of packet by packet, and as the ideal FCT has it.

    They differ where whole nanoseconds are cut off.
    """
    payload_bytes = link.payload_bytes
    num_before = (size_bytes - 1) // payload_bytes
    last_bytes = size_bytes - num_before * payload_bytes
    packets_ns = num_before * link.packet_ns
    packets_ns += serialization_ticks(last_bytes + link.header_bytes, link.rate_bps)
    if num_before == 0:
        return packets_ns
    ideal_ns = link.packet_ns + num_before * link.header_ns
    ideal_ns += serialization_ticks(size_bytes - payload_bytes, link.rate_bps)
    return min(packets_ns, ideal_ns)


@kernel
def _earliest_ns(capacity, flow):  # type: ignore[no-untyped-def]
    """When a flow can be done at the earliest, if it is the next to leave."""
    earliest_ns = 0
    for hop in range(capacity.route_ptr[flow], capacity.route_ptr[flow + 1]):
        link = capacity.links[capacity.route_links[hop]]
        sent_ns = capacity.ready_ns[hop] + _busy_ns(link, capacity.size_bytes[flow])
        earliest_ns = max(earliest_ns, sent_ns + link.before_ns + link.behind_ns)
    return earliest_ns


@kernel
def _arrive(capacity, flow, start_ns):  # type: ignore[no-untyped-def]
    for hop in range(capacity.route_ptr[flow], capacity.route_ptr[flow + 1]):
        link_id = capacity.route_links[hop]
        link = capacity.links[link_id]
        link.ready_ns = max(link.ready_ns, start_ns)
        capacity.ready_ns[hop] = link.ready_ns
        enter_list(capacity.links, capacity.hops, link_id, hop, flow)


@kernel
def _leave(capacity, flow, starts_ns):  # type: ignore[no-untyped-def]
    """Counts what a flow that leaves has sent."""
    ready_ns = capacity.ready_ns
    for hop in range(capacity.route_ptr[flow], capacity.route_ptr[flow + 1]):
        link_id = capacity.route_links[hop]
        link = capacity.links[link_id]
        leave_list(capacity.links, capacity.hops, link_id, hop)
        busy_ns = _busy_ns(link, capacity.size_bytes[flow])
        sent_ns = ready_ns[hop] + busy_ns
        link.ready_ns = max(link.ready_ns, sent_ns)
        other = link.head
        while other >= 0:
            if starts_ns[capacity.hops[other].flow] <= starts_ns[flow]:
                ready_ns[other] += busy_ns
            else:
                ready_ns[other] = max(ready_ns[other], sent_ns)
            other = capacity.hops[other].after


@kernel
def _hold_back(agenda: Agenda, capacity: Capacity) -> None:
    """Puts departures off until the links can have carried the flows."""
    for network in range(len(agenda.next_flow)):
        first = agenda.first_flow[network]
        while agenda.num_active[network] > 0:
            top = agenda.heap[first]
            if agenda.next_flow[network] < agenda.end_flow[network]:
                arriving = agenda.order[agenda.next_flow[network]]
                if agenda.start_ns[arriving] < top.key:
                    break
            earliest_ns = _earliest_ns(capacity, top.item)
            if top.key >= earliest_ns:
                break
            leave_at(agenda, top.item, earliest_ns)


def _build_next_possible(digest: str) -> Callable[..., int]:
    @cached_kernel
    def next_possible_events(agenda, capacity, events):  # type: ignore[no-untyped-def]
        digest  # noqa: B018 - makes it part of the cache key
        _hold_back(agenda, capacity)
        count = next_events(agenda, events)
        for i in range(count):
            flow = events[i].flow
            if events[i].kind == ARRIVAL:
                _arrive(capacity, flow, agenda.start_ns[flow])
            else:
                _leave(capacity, flow, agenda.start_ns)
        return count

    return next_possible_events  # type: ignore[no-any-return]


_DIGEST = kernel_digest(__name__)
_note_flows = _build_note_flows(_DIGEST)
next_possible_events = _build_next_possible(_DIGEST)
"""``next_possible_events(agenda, capacity, events) -> count``: as :func:`.agenda.next_events`, but
no flow leaves before the links of its route can have carried it."""
