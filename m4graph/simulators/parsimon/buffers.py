"""Queues that would not fit: what a link by itself cannot know of its switch's buffer."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from m4graph.scenario import Scenario
from m4graph.scenario.cautions import Caution
from m4graph.scenario.headroom import switch_headroom_bytes


def warn_of_full_buffers(scenario: Scenario, most_queued_bytes: NDArray[np.int64]) -> None:
    """Warns if a queue is longer than what its switch's buffer lets it be before pauses or drops.

    The dynamic threshold is ``alpha`` times what is free: a queue that is alone, and has come over
    one port, reaches it at ``alpha / (1 + alpha)`` of the pool.

    Args:
        scenario (Scenario): What was simulated.
        most_queued_bytes (np.ndarray): The longest queue of each link, int64 ``[num_links]``.
    """
    arrays, config = scenario.arrays, scenario.config
    pool_bytes = config.buffer_bytes - switch_headroom_bytes(arrays, config)[arrays.link_src]
    limit_bytes = pool_bytes * config.buffer_alpha / (1 + config.buffer_alpha)
    full = np.flatnonzero(most_queued_bytes > limit_bytes)
    if config.queue.kind != "shared" or len(full) == 0:
        return
    worst = int(full[np.argmax(most_queued_bytes[full])])
    warnings.warn(
        f"parsimon: pauses and drops are not modelled, but {len(full)} of {arrays.num_links} links "
        f"have queues that would cause them (link {arrays.link_src[worst]}-{arrays.link_dst[worst]}"
        f": {most_queued_bytes[worst]} bytes, where {int(limit_bytes[worst])} are allowed)",
        Caution,
        stacklevel=2,
    )
