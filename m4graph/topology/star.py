"""One switch and its hosts."""

from __future__ import annotations

from itertools import repeat

import networkx as nx

from m4graph.core.calls import plain_call
from m4graph.core.checks import check_count
from m4graph.topology.build import NetworkBuilder, check_rate


@plain_call
def star(num_hosts: int, gbps: float = 10, delay_ns: int = 1000) -> nx.Graph:
    """Makes a star: all hosts at one switch, whose id is ``num_hosts``.

    Args:
        num_hosts (int): Number of hosts.
        gbps (float, optional): Rate of every cable. (default: ``10``)
        delay_ns (int, optional): Propagation delay of every cable. (default: ``1000``)

    Raises:
        KeyProblem: If a parameter is out of its range.
    """
    check_count("num_hosts", num_hosts)
    rate_bps = check_rate("gbps", gbps)
    builder = NetworkBuilder("star", delay_ns)
    builder.add_hosts(repeat(0, num_hosts))
    builder.connect_hosts(builder.add_switches("tor", 1), rate_bps)
    return builder.finish()
