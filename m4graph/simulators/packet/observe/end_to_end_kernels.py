"""Reduces rows of taps at hosts to round-trip times and bytes by window, as they come."""

from __future__ import annotations

import numpy as np

from m4graph.core.kernels import cached_kernel
from m4graph.simulators.packet.layout import ACK, DATA, ENTER, LEAVE, NONE

SEGMENT = np.dtype([("next", "i8"), ("end_seq", "i8"), ("sent_ticks", "i8"), ("sent_again", "b1")])
"""A segment that no ACK has reached or passed; those of a flow are a list, by sequence."""

FLOW_SEGMENTS = np.dtype([("head", "i8"), ("tail", "i8"), ("sent_seq", "i8")])
"""A flow's list, and what follows the last byte that it has sent."""

METER_STATE = np.dtype(
    [
        ("free", "i8"),  # head of the list of free segments
        ("num_free", "i8"),
        ("num_acked", "i8"),  # round-trip times so far
        ("stride", "i8"),  # one in so many is kept
        ("num_rtts", "i8"),  # rows in use
        ("window", "i8"),  # that bytes are counted of
        ("num_bytes", "i8"),  # rows in use
    ]
)


@cached_kernel
def add_rtts(rows, is_uplink, is_downlink, overhead_bytes, state, flows, segments, rtts):
    """Matches segments that leave by uplinks with ACKs that come in by downlinks.

    An ACK settles all segments that end before it, too. ``segments`` has a free one for each row.
    """
    meter = state[0]
    for index in range(len(rows)):
        row = rows[index]
        if row.event == LEAVE and row.kind == DATA and is_uplink[row.link]:
            _send(row, row.seq + row.wire_bytes - overhead_bytes, meter, flows, segments)
        elif row.event == ENTER and row.kind == ACK and is_downlink[row.link]:
            _acknowledge(row, meter, flows, segments, rtts)


@cached_kernel
def add_bytes(rows, host_of_link, overhead_bytes, window_ticks, state, in_window, windows):
    """Adds up payload by host (``host_of_link``, else ``NONE``) and window.

    ``windows`` has room for a row of each host, for each row and once more.
    """
    meter = state[0]
    for index in range(len(rows)):
        row = rows[index]
        if row.event != ENTER or row.kind != DATA or host_of_link[row.link] == NONE:
            continue
        window = row.time_ticks // window_ticks
        if window != meter.window:
            end_window(state, in_window, windows)
            meter.window = window
        in_window[host_of_link[row.link]] += row.wire_bytes - overhead_bytes


@cached_kernel
def end_window(state, in_window, windows):
    """Notes what hosts have received in the window that ends, and counts from 0 again."""
    meter = state[0]
    for host in range(len(in_window)):
        if in_window[host] > 0:
            made = windows[meter.num_bytes]
            made.host = host
            made.window = meter.window
            made.bytes = in_window[host]
            in_window[host] = 0
            meter.num_bytes += 1


@cached_kernel
def _send(row, end_seq, meter, flows, segments):
    """A segment is under way; one that was before gives no round-trip time."""
    flow = flows[row.flow]
    if row.seq < flow.sent_seq:
        at = flow.head
        while at != NONE and segments[at].end_seq <= end_seq:
            segments[at].sent_again |= segments[at].end_seq == end_seq
            at = segments[at].next
        return
    flow.sent_seq = end_seq
    made = meter.free
    meter.free = segments[made].next
    meter.num_free -= 1
    segments[made].next = NONE
    segments[made].end_seq = end_seq
    segments[made].sent_ticks = row.time_ticks
    segments[made].sent_again = False
    if flow.head == NONE:
        flow.head = made
    else:
        segments[flow.tail].next = made
    flow.tail = made


@cached_kernel
def _acknowledge(row, meter, flows, segments, rtts):
    flow = flows[row.flow]
    while flow.head != NONE and segments[flow.head].end_seq <= row.seq:
        at = flow.head
        if segments[at].end_seq == row.seq and not segments[at].sent_again:
            _keep_rtt(row, segments[at].sent_ticks, meter, rtts)
        flow.head = segments[at].next
        segments[at].next = meter.free
        meter.free = at
        meter.num_free += 1


@cached_kernel
def _keep_rtt(row, sent_ticks, meter, rtts):
    """Keeps one in ``stride``; where no room is left, every second one of those makes room."""
    number = meter.num_acked
    meter.num_acked += 1
    if number % meter.stride:
        return
    if meter.num_rtts == len(rtts):
        meter.num_rtts = (len(rtts) + 1) // 2
        for kept in range(meter.num_rtts):
            rtts[kept] = rtts[2 * kept]
        meter.stride *= 2
        if number % meter.stride:
            return
    made = rtts[meter.num_rtts]
    made.flow = row.flow
    made.time_ticks = row.time_ticks
    made.rtt_ticks = row.time_ticks - sent_ticks
    made.marked = row.marked
    meter.num_rtts += 1
