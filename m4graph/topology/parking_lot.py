"""A chain of switches."""

from __future__ import annotations

from itertools import pairwise

import networkx as nx

from m4graph.core.calls import plain_call
from m4graph.core.checks import check_count
from m4graph.topology.build import NetworkBuilder, check_rate


@plain_call
def parking_lot(
    num_switches: int,
    hosts_per_switch: int,
    host_gbps: float = 10,
    fabric_gbps: float = 10,
    delay_ns: int = 1000,
) -> nx.Graph:
    """Makes a parking lot: a chain of switches, each with hosts of its own.

    Hosts are numbered switch by switch; after them the switches along the chain.

    Args:
        num_switches (int): Number of switches.
        hosts_per_switch (int): Number of hosts at each switch.
        host_gbps (float, optional): Rate between host and switch. (default: ``10``)
        fabric_gbps (float, optional): Rate between switches. (default: ``10``)
        delay_ns (int, optional): Propagation delay of every cable. (default: ``1000``)

    Raises:
        KeyProblem: If a parameter is out of its range.
    """
    check_count("num_switches", num_switches)
    check_count("hosts_per_switch", hosts_per_switch)
    host_bps = check_rate("host_gbps", host_gbps)
    fabric_bps = check_rate("fabric_gbps", fabric_gbps)
    builder = NetworkBuilder("parking_lot", delay_ns)
    builder.add_hosts(host // hosts_per_switch for host in range(num_switches * hosts_per_switch))
    switches = builder.add_switches("tor", num_switches)
    builder.connect_hosts(switches, host_bps)
    builder.connect(pairwise(switches), fabric_bps)
    return builder.finish()
