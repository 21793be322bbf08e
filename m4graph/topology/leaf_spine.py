"""The two-tier leaf-spine network."""

from __future__ import annotations

import networkx as nx

from m4graph.core.calls import plain_call
from m4graph.core.checks import check_count
from m4graph.topology.build import NetworkBuilder, check_rate


@plain_call
def leaf_spine(
    num_leaves: int,
    hosts_per_leaf: int,
    num_spines: int,
    host_gbps: float = 10,
    fabric_gbps: float = 40,
    delay_ns: int = 1000,
) -> nx.Graph:
    """Makes a leaf-spine network: every leaf switch has one cable to every spine switch.

    Hosts are numbered leaf by leaf; after them the leaves (tier ``tor``) and the spines (tier
    ``core``).

    Args:
        num_leaves (int): Number of leaf switches, one for each rack.
        hosts_per_leaf (int): Number of hosts in a rack.
        num_spines (int): Number of spine switches.
        host_gbps (float, optional): Rate between host and leaf. (default: ``10``)
        fabric_gbps (float, optional): Rate between leaf and spine. (default: ``40``)
        delay_ns (int, optional): Propagation delay of every cable. (default: ``1000``)

    Raises:
        KeyProblem: If a parameter is out of its range.
    """
    check_count("num_leaves", num_leaves)
    check_count("hosts_per_leaf", hosts_per_leaf)
    check_count("num_spines", num_spines)
    host_bps = check_rate("host_gbps", host_gbps)
    fabric_bps = check_rate("fabric_gbps", fabric_gbps)
    builder = NetworkBuilder("leaf_spine", delay_ns)
    builder.add_hosts(host // hosts_per_leaf for host in range(num_leaves * hosts_per_leaf))
    leaves = builder.add_switches("tor", num_leaves)
    spines = builder.add_switches("core", num_spines)
    builder.connect_hosts(leaves, host_bps)
    builder.connect(((leaf, spine) for leaf in leaves for spine in spines), fabric_bps)
    return builder.finish()
