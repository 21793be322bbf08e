"""The step of a mimic without traffic; its arrays are those of ``Constant.start``."""

from __future__ import annotations

import numpy as np

from m4graph.simulators.packet.link_hook import comes_out, context_array, link_step


@link_step
def crosses_alone(now, group, direction, next_link, exit_link, kind, flow, size, link, context):
    """A packet goes on to the second switch, behind those that came to its link before."""
    cable = context_array(context, 2, np.int64)
    free_ticks = context_array(context, 3, np.int64)
    start = max(now, free_ticks[next_link])
    free_ticks[next_link] = start + size * cable[0] // cable[1]
    return comes_out(free_ticks[next_link] + cable[2] - now, False)
