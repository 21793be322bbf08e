"""The compiled part of routing.

All of it stands in one file: numba's cache looks for changes only in the file of the function that
it caches, not in those of the functions that are called.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from m4graph.core.kernel_cache import cached_njit

_MASK = 0xFFFFFFFF


@cached_njit(nogil=True, inline="always")
def _mixed_in(state: int, word: int) -> int:
    word = (word * 0xCC9E2D51) & _MASK
    word = ((word << 15) | (word >> 17)) & _MASK
    state ^= (word * 0x1B873593) & _MASK
    state = ((state << 13) | (state >> 19)) & _MASK
    return (state * 5 + 0xE6546B64) & _MASK


@cached_njit(nogil=True)
def hash_words(word0: int, word1: int, word2: int, seed: int) -> int:
    """MurmurHash3 (x86, 32 bit) of twelve bytes, given as three little-endian words.

    Words, seed and result are in ``0 .. 2**32 - 1``, held in int64.
    """
    state = _mixed_in(seed, word0)
    state = _mixed_in(state, word1)
    state = _mixed_in(state, word2)
    state ^= 12
    state = ((state ^ (state >> 16)) * 0x85EBCA6B) & _MASK
    state = ((state ^ (state >> 13)) * 0xC2B2AE35) & _MASK
    return state ^ (state >> 16)  # type: ignore[no-any-return]


@cached_njit(nogil=True, inline="always")
def host_address(host: int) -> int:
    """The IPv4 address that ns-3 gives to a node."""
    return (0x0B000001 + ((host >> 8) << 16) + ((host & 0xFF) << 8)) & _MASK


@cached_njit(nogil=True)
def distances_to(
    root: int,
    ptr: NDArray[np.int64],
    neighbour: NDArray[np.int32],
    distance: NDArray[np.int32],
    reached: NDArray[np.int32],
) -> int:
    """Breadth-first search: hops from each switch to the root.

    Args:
        root (int): The switch to reach.
        ptr (numpy.ndarray): As in :class:`~m4graph.routing.fabric.Fabric`.
        neighbour (numpy.ndarray): As in :class:`~m4graph.routing.fabric.Fabric`.
        distance (numpy.ndarray): Output ``[num_switches]``; -1 where there is no way.
        reached (numpy.ndarray): Output ``[num_switches]``: the switches, nearest first.

    Returns:
        int: How many entries of :obj:`reached` are filled.
    """
    distance[:] = -1
    distance[root] = 0
    reached[0] = root
    head, tail = 0, 1
    while head < tail:
        here = reached[head]
        head += 1
        for k in range(ptr[here], ptr[here + 1]):
            there = neighbour[k]
            if distance[there] < 0:
                distance[there] = distance[here] + 1
                reached[tail] = there
                tail += 1
    return tail


@cached_njit(nogil=True, inline="always")
def num_next_hops(
    here: int,
    ptr: NDArray[np.int64],
    neighbour: NDArray[np.int32],
    distance: NDArray[np.int32],
) -> int:
    """Counts the neighbours of a switch that are one hop nearer to the root."""
    count = 0
    for k in range(ptr[here], ptr[here + 1]):
        count += distance[neighbour[k]] == distance[here] - 1
    return count


@cached_njit(nogil=True)
def num_fabric_hops(by_root, src, dst, switch_of_host, ptr, neighbour):  # type: ignore[no-untyped-def]
    """Hops between the two switches of each flow; -1 where there is no way."""
    num_switches = len(ptr) - 1
    distance = np.empty(num_switches, dtype=np.int32)
    reached = np.empty(num_switches, dtype=np.int32)
    num_hops = np.empty(len(src), dtype=np.int64)
    root = -1
    for row in by_root:
        if switch_of_host[dst[row]] != root:
            root = switch_of_host[dst[row]]
            distances_to(root, ptr, neighbour, distance, reached)
        num_hops[row] = distance[switch_of_host[src[row]]]
    return num_hops


@cached_njit(nogil=True)
def choose_links(  # type: ignore[no-untyped-def]
    by_root, src, dst, ports, switch_of_host, ptr, neighbour, link, hash_seed, route_ptr, links
):
    """Fills in the links between switches; ``route_ptr`` and ``links`` are those of the routes."""
    num_switches = len(ptr) - 1
    distance = np.empty(num_switches, dtype=np.int32)
    reached = np.empty(num_switches, dtype=np.int32)
    root = -1
    for row in by_root:
        if switch_of_host[dst[row]] != root:
            root = switch_of_host[dst[row]]
            distances_to(root, ptr, neighbour, distance, reached)
        _follow(
            src[row], dst[row], ports[row], switch_of_host, ptr, neighbour, link, hash_seed,
            distance, links, route_ptr[row] + 1,
        )  # fmt: skip


@cached_njit(nogil=True)
def choose_way(  # type: ignore[no-untyped-def]
    src, dst, port, host_uplink, host_downlink, switch_of_host, ptr, neighbour, link, hash_seed,
    distance,
):  # fmt: skip
    """The links of one flow, those of its hosts included.

    ``distance`` has the hops from each switch to that of the receiver.
    """
    links = np.empty(distance[switch_of_host[src]] + 2, dtype=np.int32)
    links[0] = host_uplink[src]
    links[-1] = host_downlink[dst]
    _follow(
        src, dst, port, switch_of_host, ptr, neighbour, link, hash_seed, distance, links, 1
    )  # fmt: skip
    return links


@cached_njit(nogil=True)
def _follow(  # type: ignore[no-untyped-def]
    src, dst, port, switch_of_host, ptr, neighbour, link, hash_seed, distance, links, hop
):
    """Writes the links between the switches of one flow's hosts, from ``links[hop]`` on."""
    src_address, dst_address = host_address(src), host_address(dst)
    here, root = switch_of_host[src], switch_of_host[dst]
    while here != root:
        choices = num_next_hops(here, ptr, neighbour, distance)
        choice = hash_words(src_address, dst_address, port, hash_seed[here]) % choices
        k = ptr[here]
        while True:
            if distance[neighbour[k]] == distance[here] - 1:
                if choice == 0:
                    break
                choice -= 1
            k += 1
        links[hop] = link[k]
        hop += 1
        here = neighbour[k]


@cached_njit(nogil=True)
def split_evenly(between, edge, ptr, neighbour, link, shares):  # type: ignore[no-untyped-def]
    """Moves what goes to each switch inwards, farthest switches first, and adds it to the links."""
    num_switches = len(ptr) - 1
    distance = np.empty(num_switches, dtype=np.int32)
    reached = np.empty(num_switches, dtype=np.int32)
    passing = np.empty(num_switches)
    for column in range(len(edge)):
        num_reached = distances_to(edge[column], ptr, neighbour, distance, reached)
        passing[:] = 0.0
        for row in range(len(edge)):
            passing[edge[row]] = between[row, column]
        for i in range(num_reached - 1, 0, -1):
            here = reached[i]
            if passing[here] == 0.0:
                continue
            part = passing[here] / num_next_hops(here, ptr, neighbour, distance)
            for k in range(ptr[here], ptr[here + 1]):
                if distance[neighbour[k]] == distance[here] - 1:
                    shares[link[k]] += part
                    passing[neighbour[k]] += part
