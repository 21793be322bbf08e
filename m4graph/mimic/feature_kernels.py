"""The features of a packet at the border of a pod, one row at a time: for training and for use.

Both call the functions below, packet by packet, so that they see the same bits.
"""

from __future__ import annotations

import numpy as np

from m4graph.core.kernels import inline_kernel, kernel
from m4graph.mimic.feature_layout import CALM, FALLING, FULL, RISING

_OLD_SHARE, _NEW_SHARE = 0.7, 0.3
_MANY_DROPS = 3.0


@inline_kernel
def bin_of(value, minimum, step, bins):
    """The bin of a value; what lies outside goes to the first or the last one."""
    return int(min(max(np.floor((value - minimum) / step), 0.0), bins - 1.0))


@inline_kernel
def next_gap(track, now):
    """Time since the last row of a direction; the mean of such gaps goes on with it."""
    gap = float(now - track.last_ticks) if track.last_ticks >= 0 else 0.0
    track.last_ticks = now
    track.mean_gap = _OLD_SHARE * track.mean_gap + _NEW_SHARE * gap
    return gap


@inline_kernel
def fill_place(spec, host, port, out):
    """One-hot columns of a packet: rack, host in the rack, aggregation switch, spine."""
    first = 0
    for number, size in (
        (host // spec.hosts, spec.racks),
        (host % spec.hosts, spec.hosts),
        (port // spec.spines, spec.aggs),
        (port % spec.spines, spec.spines),
    ):
        for index in range(size):
            out[first + index] = 1.0 if index == number else 0.0
        first += size


@inline_kernel
def fill_rest(spec, track, now, wire_bytes, packets, out):
    """The columns after those of the place; moves the direction's track to now."""
    gap = next_gap(track, now)
    _close_span(spec, track, now)
    first = spec.racks + spec.hosts + spec.aggs + spec.spines
    for regime in range(4):
        out[first + regime] = 1.0 if regime == track.regime else 0.0
    bins = spec.bins
    out[first + 4] = wire_bytes / spec.wire_bytes
    out[first + 5] = bin_of(gap, spec.gap_min, spec.gap_step, bins) / bins
    out[first + 6] = bin_of(track.mean_gap, spec.mean_gap_min, spec.mean_gap_step, bins) / bins
    out[first + 7] = packets / spec.packets


@inline_kernel
def note_outcome(track, packets, drops, latency_ticks):
    """What became of packets, true or predicted; it counts from the next span on."""
    track.packets += packets
    track.drops += drops
    track.latency += (packets - drops) * latency_ticks


@inline_kernel
def _close_span(spec, track, now):
    """At the first row after a span's end: the regime of congestion that it has shown."""
    if track.span_ticks >= 0 and now - track.span_ticks <= spec.span_ticks:
        return
    delivered = track.packets - track.drops
    if track.drops * _MANY_DROPS > track.packets:
        track.regime = FULL
    elif delivered > 0 and track.latency / delivered > spec.high_ticks:
        track.regime = RISING if track.regime <= RISING else FALLING
    else:
        track.regime = CALM
    track.span_ticks = now
    track.packets = track.drops = track.latency = 0.0


@kernel
def fill_bins(values, minimum, step, bins, out):
    """The bin of each value."""
    for row in range(len(values)):
        out[row] = bin_of(values[row], minimum, step, bins)


@kernel
def fill_gaps(tracks, ticks, out):
    """Gaps of a sequence of times and their running means, before they are put into bins."""
    track = tracks[0]
    for row in range(len(ticks)):
        out[0, row] = next_gap(track, ticks[row])
        out[1, row] = track.mean_gap


@kernel
def fill_matrix(specs, tracks, steps, mixes, out):
    """Features of a sequence whose outcomes are known, a row of ``out`` for each step."""
    spec, track = specs[0], tracks[0]
    num_places = mixes.shape[1]
    for row in range(len(steps)):
        step = steps[row]
        if step.mix < 0:
            fill_place(spec, step.host, step.port, out[row])
        else:
            for column in range(num_places):
                out[row, column] = mixes[step.mix, column]
        fill_rest(spec, track, step.ticks, step.wire_bytes, step.packets, out[row])
        note_outcome(track, step.packets, step.drops, step.latency_ticks)
