"""The time of a collective on idle links, if all steps are equally long for all ranks."""

from __future__ import annotations

import numpy as np

from m4graph.estimate.maxmin.volumes import volumes_and_latencies
from m4graph.jobs.placement import Placement
from m4graph.scenario import Scenario
from m4graph.scenario.ideal import ideal_fct_ns

STEPWISE = ("ring", "direct", "nvls")
"""Algorithms whose ranks take their steps together."""


def has_closed_form(placement: Placement) -> bool:
    """Whether :func:`closed_form_ns` holds: in a server, by steps, in one chunk."""
    collective = placement.collective
    return placement.is_in_servers and collective.algorithm in STEPWISE and collective.chunks == 1


def closed_form_ns(scenario: Scenario, placement: Placement, latency_ns: int) -> int:
    r"""The sum over steps of the time of the busiest link.

    .. math::
        \sum_t \Big( L + \max_f \ell_f + \max_l \frac{\sum_{f \ni l} V_f}{r_l} \Big)

    with the volumes :math:`V` and latencies :math:`\ell` of the step's flows as the fluid simulator
    has them, the rates :math:`r` of links, and the latency :math:`L` before each flow.

    Args:
        scenario (Scenario): Tells the network and the packets.
        placement (Placement): The flows and their routes.
        latency_ns (int): Before each flow.
    """
    arrays, config = scenario.arrays, scenario.config
    flows, routes = placement.flows, placement.routes
    ideal = ideal_fct_ns(arrays, flows, routes, config.payload_bytes, config.ticks_per_ns)
    volume, latency = volumes_and_latencies(
        arrays, flows.size_bytes, ideal, routes.data_ptr, routes.data_links, config.payload_bytes
    )
    hops = np.diff(routes.data_ptr)
    num_steps = int(flows.step.max()) + 1
    load, inverse = np.unique(
        np.repeat(flows.step.astype(np.int64), hops) * arrays.num_links + routes.data_links,
        return_inverse=True,
    )
    rate = arrays.link_rate_bps[load % arrays.num_links] / 8e9
    drain = np.bincount(inverse, weights=np.repeat(volume, hops)) / rate
    longest, drained = np.zeros(num_steps), np.zeros(num_steps)
    np.maximum.at(longest, flows.step, latency + placement.ack_ns)
    np.maximum.at(drained, load // arrays.num_links, drain)
    return int(np.rint(longest + drained).sum()) + num_steps * latency_ns
