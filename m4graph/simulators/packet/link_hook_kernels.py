"""Packets that a hook takes where they arrive; nothing in a run that has none."""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from m4graph.simulators.packet.events import push
from m4graph.simulators.packet.hosts import give_turn, wake_at
from m4graph.simulators.packet.jit import inline_kernel, kernel, stay_out_of_line
from m4graph.simulators.packet.layout import ACK, COME_OUT, DATA, NACK, NONE, PAUSE
from m4graph.simulators.packet.observe.taps import note_dropped
from m4graph.simulators.packet.ports import enqueue, enqueue_priority, free_packet
from m4graph.simulators.packet.queues import count_in
from m4graph.simulators.packet.variants import has_link_hook

DROP, PASS, PASS_MARKED = -1, -2, -3
"""What a step may answer beside ``ticks << 1 | mark``; the lowest bit is the mark here, too."""

LATER = -(1 << 62)
"""A gate's answer: ask again when all else of this tick has happened."""

NUM_ARGUMENTS = 10
"""Of a step, integers of 64 bits all."""


@inline_kernel
def is_taken(s, link_id, packet_id):
    """Whether a hook takes a packet that is complete at the end of a link, which is over with it.

    PFC frames are no one's but the link's.
    """
    if has_link_hook(s):
        if s.link_hooks[link_id].step != 0 and s.packets[packet_id].kind < PAUSE:
            return _ask(s, link_id, packet_id)
    return False


@inline_kernel
def come_out(s, link_id, packet_id):
    """Queues a packet that a hook has held at the link where it comes out, full or not."""
    packet = s.packets[packet_id]
    is_ack = packet.kind == ACK or packet.kind == NACK
    if is_ack and s.config[0].ack_priority:
        enqueue_priority(s, link_id, packet_id)
    else:
        # It counts as if it had come over the link before on its route, whose end is this switch.
        packet.ingress = s.route_links[packet.position - 1]
        count_in(s, link_id, packet)
        enqueue(s, link_id, packet_id)


@inline_kernel
def is_held_back(s, link_id):
    """Whether the idle link of a host has to wait; it is asked again when its time has come."""
    if has_link_hook(s):
        if s.link_hooks[link_id].gate != 0:
            return _waits(s, link_id)
    return False


@kernel
def _waits(s, link_id):
    stay_out_of_line()
    now = s.control[0].now
    hook = s.link_hooks[link_id]
    host_id = np.int64(s.links[link_id].src)
    node = s.nodes[host_id]
    answer = _call(
        hook.gate,
        (now, hook.group, hook.direction, NONE, NONE, NONE, NONE, 0, link_id, hook.context),
    )
    if answer > 0 or answer == LATER:
        wake_at(s, host_id, node, now + max(answer, 0))
        return True
    if answer < 0:
        give_turn(s, node, ~answer)
    return False


@kernel
def _ask(s, link_id, packet_id):
    stay_out_of_line()
    c = s.control[0]
    hook = s.link_hooks[link_id]
    packet = s.packets[packet_id]
    next_link = s.route_links[packet.position + 1]
    exit_position = packet.position + 1
    exit_link = next_link
    while not (s.link_hooks[exit_link].is_exit or s.links[exit_link].to_host):
        exit_position += 1
        exit_link = s.route_links[exit_position]
    answer = _call(
        hook.step,
        (
            c.now,
            hook.group,
            hook.direction,
            next_link,
            exit_link,
            packet.kind,
            packet.flow,
            packet.wire_bytes,
            link_id,
            hook.context,
        ),
    )
    if answer == DROP:
        c.packets_dropped += 1
        note_dropped(s, next_link, packet_id)
        free_packet(s, packet_id)
        return True
    if answer & 1 and packet.kind == DATA:
        packet.marked = True
    if answer < 0:
        return False
    packet.position = exit_position
    push(s, c.now + (answer >> 1), COME_OUT, exit_link, packet_id)
    return True


@intrinsic
def _call(typingctx, address, arguments):
    """Calls the function at an address with integers, each made one of 64 bits."""
    word = ir.IntType(64)

    def codegen(context, builder, signature, args):
        kinds = signature.args[1].types
        words = [
            context.cast(builder, builder.extract_value(args[1], index), kind, types.int64)
            for index, kind in enumerate(kinds)
        ]
        function = ir.FunctionType(word, [word] * NUM_ARGUMENTS)
        return builder.call(builder.inttoptr(args[0], function.as_pointer()), words)

    return types.int64(types.int64, arguments), codegen
