"""Steps of the models that draw whole crossings of a pod."""

from __future__ import annotations

import numpy as np

from m4graph.mimic.models.crossings import CROSSING
from m4graph.mimic.models.paths import PATH, PATH_TIMES, in_order, path_of
from m4graph.mimic.models.random import next_uniform
from m4graph.simulators.packet.link_hook import DROP, comes_out, context_array, link_step

NUM_CLASSES = 33
"""Of a chain: of drops, class 0, and of latencies, as many packets in each class."""


@link_step
def draws(now, group, direction, next_link, exit_link, kind, flow, size, link, context):
    """A crossing of the stream, drawn at random."""
    first = context_array(context, 4, np.int64)
    known = context_array(context, 5, CROSSING)
    stream = 2 * direction + (1 if kind > 0 else 0)
    count = first[stream + 1] - first[stream]
    drawn = known[first[stream] + int(next_uniform(context_array(context, 1, np.uint64)) * count)]
    if drawn.latency_ticks < 0:
        return DROP
    return comes_out(drawn.latency_ticks, drawn.marked == 1)


@link_step
def draws_in_order(now, group, direction, next_link, exit_link, kind, flow, size, link, context):
    """The same, but behind the packet before on the path."""
    local = context_array(context, 0, np.int64)
    paths = context_array(context, 2, PATH)
    times = context_array(context, 3, PATH_TIMES)[0]
    first = context_array(context, 4, np.int64)
    known = context_array(context, 5, CROSSING)
    stream = 2 * direction + (1 if kind > 0 else 0)
    count = first[stream + 1] - first[stream]
    drawn = known[first[stream] + int(next_uniform(context_array(context, 1, np.uint64)) * count)]
    if drawn.latency_ticks < 0:
        return DROP
    path = paths[path_of(times, local, group, direction, link, exit_link)]
    return comes_out(in_order(path, times, now, drawn.latency_ticks, size), drawn.marked == 1)


@link_step
def follows(now, group, direction, next_link, exit_link, kind, flow, size, link, context):
    """A class of latency by that of the packet before on the path."""
    local = context_array(context, 0, np.int64)
    random = context_array(context, 1, np.uint64)
    paths = context_array(context, 2, PATH)
    times = context_array(context, 3, PATH_TIMES)[0]
    latency_ticks = context_array(context, 4, np.float64)
    mark = context_array(context, 5, np.float64)
    chance = context_array(context, 6, np.float64)
    path = paths[path_of(times, local, group, direction, link, exit_link)]
    row = NUM_CLASSES * (2 * direction + (1 if kind > 0 else 0))
    first = (row + path.last) * NUM_CLASSES
    luck = next_uniform(random)
    chosen = 0
    while chosen < NUM_CLASSES - 1 and chance[first + chosen] <= luck:
        chosen += 1
    path.last = chosen
    if chosen == 0:
        return DROP
    latency = in_order(path, times, now, int(latency_ticks[row + chosen]), size)
    return comes_out(latency, next_uniform(random) < mark[row + chosen])
