"""Small networks whose numbers are easy to work out: 8 Gb/s is one byte per nanosecond."""

from __future__ import annotations

import numpy as np

import m4graph as m4
from m4graph.workload import Workload

PACKET_BYTES, DELAY_NS, LARGE = 1048, 1000, 100_000
LARGE_WIRE_BYTES = 100 * PACKET_BYTES
LARGE_IDEAL_NS = LARGE_WIRE_BYTES + PACKET_BYTES + 2 * DELAY_NS


def star_scenario(flows, num_hosts=4, ids=None, rates_bps=None):
    """Flows ``(src, dst, size_bytes, start_ns)`` on a star of 8 Gb/s links, or of given rates."""
    network = m4.topology.star(num_hosts=num_hosts, gbps=8, delay_ns=DELAY_NS)
    for host, rate_bps in enumerate([] if rates_bps is None else rates_bps):
        network.edges[host, num_hosts]["rate_bps"] = int(rate_bps)
    src, dst, size_bytes, start_ns = np.array(flows).reshape(-1, 4).T
    flow_ids = np.arange(len(flows)) if ids is None else np.array(ids)
    workload = Workload.from_arrays(flow_ids, src, dst, size_bytes, start_ns)
    return m4.Scenario(network, workload, "dctcp", name="star")
