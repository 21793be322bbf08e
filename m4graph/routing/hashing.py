"""Ports and hash seeds of ECMP (docs/packet-model.md, ECMP)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from m4graph.core.checks import check_count
from m4graph.routing.kernels import hash_words

DESTINATION_PORT = 100
"""UDP destination port of every flow."""

FIRST_SOURCE_PORT = 10000
"""UDP source port of the first flow between two hosts."""

NIC_HASH_SEED = 0x8BADF00D
"""Seed of ns-3's general hash, with which a host chooses among its NICs."""

_MASK = 0xFFFFFFFF


def hash_seeds(num_hosts: int, num_nodes: int, seed: int) -> NDArray[np.int64]:
    """Gives each node the seed of its hash: with seed 0, as in ns-3, a switch its id, and all hosts
    :data:`NIC_HASH_SEED`.

    Args:
        num_hosts (int): Number of hosts, which come first.
        num_nodes (int): Number of nodes.
        seed (int): The routing seed, in ``0 .. 2**64 - 1``; any but 0 is hashed with the id.

    Returns:
        numpy.ndarray: int64 ``[num_nodes]``, in ``0 .. 2**32 - 1``.

    Raises:
        KeyProblem: If the seed is out of range.
    """
    seed = check_count("routing.seed", seed, 0, 2**64 - 1)
    own = np.arange(num_nodes, dtype=np.int64)
    own[:num_hosts] = NIC_HASH_SEED
    if seed == 0:
        return own
    low, high = int(seed) & _MASK, int(seed) >> 32
    return np.array([hash_words(node, low, high, 0) for node in own.tolist()], dtype=np.int64)
