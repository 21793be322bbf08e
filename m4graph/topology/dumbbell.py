"""Two switches with one cable between them."""

from __future__ import annotations

import networkx as nx

from m4graph.core.calls import plain_call
from m4graph.core.checks import check_count
from m4graph.topology.build import NetworkBuilder, check_rate


@plain_call
def dumbbell(
    num_left: int,
    num_right: int,
    host_gbps: float = 10,
    bottleneck_gbps: float = 10,
    delay_ns: int = 1000,
) -> nx.Graph:
    """Makes a dumbbell: hosts on two sides that share one cable.

    The left hosts come first, then the right ones, the left switch and the right switch.

    Args:
        num_left (int): Number of hosts on the left.
        num_right (int): Number of hosts on the right.
        host_gbps (float, optional): Rate between host and switch. (default: ``10``)
        bottleneck_gbps (float, optional): Rate between the switches. (default: ``10``)
        delay_ns (int, optional): Propagation delay of every cable. (default: ``1000``)

    Raises:
        KeyProblem: If a parameter is out of its range.
    """
    check_count("num_left", num_left)
    check_count("num_right", num_right)
    host_bps = check_rate("host_gbps", host_gbps)
    bottleneck_bps = check_rate("bottleneck_gbps", bottleneck_gbps)
    builder = NetworkBuilder("dumbbell", delay_ns)
    builder.add_hosts([0] * num_left + [1] * num_right)
    left, right = switches = builder.add_switches("tor", 2)
    builder.connect_hosts(switches, host_bps)
    builder.connect([(left, right)], bottleneck_bps)
    return builder.finish()
