"""The hash and the distances against plain Python."""

from __future__ import annotations

import struct

import networkx as nx
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from m4graph import topology
from m4graph.routing.fabric import Fabric
from m4graph.routing.kernels import distances_to, hash_words, host_address

WORD = st.integers(0, 2**32 - 1)


def murmur3(data: bytes, seed: int) -> int:
    """MurmurHash3 x86 32 bit, from its public definition, for any number of bytes."""

    def rotated(value: int, bits: int) -> int:
        return (value << bits | value >> (32 - bits)) % 2**32

    state, whole = seed, len(data) // 4 * 4
    for (word,) in struct.iter_unpack("<I", data[:whole]):
        state ^= rotated(word * 0xCC9E2D51 % 2**32, 15) * 0x1B873593 % 2**32
        state = (rotated(state, 13) * 5 + 0xE6546B64) % 2**32
    rest = int.from_bytes(data[whole:], "little")
    state ^= rotated(rest * 0xCC9E2D51 % 2**32, 15) * 0x1B873593 % 2**32
    state ^= len(data)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
        state = (state ^ state >> shift) * factor % 2**32
    return state


def test_oracle_gives_published_values():
    assert murmur3(b"", 1) == 0x514E28B7
    assert murmur3(b"\xff\xff\xff\xff", 0) == 0x76293B50
    assert murmur3(b"Hello, world!", 1234) == 0xFAF6CDB3


@given(WORD, WORD, WORD, WORD)
def test_hash_is_murmur3(word0, word1, word2, seed):
    expected = murmur3(struct.pack("<III", word0, word1, word2), seed)
    assert hash_words(word0, word1, word2, seed) == expected


def test_host_address_counts_in_the_middle_bytes():
    assert [host_address(n) for n in (0, 1, 255, 256, 6143)] == [
        0x0B000001,
        0x0B000101,
        0x0B00FF01,
        0x0B010001,
        0x0B17FF01,
    ]


def test_distances_are_those_of_networkx():
    network = topology.fat_tree(k=4, host_gbps=10, fabric_gbps=10, delay_ns=1000)
    arrays = topology.validate(network)
    fabric = Fabric.of(arrays)
    switches = network.subgraph(range(arrays.num_hosts, arrays.num_nodes))
    distance = np.empty(fabric.num_switches, dtype=np.int32)
    reached = np.empty(fabric.num_switches, dtype=np.int32)
    for host in (0, 7, arrays.num_hosts - 1):
        group = fabric.group_of_host[host]
        root = int(fabric.root[fabric.root_ptr[group]])
        count = distances_to(group, fabric, distance, reached)
        assert root + arrays.num_hosts == arrays.link_dst[arrays.host_uplink[host]]
        expected = nx.single_source_shortest_path_length(switches, root + arrays.num_hosts)
        assert count == len(expected)
        assert distance.tolist() == [expected[s + arrays.num_hosts] for s in range(count)]
        assert (np.diff(distance[reached]) >= 0).all()
        assert sorted(reached.tolist()) == list(range(count))


def test_neighbours_are_in_descending_order():
    fabric = Fabric.of(topology.validate(topology.fat_tree(4, 10, 10, 1000)))
    for switch in range(fabric.num_switches):
        neighbours = fabric.neighbour[fabric.ptr[switch] : fabric.ptr[switch + 1]]
        assert (np.diff(neighbours) < 0).all()
