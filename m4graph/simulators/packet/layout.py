"""Memory layout of the packet simulator: arrays of records that numba compiles to plain loads.

One record type a concept. Everything that changes during a run lives in these arrays, so that a
run can return to Python at any event and go on later, bit for bit. Sizes are bytes, rates are
integer bits per second. Times are integer ticks: nanoseconds, truncated as in ns-3, or picoseconds
for fast links (``network.tick``).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from m4graph.simulators.packet.memory import in_lines

# What can never be NONE is unsigned: an index that may be negative costs numba a test.
NONE = -1
"""The empty index of every linked list and of every time that has not come."""

MAX_TICKS = 2**62
"""The clock counts so far; later times still fit into 64 bits."""

# Kinds of packets.
DATA, ACK, NACK, PAUSE, RESUME = 0, 1, 2, 3, 4

# Kinds of events. For numba a plain number is a type of its own: what is called with one would be
# compiled anew for each.
TX_DONE, ARRIVE, NIC_WAKE, FLOWS_READ, FLOWS_INSTALL, FLOWS_START = map(np.int64, range(6))
TIMER, CALL, DEADLINE, COME_OUT = map(np.int64, range(6, 10))

# Why a run came back to Python.
PAUSED, FINISHED, STARVED, GROW_POOLS, DRAIN, CALLED = range(6)

# What happens to a packet at a tap.
ENTER, LEAVE, DROP, LOST = map(np.int64, range(4))

NUM_HOOKS = 7
"""What the loop may call of an algorithm and its transport."""

# Kinds of labelled events.
ARRIVAL, DEPARTURE = map(np.int64, range(2))

CONTROL = np.dtype(
    [
        ("now", "i8"),
        ("num_flows", "i8"),  # rows in use of the arrays of flows
        ("num_route_links", "i8"),  # and of the routes
        ("num_followers", "i8"),  # entries in use of State.followers
        ("host_flows_used", "i8"),  # of State.host_flows, abandoned lists included
        ("packet_words", "i8"),  # rows in use of State.packet_bits
        ("num_requests", "i4"),
        ("num_starts", "i8"),  # entries in use of State.start_order
        ("num_read", "i8"),  # of them: flows whose start has been read
        ("num_started", "i8"),
        ("num_finished", "i8"),
        ("stop_at", "i8"),  # the run returns when so many flows are finished; one of a batch that
        # is not the last moves it on
        ("last_finished", "i8"),  # the flow that finished last
        ("call_code", "i4"),  # of the call that the run returned for
        ("packet_hops", "i8"),
        ("pauses_sent", "i8"),
        ("packets_dropped", "i8"),
        ("packets_lost", "i8"),  # on links, by faults
        ("packets_numbered", "i8"),  # that hosts have sent while packets are recorded
        ("num_tap_rows", "i8"),  # rows in use of State.tap_rows
        ("free_event", "i4"),  # heads of the free lists
        ("free_packet", "i4"),
        ("events_left", "i4"),  # lengths of the free lists
        ("packets_left", "i4"),
        ("heap_size", "i4"),
        ("next_serial", "i8"),  # of the event that is queued next
        ("serial", "i8"),  # of the event that is running
        ("idle_events", "i4"),  # of the events in the queue: they move no packet
        ("label_events", "i8"),  # rows in use of the label buffers
        ("label_flows", "i8"),
        ("label_links", "i8"),
    ]
)

CONFIG = np.dtype(
    [
        ("ticks_per_ns", "i8"),
        ("byte_ticks", "i8"),  # a byte's time at 1 bit/s
        ("payload_bytes", "i8"),
        ("data_overhead_bytes", "i8"),
        ("ack_wire_bytes", "i8"),
        ("window_bytes", "i8"),  # 0: no window
        ("variable_window", "b1"),
        ("min_rate_bps", "i8"),
        ("ack_priority", "b1"),
        ("pfc", "b1"),
        ("pmax", "f8"),
        ("buffer_alpha", "f8"),
        ("record_labels", "b1"),
        ("longest_route", "i8"),
        ("retransmit_ticks", "i8"),  # of the RDMA transport; 0: never
        ("retransmit_limit", "i8"),
        ("spray_gap_ticks", "i8"),  # a flow that pauses so long may take another path
        ("round_robin", "b1"),  # the next one, not any
        ("ecn_capable", "b1"),
        ("red", "b1"),
        ("red_min_packets", "f8"),
        ("red_max_packets", "f8"),
        ("red_max_p", "f8"),
        ("red_weight", "f8"),
        ("red_ecn", "b1"),
    ]
)

LINK = in_lines(
    [
        # Of the link as the way out of a port: a cache line.
        ("head", "i4"),  # the data queue
        ("tail", "i4"),
        ("priority_head", "i4"),  # the strict-priority queue: ACKs, PFC frames
        ("priority_tail", "i4"),
        ("queue_bytes", "i8"),  # of the data queue, the packet on the wire excluded
        ("free_ticks", "i8"),  # when the packet on the wire is sent
        ("free_serial", "i8"),  # of that event if it is not queued, else NONE
        ("delay_ticks", "i8"),
        ("full_tx_ticks", "i8"),  # of a data packet with full payload
        ("busy", "b1"),
        ("paused", "b1"),  # by a PFC frame of the node at the other end
        ("from_host", "b1"),
        ("src", "u4"),
        # The buffer that packets which came in over this link take at the switch it leads to.
        ("to_host", "b1"),
        ("pause_sent", "b1"),
        ("dst", "u4"),
        ("ingress_bytes", "i8"),
        ("headroom_bytes", "i8"),
        ("headroom_limit_bytes", "i8"),
        ("sent_bytes", "i8"),  # of all packets so far
        ("kmin_bytes", "i8"),
        ("ack_tx_ticks", "i8"),
        ("kmax_bytes", "i8"),
        # Seldom read.
        ("rate_bps", "i8"),
        ("active_start", "i8"),  # flows that are active on the link, for labels
        ("num_active", "i4"),
    ]
)

NODE = in_lines(
    [
        ("uplink", "u4"),  # of a NIC
        ("wake_version", "i4"),  # a wake-up event of another version is void
        ("wake_ticks", "i8"),  # when the NIC will look for something to send, or NONE
        ("round_robin", "i4"),  # position of the flow that was served last
        ("num_flows", "i4"),
        ("flows_start", "i8"),  # its slice of State.host_flows
        ("buffer_bytes", "i8"),  # of a switch
        ("headroom_bytes", "i8"),
        ("buffer_limit_bytes", "i8"),
        ("pool_limit_bytes", "i8"),
        ("headroom_limit_bytes", "i8"),
        ("flows_reserved", "i4"),  # of a NIC: these, and those that have not started
        ("flows_room", "i4"),
        ("sends_no_pause", "b1"),  # an NVSwitch
    ]
)
"""A switch, or a NIC: a host's record is its first NIC, and further ones stand behind all nodes. A
link that leaves a host has its NIC as ``src``."""

PACKET = in_lines(
    [
        ("next", "i4"),
        ("flow", "u4"),
        ("seq", "i8"),  # data: first byte; ACK: next byte that the receiver expects
        ("wire_bytes", "u4"),
        ("position", "u4"),  # in State.route_links, of the link it is on or waits for
        ("ingress", "u4"),  # link over which it came to the switch where it waits
        ("kind", "i1"),
        ("marked", "b1"),  # ECN; an ACK echoes it
    ]
)

_FLOW = [
    # Of the sender.
    ("snd_nxt", "i8"),
    ("snd_una", "i8"),
    ("size_bytes", "i8"),
    ("next_send_ticks", "i8"),
    ("window_bytes", "i8"),
    ("full_pace_ticks", "i8"),  # time of a full packet at the flow's rate
    ("rate_bps", "i8"),
    ("src", "u4"),
    ("data_position", "u4"),
    # Of the receiver, and what is seldom read.
    ("rcv_nxt", "i8"),
    ("finish_ticks", "i8"),
    ("ack_position", "u4"),
    ("num_links", "u4"),
    ("line_rate_bps", "i8"),
    ("start_ticks", "i8"),
    ("nack_seq", "i8"),
    ("nack_allowed_ticks", "i8"),
    ("label_mark", "i8"),
]
FLOW = in_lines(_FLOW)
FLOW_WITH_WINDOW = in_lines([("full_window_bytes", "i8"), *_FLOW])
"""The type of State.flows tells the compiler whether each flow has a full window of its own."""

_QUEUE = [
    ("num_packets", "i4"),  # the packet on the wire excluded
    ("limit_packets", "i4"),
    ("limit_bytes", "i8"),
    ("average", "f8"),  # RED's, in packets
    ("idle_since_ticks", "i8"),  # RED has counted the port's idle time up to then
    ("since_hit", "i8"),  # packets since RED hit one; NONE below the lower threshold
]
SHARED_QUEUE = np.dtype([*_QUEUE, ("shared", "b1")])
PORT_QUEUE = np.dtype(_QUEUE)
"""The type of State.queues tells the compiler whether a switch's ports share a buffer or have a
queue each; it leaves out the other case."""

WAIT = in_lines(
    [
        ("followers", "i8"),  # where in State.followers those that wait for it begin
        ("num_followers", "i4"),
        ("num_open", "i4"),  # flows that it waits for
        ("lag_ns", "i8"),  # from its end to the start of its followers
        ("ready_ns", "i8"),  # it does not start earlier
        ("first", "u4"),  # of its batch; that flow counts for all
        ("num_left", "i4"),  # of the batch that begins here
        ("waits", "b1"),  # is one of a batch
    ]
)
"""What flows of a batch wait for, which start without Python."""

RETRY = np.dtype([("snd_una", "i8"), ("num_periods", "i8")])

EVENT = in_lines(
    [
        ("next", "i4"),
        ("kind", "i4"),
        ("a", "u4"),
        ("b", "u4"),
        ("serial", "i8"),
        # In a slot of many ticks: of the first event of a tick the last one, and the reverse.
        ("end", "i4"),
    ]
)
SLOT = np.dtype([("head", "i4"), ("tail", "i4")])
"""A slot of one tick, whose events are queued in the order in which they run."""
FINE_SLOT = np.dtype([("tail", "i4"), ("head", "i4"), ("fine", "b1")])
"""One of a thousand ticks of a picosecond. The type says so to the compiler, which leaves out what
slots of one tick do not need."""
WIDE_SLOT = np.dtype([("tail", "i4"), ("head", "i4")])
"""One of 16 ticks, for few events at a time: then the wheel is small, and in the processor's
nearest cache."""
FAR_EVENT = in_lines(
    [("time_ticks", "i8"), ("serial", "i8"), ("kind", "i4"), ("a", "u4"), ("b", "u4")]
)


def _switched_off(record: np.dtype[Any]) -> np.dtype[Any]:
    """The same record, of another type: the compiler leaves out what is done with it.

    The mark stands first: numba takes a record with more fields behind for one of the same kind.
    """
    return np.dtype([("off", "b1"), *record.descr])


WIRE = np.dtype(
    [
        ("down", "b1"),
        ("loss_probability", "f8"),
        ("random", "u8"),  # state of the link's own generator
        ("num_sent", "i8"),  # packets that were started on the link
        ("num_arrived", "i8"),  # and those whose arrival time has come, lost ones too
        ("lost_until", "i8"),  # of those sent, so many were on the link when it was down
    ]
)
"""A link on which faults may act; as many as links, or none."""
WIRE_OFF = _switched_off(WIRE)

SPRAY = np.dtype(
    [
        ("random", "u8"),  # state of the flow's own generator
        ("last_ticks", "i8"),  # when its last packet was started, or NONE
        ("first_word", "i8"),  # its part of State.packet_bits
        ("num_paths", "u4"),  # from its data_position on, of num_links each
        ("path", "u4"),  # of its last packet
    ]
)
"""A flow whose packets are spread over paths; as many as flows, or none."""
SPRAY_OFF = _switched_off(SPRAY)

ARRIVED, ACKNOWLEDGED = map(np.int64, range(2))
"""What is noted of each packet of such a flow: columns of State.packet_bits."""
WORD_BITS = 64

METER = np.dtype(
    [
        ("tapped", "b1"),
        ("busy_ticks", "i8"),  # sending, up to the end of the packet that is being sent
        ("tx_end_ticks", "i8"),  # when that ends
        ("paused_ticks", "i8"),  # before paused_since
        ("paused_since", "i8"),  # NONE: is not paused
        ("num_pauses", "i8"),  # PAUSE frames that the end of the link has sent to stop it
        ("num_drops", "i8"),  # packets that found no room before the link
        ("num_lost", "i8"),  # packets lost on the link
    ]
)
"""What is counted of a link while a run is recorded; as many as links, or none."""
METER_OFF = _switched_off(METER)

LINK_HOOK = np.dtype(
    [
        ("step", "i8"),  # address of the function that is asked; 0: there is no hook
        ("gate", "i8"),  # of the one that is asked when a host may send; 0: there is none
        ("context", "i8"),  # and of what it finds its arrays by
        ("group", "i8"),
        ("direction", "i8"),
        ("is_exit", "b1"),  # packets that a hook has held may come out here
    ]
)
"""A link at which a hook may stand; as many as links, or none."""
LINK_HOOK_OFF = _switched_off(LINK_HOOK)

TAP_ROW = np.dtype(
    [
        ("time_ticks", "i8"),
        ("tx_ticks", "i8"),
        ("packet", "i8"),
        ("seq", "i8"),
        ("flow", "i4"),
        ("link", "i4"),
        ("wire_bytes", "i4"),
        ("event", "i1"),
        ("kind", "i1"),
        ("marked", "b1"),
    ]
)
LABEL_EVENT = np.dtype(
    [("time_ticks", "i8"), ("flow", "i4"), ("kind", "i4"), ("flow_end", "i8"), ("link_end", "i8")]
)
