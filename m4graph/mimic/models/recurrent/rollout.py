"""The recurrent model in use: one packet after the other, its own answers in its state (numba)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from m4graph.core.kernels import inline_kernel, kernel
from m4graph.learned.compiled.layers import sigmoid
from m4graph.mimic.feature_kernels import fill_place, fill_rest, note_outcome
from m4graph.mimic.feeder_kernels import draw_place, next_packet
from m4graph.mimic.feeder_layout import ACK_SHARE, BINNED, PACKET, PLACES
from m4graph.mimic.models.random import next_uniform
from m4graph.mimic.models.recurrent.cells import step_network
from m4graph.mimic.models.recurrent.outputs import DROP, LATENCY, MARK

PLAN = np.dtype(
    [
        ("num_features", "i8"),
        ("width", "i8"),
        ("num_layers", "i8"),
        ("is_gru", "i8"),
        ("marks", "i8"),  # whether packets may be marked
        ("samples", "i8"),  # whether drops and marks are drawn
        ("drop_shift", "f8"),  # from a trained logit to that of the probability
        ("mark_shift", "f8"),
        ("feeder", "i8"),
        ("slot_ticks", "i8"),
        ("num_slots", "i8"),
        ("num_hosts", "i8"),  # of a pod
        ("num_ports", "i8"),  # to cores
        ("delay_ticks", "i8"),  # of the link inside the pod
        ("ticks_per_byte", "f8"),
    ]
)
"""What does not change in a run."""

LOST = -1
"""Answer for a packet that is dropped."""


class Rollout(NamedTuple):
    """The arrays of a run; rows of pods are ``2 * pod + direction``.

    Args:
        plan: Records of :data:`PLAN` ``[1]``.
        specs: Records of :data:`~m4graph.mimic.feature_layout.FEATURE_SPEC` ``[2]``.
        weights: float32 ``[2, num_weights]``.
        laws: Records of :data:`~m4graph.mimic.feeder_layout.FEEDER_LAW` ``[2]``.
        schedule: float32 ``[2 * num_pods, num_slots, num_columns]``.
        random: uint64 ``[1]``.
        tracks: Records of :data:`~m4graph.mimic.feature_layout.TRACK` ``[2 * num_pods]``.
        clocks: Records of :data:`~m4graph.mimic.feeder_layout.FEEDER_CLOCK` ``[2 * num_pods]``.
        states: float32 ``[2 * num_pods, num_layers, 2, width]``.
        released: int64 ``[2 * num_pods, num_hosts, num_ports]``: when the last packet of a path
            came out.
        inputs: float32 ``[num_features]``, for scratch, as those that follow.
        gates: float32 ``[1, 4 * width]``.
        out: float32 ``[3]``.
    """

    plan: Any
    specs: Any
    weights: Any
    laws: Any
    schedule: Any
    random: Any
    tracks: Any
    clocks: Any
    states: Any
    released: Any
    inputs: Any
    gates: Any
    out: Any


@kernel
def answer(r, now, pod, direction, host, port, wire_bytes):
    """What becomes of a packet: ``ticks until it comes out << 1 | mark``, or :data:`LOST`."""
    plan, spec, row = r.plan[0], r.specs[direction], 2 * pod + direction
    track = r.tracks[row]
    if plan.feeder == PACKET:
        _feed_packets(r, row, direction, now)
    elif plan.feeder == BINNED:
        _feed_slots(r, row, direction, now)
    fill_place(spec, host, port, r.inputs)
    fill_rest(spec, track, now, wire_bytes, 1.0, r.inputs)
    _predict(r, row, direction)
    if _decides(r, DROP):
        note_outcome(track, 1.0, 1.0, 0.0)
        return LOST
    # A packet is complete at the second switch no sooner than its bits have crossed the link
    # inside the pod, behind those of the packet before it on its path.
    wire_ticks = int(wire_bytes * plan.ticks_per_byte)
    latency = max(int(_latency(spec, r.out)), plan.delay_ticks + wire_ticks)
    out_ticks = max(now + latency, r.released[row, host, port] + wire_ticks)
    r.released[row, host, port] = out_ticks
    note_outcome(track, 1.0, 0.0, float(out_ticks - now))
    is_marked = plan.marks and _decides(r, MARK)
    return (out_ticks - now) << 1 | int(is_marked)


@kernel
def _feed_packets(r, row, direction, now):
    """Makes a step for each packet of the feeder up to now."""
    plan, spec, track = r.plan[0], r.specs[direction], r.tracks[row]
    law, clock, x = r.laws[direction], r.clocks[row], r.inputs
    while clock.next_ticks <= now:
        slot = r.schedule[row, min(int(clock.next_ticks / plan.slot_ticks), plan.num_slots - 1)]
        rack = draw_place(slot, 0, spec.racks, r.random)
        host = draw_place(slot, spec.racks, spec.hosts, r.random)
        first_agg = spec.racks + spec.hosts
        agg = draw_place(slot, first_agg, spec.aggs, r.random)
        spine = draw_place(slot, first_agg + spec.aggs, spec.spines, r.random)
        is_ack = next_uniform(r.random) < slot[ACK_SHARE]
        wire_bytes = law.ack_bytes if is_ack else law.data_bytes
        fill_place(spec, rack * spec.hosts + host, agg * spec.spines + spine, x)
        fill_rest(spec, track, int(clock.next_ticks), wire_bytes, 1.0, x)
        _predict(r, row, direction)
        drops = 1.0 if _decides(r, DROP) else 0.0
        note_outcome(track, 1.0, drops, _latency(spec, r.out))
        clock.next_ticks = next_packet(
            law, r.schedule[row], plan.slot_ticks, clock.next_ticks, r.random
        )


@kernel
def _feed_slots(r, row, direction, now):
    """Makes a step for each slot that is over by now and in which the feeder has packets."""
    plan, spec, track = r.plan[0], r.specs[direction], r.tracks[row]
    law, clock, x = r.laws[direction], r.clocks[row], r.inputs
    while clock.slot < plan.num_slots and (clock.slot + 1) * plan.slot_ticks <= now:
        slot = r.schedule[row, clock.slot]
        clock.slot += 1
        end = clock.slot * plan.slot_ticks
        packets = 0.0
        while clock.next_ticks < end:
            packets += 1.0
            clock.next_ticks = next_packet(
                law, r.schedule[row], plan.slot_ticks, clock.next_ticks, r.random
            )
        if packets > 0:
            for column in range(len(slot) - PLACES):
                x[column] = slot[PLACES + column]
            share = slot[ACK_SHARE]
            wire_bytes = share * law.ack_bytes + (1.0 - share) * law.data_bytes
            fill_rest(spec, track, end, wire_bytes, packets, x)
            _predict(r, row, direction)
            drops = packets * sigmoid(np.float32(r.out[DROP] + plan.drop_shift))
            note_outcome(track, packets, drops, _latency(spec, r.out))


@inline_kernel
def _predict(r, row, direction):
    step_network(r.plan[0], r.weights[direction], r.states[row], r.inputs, r.gates, r.out)


@inline_kernel
def _latency(spec, out):
    """Ticks: the lower edge of the bin that is predicted."""
    number = min(max(int(out[LATENCY] * spec.bins), 0), spec.bins - 1)
    return spec.latency_min + number * spec.latency_step


@inline_kernel
def _decides(r, column):
    """Whether a packet is dropped, or marked."""
    plan, logit = r.plan[0], r.out[column]
    if plan.samples:
        shift = plan.drop_shift if column == DROP else plan.mark_shift
        return next_uniform(r.random) < sigmoid(np.float32(logit + shift))
    return logit >= 0
