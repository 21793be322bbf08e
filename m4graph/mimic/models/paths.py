"""Paths through a mimic, on which no packet may overtake another."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.extending import register_jitable
from numpy.typing import NDArray

from m4graph.core.units import BITS_PER_BYTE, NS_PER_S
from m4graph.mimic.clusters import Pods

PATH = np.dtype([("free_ticks", "i8"), ("last", "i8")])
"""When the last packet has left, and what a model wants to know of it."""

PATH_TIMES = np.dtype([("num_hosts", "i8"), ("num_uplinks", "i8"), ("byte_ticks", "f8")])


def path_arrays(pods: Pods, ticks_per_ns: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Records of :data:`PATH` for all paths of all pods, both ways; and one of PATH_TIMES."""
    shape = pods.shape
    times = np.zeros(1, PATH_TIMES)
    times["num_hosts"], times["num_uplinks"] = shape.num_hosts, shape.num_uplinks
    slower_bps = min(shape.host_rate_bps, shape.agg_rate_bps)
    times["byte_ticks"] = BITS_PER_BYTE * NS_PER_S * ticks_per_ns / slower_bps
    return np.zeros(pods.num_pods * 2 * shape.num_hosts * shape.num_uplinks, PATH), times


@register_jitable
def path_of(times, local, group, direction, link, exit_link):
    """The path between two links at the borders of a pod, one way."""
    host, uplink = local[link], local[exit_link]
    if direction == 1:
        host, uplink = uplink, host
    return ((2 * group + direction) * times.num_hosts + host) * times.num_uplinks + uplink


@register_jitable
def in_order(path, times, now, latency, size):
    """A latency with which a packet does not overtake the one before it; notes it on the path."""
    out = max(now + latency, path.free_ticks)
    path.free_ticks = out + int(size * times.byte_ticks)
    return out - now
