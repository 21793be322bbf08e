"""The compiled part of routing.

All of it stands in one file: numba's cache looks for changes only in the file of the function that
it caches, not in those of the functions that are called.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from m4graph.core.kernel_cache import cached_njit
from m4graph.routing.fabric import Fabric

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
    group: int, fabric: Fabric, distance: NDArray[np.int32], reached: NDArray[np.int32]
) -> int:
    """Breadth-first search: hops from each switch to the nearest one of a group of hosts.

    Args:
        group (int): The group of hosts.
        fabric (Fabric): The network.
        distance (numpy.ndarray): Output ``[num_switches]``; -1 where there is no way.
        reached (numpy.ndarray): Output ``[num_switches]``: the switches, nearest first.

    Returns:
        int: How many entries of :obj:`reached` are filled.
    """
    ptr, neighbour = fabric.ptr, fabric.neighbour
    distance[:] = -1
    head, tail = 0, 0
    for k in range(fabric.root_ptr[group], fabric.root_ptr[group + 1]):
        distance[fabric.root[k]] = 0
        reached[tail] = fabric.root[k]
        tail += 1
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
def _nic_hops(fabric, nic, dst, distance):  # type: ignore[no-untyped-def]
    """Links behind a host's cable to another host: 0 if it ends there, -1 if it leads nowhere."""
    end = fabric.nic_end[nic]
    if end < 0:
        return 0 if end == dst - len(fabric.nic_ptr) + 1 else -1
    return -1 if distance[end] < 0 else distance[end] + 1


@cached_njit(nogil=True)
def num_hops(src: int, dst: int, fabric: Fabric, distance: NDArray[np.int32]) -> int:
    """Links of a shortest way between two hosts; 0 if there is none.

    ``distance`` is that of the group of the second one.
    """
    nearest = -1
    for nic in range(fabric.nic_ptr[src], fabric.nic_ptr[src + 1]):
        hops = _nic_hops(fabric, nic, dst, distance)
        if hops >= 0 and (nearest < 0 or hops < nearest):
            nearest = hops
    return nearest + 1


@cached_njit(nogil=True)
def nics_towards(  # type: ignore[no-untyped-def]
    src, dst, fabric, distance, hops, chosen
):
    """The cables of a host that begin a way of so many links, in their order; gives their number.

    If some lead to preferred switches, only these.
    """
    count = 0
    only_preferred = False
    for nic in range(fabric.nic_ptr[src], fabric.nic_ptr[src + 1]):
        if _nic_hops(fabric, nic, dst, distance) != hops - 1:
            continue
        is_preferred = fabric.nic_end[nic] >= 0 and fabric.is_preferred[fabric.nic_end[nic]]
        if is_preferred and not only_preferred:
            only_preferred = True
            count = 0
        if is_preferred == only_preferred:
            chosen[count] = nic
            count += 1
    return count


@cached_njit(nogil=True)
def num_next_hops(here: int, fabric: Fabric, distance: NDArray[np.int32]) -> tuple[int, bool]:
    """Counts the cables of a switch to neighbours that are one hop nearer to the hosts.

    Returns:
        tuple: Their number, and whether they are those to preferred switches only.
    """
    count, preferred = 0, 0
    for k in range(fabric.ptr[here], fabric.ptr[here + 1]):
        if distance[fabric.neighbour[k]] == distance[here] - 1:
            count += 1
            preferred += fabric.is_preferred[fabric.neighbour[k]]
    return (preferred, True) if preferred > 0 else (count, False)


@cached_njit(nogil=True, inline="always")
def is_next_hop(  # type: ignore[no-untyped-def]
    here, k, only_preferred, fabric, distance
):
    """Whether entry ``k`` of a switch's neighbours is among those of :func:`num_next_hops`."""
    there = fabric.neighbour[k]
    nearer = distance[there] == distance[here] - 1
    return nearer and (fabric.is_preferred[there] or not only_preferred)


@cached_njit(nogil=True)
def route_lengths(by_group, src, dst, fabric):  # type: ignore[no-untyped-def]
    """Links of a shortest way of each flow; 0 where there is none."""
    num_switches = len(fabric.ptr) - 1
    distance = np.empty(num_switches, dtype=np.int32)
    reached = np.empty(num_switches, dtype=np.int32)
    length = np.empty(len(src), dtype=np.int64)
    group = -1
    for row in by_group:
        if fabric.group_of_host[dst[row]] != group:
            group = fabric.group_of_host[dst[row]]
            distances_to(group, fabric, distance, reached)
        length[row] = num_hops(src[row], dst[row], fabric, distance)
    return length


@cached_njit(nogil=True)
def choose_links(  # type: ignore[no-untyped-def]
    by_group, src, dst, ports, nic_number, fabric, hash_seed, route_ptr, links
):
    """Fills in the links of all flows; ``route_ptr`` and ``links`` are those of the routes."""
    num_switches = len(fabric.ptr) - 1
    distance = np.empty(num_switches, dtype=np.int32)
    reached = np.empty(num_switches, dtype=np.int32)
    chosen = np.empty(_most_nics(fabric), dtype=np.int64)
    group = -1
    for row in by_group:
        if fabric.group_of_host[dst[row]] != group:
            group = fabric.group_of_host[dst[row]]
            distances_to(group, fabric, distance, reached)
        _follow(
            src[row], dst[row], ports[row], nic_number[row], fabric, hash_seed, distance, chosen,
            links[route_ptr[row] : route_ptr[row + 1]],
        )  # fmt: skip


@cached_njit(nogil=True)
def choose_way(  # type: ignore[no-untyped-def]
    src, dst, ports, nic_number, fabric, hash_seed, distance
):
    """The links of one flow; none if there is no way.

    ``distance`` has the hops from each switch to those of the receiver.
    """
    links = np.empty(num_hops(src, dst, fabric, distance), dtype=np.int32)
    if len(links):
        chosen = np.empty(fabric.nic_ptr[src + 1] - fabric.nic_ptr[src], dtype=np.int64)
        _follow(src, dst, ports, nic_number, fabric, hash_seed, distance, chosen, links)
    return links


@cached_njit(nogil=True)
def _most_nics(fabric):  # type: ignore[no-untyped-def]
    most = 0
    for host in range(len(fabric.nic_ptr) - 1):
        most = max(most, fabric.nic_ptr[host + 1] - fabric.nic_ptr[host])
    return most


@cached_njit(nogil=True)
def _follow(  # type: ignore[no-untyped-def]
    src, dst, ports, nic_number, fabric, hash_seed, distance, chosen, links
):
    """Writes the links of one flow's way.

    A host takes the NIC of the number given, by ascending id of the other end, or the one that the
    hash gives if that is below 0.
    """
    num_hosts = len(fabric.nic_ptr) - 1
    src_address, dst_address = host_address(src), host_address(dst)
    count = nics_towards(src, dst, fabric, distance, len(links), chosen)
    if nic_number >= 0:
        choice = count - 1 - nic_number % count
    else:
        choice = hash_words(src_address, dst_address, ports, hash_seed[src]) % count
    links[0] = fabric.nic_link[chosen[choice]]
    here = fabric.nic_end[chosen[choice]]
    hop = 1
    while hop + 1 < len(links):
        count, only_preferred = num_next_hops(here, fabric, distance)
        choice = hash_words(src_address, dst_address, ports, hash_seed[num_hosts + here]) % count
        k = fabric.ptr[here]
        while True:
            if is_next_hop(here, k, only_preferred, fabric, distance):
                if choice == 0:
                    break
                choice -= 1
            k += 1
        links[hop] = fabric.link[k]
        hop += 1
        here = fabric.neighbour[k]
    if hop < len(links):
        seed = hash_seed[num_hosts + here]
        links[hop] = _last_link(
            here, dst, hash_words(src_address, dst_address, ports, seed), fabric
        )


@cached_njit(nogil=True)
def _last_link(here, dst, hashed, fabric):  # type: ignore[no-untyped-def]
    """The link from a switch to a host that hangs on it; by hash, if there are parallel cables."""
    count = 0
    for nic in range(fabric.nic_ptr[dst], fabric.nic_ptr[dst + 1]):
        count += fabric.nic_end[nic] == here
    choice = hashed % count
    nic = fabric.nic_ptr[dst]
    while True:
        if fabric.nic_end[nic] == here:
            if choice == 0:
                break
            choice -= 1
        nic += 1
    return fabric.nic_link[nic] ^ 1


@cached_njit(nogil=True)
def split_evenly(between, fabric, shares):  # type: ignore[no-untyped-def]
    """Moves what goes to each group inwards, farthest switches first, and adds it to the links.

    Each host has one cable, so that a group of hosts hangs on one switch.
    """
    num_switches = len(fabric.ptr) - 1
    distance = np.empty(num_switches, dtype=np.int32)
    reached = np.empty(num_switches, dtype=np.int32)
    passing = np.empty(num_switches)
    for column in range(len(between)):
        num_reached = distances_to(column, fabric, distance, reached)
        passing[:] = 0.0
        for row in range(len(between)):
            passing[fabric.root[row]] = between[row, column]
        for i in range(num_reached - 1, 0, -1):
            here = reached[i]
            if passing[here] == 0.0:
                continue
            count, only_preferred = num_next_hops(here, fabric, distance)
            part = passing[here] / count
            for k in range(fabric.ptr[here], fabric.ptr[here + 1]):
                if is_next_hop(here, k, only_preferred, fabric, distance):
                    shares[fabric.link[k]] += part
                    passing[fabric.neighbour[k]] += part
