"""The recurrent model as a step of the event loop."""

from __future__ import annotations

import numpy as np

from m4graph.mimic.border_rows import INGRESS
from m4graph.mimic.feature_layout import FEATURE_SPEC, TRACK
from m4graph.mimic.feeder_layout import FEEDER_CLOCK, FEEDER_LAW, PLACES
from m4graph.mimic.models.recurrent.rollout import LOST, PLAN, Rollout, answer
from m4graph.simulators.packet.link_hook import DROP, context_array, link_step


@link_step
def recurrent_step(now, group, direction, next_link, exit_link, kind, flow, size, link, context):
    """Asks :func:`~.rollout.answer`; the arrays are those of a :class:`~.rollout.Rollout`."""
    local = context_array(context, 0, np.int64)
    plan = context_array(context, 2, PLAN)
    layers, width = plan[0].num_layers, plan[0].width
    num_hosts, num_ports = plan[0].num_hosts, plan[0].num_ports
    specs = context_array(context, 3, FEATURE_SPEC)
    columns = PLACES + specs[0].racks + specs[0].hosts + specs[0].aggs + specs[0].spines
    tracks = context_array(context, 7, TRACK)
    rows = len(tracks)
    r = Rollout(
        plan,
        specs,
        context_array(context, 4, np.float32).reshape((2, -1)),
        context_array(context, 5, FEEDER_LAW),
        context_array(context, 6, np.float32).reshape((rows, plan[0].num_slots, columns)),
        context_array(context, 1, np.uint64),
        tracks,
        context_array(context, 8, FEEDER_CLOCK),
        context_array(context, 9, np.float32).reshape((rows, layers, 2, width)),
        context_array(context, 10, np.int64).reshape((rows, num_hosts, num_ports)),
        context_array(context, 11, np.float32),
        context_array(context, 12, np.float32).reshape((1, 4 * width)),
        context_array(context, 13, np.float32),
    )
    if direction == INGRESS:
        host, port = local[exit_link], local[link]
    else:
        host, port = local[link], local[exit_link]
    given = answer(r, now, group, direction, host, port, size)
    return DROP if given == LOST else given
