"""The steps of the oracle, for the event loop; their arrays are those of ``Oracle.start``."""

from __future__ import annotations

import numpy as np

from m4graph.simulators.packet.link_hook import (
    DROP,
    LATER,
    comes_out,
    context_array,
    link_step,
    turn_of,
)


@link_step
def comes_out_as_it_did(
    now, group, direction, next_link, exit_link, kind, flow, size, link, context
):
    """A packet of a stream goes out when it did, marked as it was."""
    following = context_array(context, 2, np.int64)
    after = context_array(context, 3, np.int64)
    met = context_array(context, 4, np.int64)
    stream = 2 * flow + (kind > 0)
    place = following[stream]
    following[stream] += 1
    # What had not come out when the run in full was over does not come out here.
    if place >= after[stream] or met[2 * place] < 0:
        return DROP
    return comes_out(max(met[2 * place] - now, 0), met[2 * place + 1] == 1)


@link_step
def sends_as_it_did(now, group, direction, next_link, exit_link, kind, flow, size, link, context):
    """A host sends when it did, of the flow whose turn it was."""
    following = context_array(context, 5, np.int64)
    after = context_array(context, 6, np.int64)
    sent = context_array(context, 7, np.int64)
    place = following[link]
    while place < after[link] and sent[3 * place] < now:
        place += 1
    following[link] = place
    if place == after[link]:
        return 0
    if sent[3 * place] > now:
        return sent[3 * place] - now
    if sent[3 * place + 2] == 1:
        sent[3 * place + 2] = 0
        return LATER
    return 0 if sent[3 * place + 1] < 0 else turn_of(sent[3 * place + 1])
