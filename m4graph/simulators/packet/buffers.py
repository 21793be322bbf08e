"""The shared buffer of a switch: dynamic thresholds, headroom, and when to pause and resume.

docs/packet-model.md, "Shared buffer and PFC". Only data counts (and ACKs that share its queue); the
strict-priority queue is exempt. One priority group, so an (ingress port, queue) pair of ns-3 is one
incoming link here.
"""

from __future__ import annotations

from m4graph.simulators.packet.jit import inline_kernel

_RESUME_BELOW_BYTES = 1248
_RESUME_OFFSET_BYTES = 2496


@inline_kernel
def admit_to_buffer(s, link_id, wire_bytes):
    """Counts a packet that came in over a link, or refuses it.

    Returns:
        Whether the packet is taken, and whether a PAUSE must be sent back over the link.
    """
    link = s.links[link_id]
    node = s.nodes[link.dst]
    if node.buffer_bytes + wire_bytes > node.buffer_limit_bytes:
        return False, False
    if link.headroom_bytes > 0 and (
        link.headroom_bytes + wire_bytes > link.headroom_limit_bytes
        or node.headroom_bytes + wire_bytes > node.headroom_limit_bytes
    ):
        return False, False
    link.ingress_bytes += wire_bytes
    node.buffer_bytes += wire_bytes
    if link.headroom_bytes > 0 or link.ingress_bytes > _threshold(s, node):
        link.headroom_bytes += wire_bytes
        node.headroom_bytes += wire_bytes
        pause = not link.pause_sent
        link.pause_sent = True
        return True, pause
    return True, False


@inline_kernel
def count_into_buffer(s, link_id, wire_bytes):
    """Counts a packet as one that came in over a link, and asks for no headroom and no PAUSE."""
    link = s.links[link_id]
    link.ingress_bytes += wire_bytes
    s.nodes[link.dst].buffer_bytes += wire_bytes


@inline_kernel
def take_out_of_buffer(s, link_id, wire_bytes):
    """Uncounts a packet that leaves the switch; True if a RESUME must go back over its link."""
    link = s.links[link_id]
    node = s.nodes[link.dst]
    from_headroom = min(link.headroom_bytes, wire_bytes)
    link.headroom_bytes -= from_headroom
    node.headroom_bytes -= from_headroom
    link.ingress_bytes -= wire_bytes
    node.buffer_bytes -= wire_bytes
    if not link.pause_sent or link.headroom_bytes > 0:
        return False
    if (
        link.ingress_bytes >= _RESUME_BELOW_BYTES
        and link.ingress_bytes + _RESUME_OFFSET_BYTES > _threshold(s, node)
    ):
        return False
    link.pause_sent = False
    return True


@inline_kernel
def _threshold(s, node):
    """The dynamic threshold: alpha times what is free of the pool (headroom's bytes not in it)."""
    free = node.pool_limit_bytes - (node.buffer_bytes - node.headroom_bytes)
    return s.config[0].buffer_alpha * max(free, 0)
