"""Traces of a pod's borders that are drawn, not simulated: queues that fill and empty by chance."""

from __future__ import annotations

import numpy as np

from m4graph.mimic.border_rows import BORDER_ROW
from m4graph.mimic.boundary import BoundaryTrace
from m4graph.mimic.shape import PodShape

SHAPE = PodShape(
    racks=2, hosts=4, aggs=2, spines=2,
    host_rate_bps=10**8, rack_rate_bps=10**8, agg_rate_bps=10**8,
    host_delay_ns=500_000, rack_delay_ns=500_000, agg_delay_ns=500_000,
)  # fmt: skip


def drawn_trace(num_packets: int = 4000, seed: int = 0, num_flows: int = 60) -> BoundaryTrace:
    """Packets of both directions; the more of them come at once, the later they go."""
    rng = np.random.default_rng(seed)
    rows = np.zeros(num_packets, BORDER_ROW)
    gaps = rng.exponential(30_000, num_packets) * np.where(rng.random(num_packets) < 0.1, 20, 0.5)
    rows["enter_ticks"] = np.cumsum(gaps.astype(np.int64) + 1)
    rows["flow"] = rng.integers(num_flows, size=num_packets)
    rows["kind"] = rng.random(num_packets) < 0.5
    rows["wire_bytes"] = np.where(rows["kind"] == 1, 60, 1518)
    rows["direction"] = rng.integers(2, size=num_packets)
    rows["host"] = rng.integers(SHAPE.racks * SHAPE.hosts, size=num_packets)
    rows["agg"] = rng.integers(SHAPE.aggs, size=num_packets)
    rows["spine"] = rng.integers(SHAPE.spines, size=num_packets)
    queue = np.zeros(num_packets)
    for row in range(1, num_packets):
        queue[row] = max(queue[row - 1] - gaps[row], 0) + rng.exponential(28_000)
    wire_ns = 80 * rows["wire_bytes"]
    rows["exit_ticks"] = rows["enter_ticks"] + 500_000 + wire_ns + queue.astype(np.int64)
    rows["dropped"] = rng.random(num_packets) < np.where(queue > 600_000, 0.4, 0.002)
    rows["exit_ticks"][rows["dropped"]] = -1
    rows["middle_ticks"] = -1
    rows["marked_out"] = (queue > 300_000) & (rows["kind"] == 0) & ~rows["dropped"]
    return BoundaryTrace(SHAPE, 1, 2, 1, rows, np.zeros((0, 3), np.int64))
