"""Times and places of a feeder's packets (numba)."""

from __future__ import annotations

import math

import numpy as np

from m4graph.core.kernels import inline_kernel, kernel
from m4graph.mimic.feeder_layout import LOG_NORMAL, PLACES, RATE
from m4graph.mimic.models.random import next_uniform


@inline_kernel
def unit_gap(law, random):
    """A gap of mean 1 by the law of a direction."""
    # Of 1 - u as u may be 0, whose logarithm is not finite.
    u = 1.0 - next_uniform(random)
    if law.gap_law == LOG_NORMAL:
        angle = 2.0 * math.pi * next_uniform(random)
        normal = math.sqrt(-2.0 * math.log(u)) * math.cos(angle)
        return math.exp(law.gap_shape * normal - law.gap_shape**2 / 2)
    return (law.gap_shape - 1.0) * (u ** (-1.0 / law.gap_shape) - 1.0)


@kernel
def next_packet(law, rates, slot_ticks, now, random):
    """When the next packet comes after ``now``: a gap by the law, in a clock that runs at the rate.

    Infinity, if it would come after the last slot.
    """
    left = unit_gap(law, random)
    slot = int(now / slot_ticks)
    while slot < len(rates):
        end = (slot + 1) * slot_ticks
        in_slot = rates[slot, RATE] * (end - now)
        if left < in_slot:
            return now + left / rates[slot, RATE]
        left -= in_slot
        now = float(end)
        slot += 1
    return np.inf


@kernel
def start_clocks(clocks, laws, schedule, slot_ticks, random):
    """Draws the first packet of each pod and direction."""
    for row in range(len(clocks)):
        clocks[row].next_ticks = next_packet(laws[row % 2], schedule[row], slot_ticks, 0.0, random)


@inline_kernel
def draw_place(row, first, size, random):
    """A number below ``size``, by the shares in the columns of a schedule from ``first`` on."""
    left = next_uniform(random)
    for number in range(size - 1):
        left -= row[PLACES + first + number]
        if left < 0:
            return number
    return size - 1
