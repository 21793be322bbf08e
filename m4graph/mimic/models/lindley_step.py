"""The step of ``lindley``: a packet waits at one port after the other, at 0.1 us each."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.extending import register_jitable
from numpy.typing import NDArray
from scipy.special import ndtri

from m4graph.core.units import BITS_PER_BYTE, NS_PER_S
from m4graph.mimic.clusters import Pods
from m4graph.mimic.models.lindley_curve import (
    DROP_MEMORY,
    LEVEL_STEP,
    MAX_LEVEL,
    NUM_GAPS,
    NUM_KINDS,
    NUM_LEVELS,
    NUM_LOADS,
    PORT_CURVE,
)
from m4graph.mimic.models.random import next_uniform
from m4graph.simulators.packet.link_hook import DROP, comes_out, context_array, link_step

_PAST = 6
"""Packets that a port remembers, for those that come to it later but were there before them."""

PORT_STATE = np.dtype(
    [
        ("num_past", "i8"),
        ("has_dropped", "i8"),
        ("dropped_ticks", "i8"),  # when the last packet that was dropped came
        ("has_level", "i8"),
        ("last_ticks", "i8"),  # the latest arrival so far
        ("busy_before", "i8"),  # when what is no longer in the past has left
        ("fast", "f8"),  # parts of the level
        ("slow", "f8"),
        ("load", "f8"),  # ticks of recent transmissions
        ("arrive", "i8", _PAST),  # the past, by arrival
        ("busy", "i8", _PAST),  # when all that had come until then has left
    ],
    align=True,
)
LINK_TIMES = np.dtype([("byte_ticks", "f8"), ("delay_ticks", "i8"), ("ack_lane", "i8")])

_NUM_NORMALS = 1 << 10


def normals() -> NDArray[np.float64]:
    """Normal numbers, one as likely as the other: means of equal parts of the bell."""
    middle = ndtri((np.arange(_NUM_NORMALS) + 0.5) / _NUM_NORMALS)
    scaled: NDArray[np.float64] = middle / middle.std()
    return scaled


def link_times(pods: Pods, ticks_per_ns: int, ack_priority: bool) -> NDArray[np.void]:
    """What the step knows of links, records ``[num_links]``."""
    arrays = pods.arrays
    times = np.zeros(arrays.num_links, LINK_TIMES)
    times["byte_ticks"] = BITS_PER_BYTE * NS_PER_S * ticks_per_ns / arrays.link_rate_bps
    times["delay_ticks"] = arrays.link_delay_ns * ticks_per_ns
    times["ack_lane"] = ack_priority
    return times


@register_jitable
def wait_at_port(
    port: Any,
    curve: Any,
    arrive: int,
    tx: int,
    normal: NDArray[np.float64],
    random: NDArray[np.uint64],
) -> tuple[int, bool]:
    r"""How long a packet waits at a port, and whether it gets ECN's mark.

    .. math::
        W' = \max(W + T - g, X)

    after a packet that waited :math:`W` and took :math:`T` to send, :math:`g` before: what is
    simulated leaves in the order in which it came; :math:`X` is the wait at the port's level.

    Args:
        port: A record of :data:`PORT_STATE`; it changes.
        curve: One of :data:`~m4graph.mimic.models.lindley_curve.PORT_CURVE`.
        arrive (int): Ticks. A packet may come before those that came before in real time.
        tx (int): Ticks of its transmission.
        normal (np.ndarray): :func:`normals`.
        random (np.ndarray): State of the random numbers.

    Returns:
        tuple: Ticks, or -1 if it is dropped; and the mark.
    """
    gap = max(arrive - port.last_ticks, 0)
    port.last_ticks = max(arrive, port.last_ticks)
    luck = next_uniform(random) * _NUM_NORMALS
    first = int(luck)
    luck = (luck - first) * _NUM_NORMALS
    second = int(luck)
    luck -= second
    if port.has_level == 0:
        port.has_level = 1
        port.fast, port.slow = normal[first], normal[second]
    else:
        port.load /= 1 + gap / curve.load_ticks
        kept = _kept(gap / curve.fast_ticks)
        port.fast = kept * port.fast + np.sqrt(1 - kept * kept) * normal[first]
        kept = _kept(gap / curve.slow_ticks)
        port.slow = kept * port.slow + np.sqrt(1 - kept * kept) * normal[second]
    row = 0
    while row < NUM_LOADS - 1 and curve.load_edges[row] <= port.load:
        row += 1
    port.load += tx
    level = np.sqrt(curve.fast_share) * port.fast + np.sqrt(1 - curve.fast_share) * port.slow
    place = min(max((level + MAX_LEVEL) / LEVEL_STEP, 0.0), NUM_LEVELS - 1.001)
    column = int(place)
    part = place - column
    chance = curve.drop[row, column] * (1 - part) + curve.drop[row, column + 1] * part
    since = arrive - port.dropped_ticks
    if port.has_dropped == 1 and since < DROP_MEMORY * curve.load_ticks:
        recent = 0
        while recent < NUM_GAPS - 1 and curve.gap_edges[recent] <= since:
            recent += 1
        chance = max(chance, curve.drop_again[recent])
    if luck < chance:
        port.has_dropped, port.dropped_ticks = 1, arrive
        return -1, False
    curve_wait = curve.wait_ticks[row, column] * (1 - part)
    wait = int(curve_wait + curve.wait_ticks[row, column + 1] * part)
    wait = _queue(port, arrive, wait, tx)
    chance = curve.mark[row, column] * (1 - part) + curve.mark[row, column + 1] * part
    return wait, chance > 0 and next_uniform(random) < chance


@register_jitable
def _kept(ages: float) -> float:
    """What is left of a number that is forgotten: ``exp(-ages)``, or nearly so.

    It has the same bits on all machines, and takes a tenth of the time.
    """
    left = max(1 - ages / 16, 0.0)
    left *= left
    left *= left
    left *= left
    return left * left


@register_jitable
def _queue(port: Any, arrive: int, wait: int, tx: int) -> int:
    """Puts a packet among those that the port remembers, behind all that had come before it."""
    count = port.num_past
    place = count
    while place > 0 and port.arrive[place - 1] > arrive:
        place -= 1
    busy = port.busy[place - 1] if place > 0 else port.busy_before
    wait = max(busy - arrive, wait)
    busy = arrive + wait + tx
    if count < _PAST:
        for index in range(count, place, -1):
            port.arrive[index] = port.arrive[index - 1]
            port.busy[index] = port.busy[index - 1]
        port.num_past = count + 1
        port.arrive[place], port.busy[place] = arrive, busy
    elif place > 0:
        port.busy_before = port.busy[0]
        place -= 1
        for index in range(place):
            port.arrive[index] = port.arrive[index + 1]
            port.busy[index] = port.busy[index + 1]
        port.arrive[place], port.busy[place] = arrive, busy
    else:
        port.busy_before = busy
    for index in range(place, port.num_past):
        port.busy[index] = max(port.busy[index], busy)
    return wait


@link_step
def wait_at_ports(now, group, direction, next_link, exit_link, kind, flow, size, link, context):
    """Waits at the core port before the pod or the host's, and at both ports of the pod."""
    random = context_array(context, 1, np.uint64)
    ports = context_array(context, 2, PORT_STATE)
    curves = context_array(context, 3, PORT_CURVE)
    normal = context_array(context, 4, np.float64)
    links = context_array(context, 5, LINK_TIMES)
    is_ack = 1 if kind > 0 else 0
    arrive = now
    marked = False
    for stage in range(3):
        at = link if stage == 0 else (next_link if stage == 1 else exit_link)
        curve = curves[NUM_KINDS * (3 * direction + stage) + is_ack]
        times = links[at]
        tx = int(size * times.byte_ticks)
        if curve.is_fitted == 1:
            port = ports[2 * at + is_ack * times.ack_lane]
            wait, is_marked = wait_at_port(port, curve, arrive, tx, normal, random)
            if wait < 0:
                return DROP
            marked |= is_marked
            arrive += wait
        if stage == 1:
            arrive += tx + times.delay_ticks
    return comes_out(arrive - now, marked)
