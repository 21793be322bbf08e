"""The k-ary fat-tree."""

from __future__ import annotations

import networkx as nx

from m4graph.core.calls import plain_call
from m4graph.core.checks import check_count
from m4graph.core.schema import KeyProblem
from m4graph.topology.clos import clos


@plain_call
def fat_tree(
    k: int, host_gbps: float = 10, fabric_gbps: float = 40, delay_ns: int = 1000
) -> nx.Graph:
    """Makes the fat-tree of `"A Scalable, Commodity Data Center Network Architecture"
    <https://doi.org/10.1145/1402946.1402967>`_: ``k`` pods of ``k / 2`` racks of ``k / 2`` hosts.

    Hosts are numbered pod by pod and rack by rack; after them the edge, the aggregation and the
    core switches. Aggregation switch ``j`` of each pod connects to cores ``j * k / 2`` to
    ``(j + 1) * k / 2 - 1``.

    Args:
        k (int): Ports of a switch; even. There are ``k ** 3 / 4`` hosts.
        host_gbps (float, optional): Rate between host and switch. (default: ``10``)
        fabric_gbps (float, optional): Rate between switches. (default: ``40``)
        delay_ns (int, optional): Propagation delay of every cable. (default: ``1000``)

    Raises:
        KeyProblem: If a parameter is out of its range.
    """
    if check_count("k", k, minimum=2) % 2:
        raise KeyProblem("k", f"expected an even integer of 2 or above (got {k})")
    half = k // 2
    graph = clos(k, half, half, half, half, host_gbps, fabric_gbps, delay_ns)
    graph.graph["name"] = "fat_tree"
    return graph
