"""Which hosts stand in the same rack."""

from __future__ import annotations

import networkx as nx
import numpy as np

from m4graph.core.calls import plain_call
from m4graph.core.errors import TopologyError
from m4graph.core.integers import is_integer
from m4graph.topology.arrays import NetworkArrays
from m4graph.topology.validation import validate


@plain_call
def racks(graph: nx.Graph, arrays: NetworkArrays | None = None) -> np.ndarray:
    """Gives the rack of each host.

    It is the host's attribute ``rack``. Where no host has one, hosts at the same switch share a
    rack, and racks are numbered from 0 in the order of these switches' ids.

    Args:
        graph (networkx.Graph): The network.
        arrays (NetworkArrays, optional): Its arrays, if it has been validated. (default: ``None``)

    Shapes:
        - output: int32 ``[num_hosts]``, 0 or above

    Raises:
        TopologyError: If the network is not valid, if only some hosts have a ``rack``, or if a
            rack is no integer of 0 or above.
    """
    network = validate(graph if arrays is None else arrays)
    given = [graph.nodes[host].get("rack") for host in range(network.num_hosts)]
    if all(rack is None for rack in given):
        switch = network.link_dst[network.host_uplink]
        return np.unique(switch, return_inverse=True)[1].astype(np.int32)
    for host, rack in enumerate(given):
        if not is_integer(rack) or not 0 <= rack < 2**31:
            raise TopologyError(
                f"host {host}: expected a rack, an integer of 0 or above, as other hosts have one "
                f"(got {rack!r})"
            )
    return np.array(given, dtype=np.int32)
