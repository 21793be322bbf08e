"""The three-tier fabric of pods and spine planes."""

from __future__ import annotations

import networkx as nx

from m4graph.core.calls import plain_call
from m4graph.core.checks import check_count
from m4graph.topology.build import NetworkBuilder, check_rate


@plain_call
def clos(
    pods: int,
    racks: int,
    hosts: int,
    planes: int,
    spines: int,
    host_gbps: float = 10,
    fabric_gbps: float = 40,
    delay_ns: int = 1000,
) -> nx.Graph:
    """Makes a folded Clos network in the manner of `Meta's data-centre fabric
    <https://engineering.fb.com/2014/11/14/production-engineering/introducing-data-center-fabric-the-next-generation-facebook-data-center-network/>`_.

    A pod has one fabric switch for each plane, with a cable to every rack of the pod and to every
    spine of the plane. Hosts are numbered pod by pod and rack by rack; after them the top-of-rack
    switches, the fabric switches (tier ``agg``) pod by pod, and the spines (tier ``core``) plane
    by plane. The oversubscription at the spines is ``racks / spines`` to 1.

    Args:
        pods (int): Number of pods.
        racks (int): Number of racks in a pod.
        hosts (int): Number of hosts in a rack.
        planes (int): Number of spine planes, which is the number of fabric switches in a pod.
        spines (int): Number of spines in a plane.
        host_gbps (float, optional): Rate between host and switch. (default: ``10``)
        fabric_gbps (float, optional): Rate between switches. (default: ``40``)
        delay_ns (int, optional): Propagation delay of every cable. (default: ``1000``)

    Raises:
        KeyProblem: If a parameter is out of its range.
    """
    counts = {"pods": pods, "racks": racks, "hosts": hosts, "planes": planes, "spines": spines}
    for name, count in counts.items():
        check_count(name, count)
    host_bps = check_rate("host_gbps", host_gbps)
    fabric_bps = check_rate("fabric_gbps", fabric_gbps)
    builder = NetworkBuilder("clos", delay_ns)
    builder.add_hosts(host // hosts for host in range(pods * racks * hosts))
    tors = builder.add_switches("tor", pods * racks, per_pod=racks)
    aggs = builder.add_switches("agg", pods * planes, per_pod=planes)
    cores = builder.add_switches("core", planes * spines)
    builder.connect_hosts(tors, host_bps)
    builder.connect(
        (
            (tor, aggs[index // racks * planes + plane])
            for index, tor in enumerate(tors)
            for plane in range(planes)
        ),
        fabric_bps,
    )
    builder.connect(
        (
            (agg, cores[index % planes * spines + spine])
            for index, agg in enumerate(aggs)
            for spine in range(spines)
        ),
        fabric_bps,
    )
    return builder.finish()
