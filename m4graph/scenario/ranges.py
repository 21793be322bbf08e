"""How large the numbers of a scenario may be: so that no clock, and no product on the way to one,
leaves 64 bits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from m4graph.core.errors import TopologyError, WorkloadError
from m4graph.core.units import BITS_PER_BYTE, NS_PER_S
from m4graph.topology import NetworkArrays
from m4graph.workload import AnyWorkload, ClosedLoopWorkload

MAX_TIME_NS = 10**15
"""No flow may start later, wait longer, or take longer than this at the slowest link's rate: 11
days. A clock of picoseconds in 64 bits ends after 106."""

MIN_RATE_BPS = 1000
"""No link may be slower: a full packet's time in picoseconds then has 50 bits, as exact division
by way of floating point needs."""


def largest_flow_bytes(arrays: NetworkArrays) -> int:
    """What the slowest link carries in :data:`MAX_TIME_NS`."""
    return MAX_TIME_NS * int(arrays.link_rate_bps.min()) // (BITS_PER_BYTE * NS_PER_S)


def check_ranges(arrays: NetworkArrays, workload: AnyWorkload) -> None:
    """Checks rates, sizes and times; delays, windows and buffers are checked where they stand.

    Raises:
        TopologyError: If a link is too slow.
        WorkloadError: If a flow is too large, or starts or waits too long.
    """
    link = int(np.argmin(arrays.link_rate_bps))
    slowest_bps = int(arrays.link_rate_bps[link])
    if slowest_bps < MIN_RATE_BPS:
        raise TopologyError(
            f"cable {arrays.link_src[link]}-{arrays.link_dst[link]}: expected rate_bps of at "
            f"least {MIN_RATE_BPS} (got {slowest_bps})"
        )
    if isinstance(workload, ClosedLoopWorkload):
        _check(workload, "ready_ns", workload.ready_ns, MAX_TIME_NS)
        _check(workload, "delay_ns", workload.delay_ns, MAX_TIME_NS)
    else:
        _check(workload, "start_ns", workload.start_ns, MAX_TIME_NS)
    why = f", which the slowest link, {slowest_bps} bit/s, carries in {MAX_TIME_NS} ns"
    _check(workload, "bytes", workload.size_bytes, largest_flow_bytes(arrays), why)


def _check(
    workload: AnyWorkload, name: str, values: NDArray[np.int64], most: int, why: str = ""
) -> None:
    large = np.flatnonzero(values > most)
    if len(large):
        row = large[0]
        raise WorkloadError(
            f"flow {workload.id[row]}: expected {name} of at most {most}{why} (got {values[row]})"
        )
