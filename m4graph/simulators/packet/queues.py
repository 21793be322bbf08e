"""The queue of a switch port: a share of the switch's buffer, or its own, drop-tail or RED.

Which of the two it is stands in the type of ``State.queues``, so a run with a shared buffer pays
nothing for the other.
"""

from __future__ import annotations

import numpy as np
from numba.extending import overload
from numba.np.numpy_support import from_dtype

from m4graph.scenario.queueing import DropTailQueue, QueueDiscipline, RedQueue
from m4graph.simulators.packet.buffers import (
    admit_to_buffer,
    count_into_buffer,
    take_out_of_buffer,
)
from m4graph.simulators.packet.jit import inline_kernel, kernel
from m4graph.simulators.packet.layout import (
    DATA,
    NONE,
    PORT_QUEUE,
    SHARED_QUEUE,
)
from m4graph.simulators.packet.mrg32k3a import next_number
from m4graph.simulators.packet.state import State

_NO_LIMIT_PACKETS, _NO_LIMIT_BYTES = 2**31 - 1, 2**62


def build_queues(queue: QueueDiscipline, num_links: int) -> np.ndarray:
    """The queues of all links, ``[num_links]``, or none if the buffer of a switch is shared."""
    if not isinstance(queue, DropTailQueue | RedQueue):
        return np.zeros(0, SHARED_QUEUE)
    queues = np.zeros(num_links, PORT_QUEUE)
    limit_bytes = queue.capacity_bytes if isinstance(queue, DropTailQueue) else None
    queues["limit_packets"] = queue.capacity_packets or _NO_LIMIT_PACKETS
    queues["limit_bytes"] = limit_bytes or _NO_LIMIT_BYTES
    queues["since_hit"] = NONE
    return queues


def configure_queues(queue: QueueDiscipline, config: np.ndarray) -> None:
    """Writes what all ports share of their discipline into the run's configuration."""
    if isinstance(queue, RedQueue):
        config["red"] = True
        for name in ("min_packets", "max_packets", "max_p", "weight", "ecn"):
            config[f"red_{name}"] = getattr(queue, name)


def has_shared_buffer(s: State) -> bool:
    """Whether ports share a buffer; known from the type of the queues when a loop is compiled."""
    return s.queues.dtype == SHARED_QUEUE


@overload(has_shared_buffer, inline="always")
def _has_shared_buffer(s):
    queues = s.arrays["queues"]
    if queues.dtype == from_dtype(SHARED_QUEUE):
        return lambda s: True
    return lambda s: False


@inline_kernel
def admit(s, link_id, out_link, packet):
    """Makes room for a packet that came in over a link and goes out over another, or refuses it.

    Returns:
        Whether the packet is taken, and whether a PAUSE must be sent back over the link.
    """
    if has_shared_buffer(s):
        return admit_to_buffer(s, link_id, packet.wire_bytes)
    queue = s.queues[out_link]
    if s.config[0].red and _hit_by_red(s, out_link, queue):
        if not (s.config[0].red_ecn and s.config[0].ecn_capable):
            return False, False
        # An ACK's mark is an echo, and no switch's to set.
        packet.marked = packet.marked or packet.kind == DATA
    if (
        queue.num_packets >= queue.limit_packets
        or s.links[out_link].queue_bytes + packet.wire_bytes > queue.limit_bytes
    ):
        return False, False
    queue.num_packets += 1
    return True, False


@inline_kernel
def count_in(s, link_id, packet):
    """Counts a packet that is put into the queue of a port whether or not there is room."""
    if has_shared_buffer(s):
        count_into_buffer(s, packet.ingress, packet.wire_bytes)
    else:
        s.queues[link_id].num_packets += 1


@inline_kernel
def take_out(s, link_id, packet):
    """A packet leaves the queue of a port; True if a RESUME must go back where it came from."""
    if has_shared_buffer(s):
        return take_out_of_buffer(s, packet.ingress, packet.wire_bytes)
    s.queues[link_id].num_packets -= 1
    return False


@kernel
def _hit_by_red(s, link_id, queue):
    """Whether RED marks or drops a packet that has just come for a link.

    The average falls while the port idles, as if packets had come to an empty queue all the time.
    """
    config = s.config[0]
    link = s.links[link_id]
    now = s.control[0].now
    if queue.num_packets > 0 or now < link.free_ticks:
        queue.average += config.red_weight * (queue.num_packets - queue.average)
    else:
        idle_ticks = now - max(link.free_ticks, queue.idle_since_ticks)
        idle_packets = idle_ticks / link.full_tx_ticks
        queue.average *= (1.0 - config.red_weight) ** idle_packets
        queue.idle_since_ticks = now
    if queue.average < config.red_min_packets:
        queue.since_hit = NONE
        return False
    queue.since_hit += 1
    if queue.average < config.red_max_packets:
        span = config.red_max_packets - config.red_min_packets
        chance = config.red_max_p * (queue.average - config.red_min_packets) / span
        # Makes the gaps between hits uniform instead of geometric.
        if next_number(s.marking) * (1.0 - queue.since_hit * chance) >= chance:
            return False
    queue.since_hit = 0
    return True
