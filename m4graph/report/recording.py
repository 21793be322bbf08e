"""What is recorded of a scenario that is simulated for a page."""

from __future__ import annotations

from typing import Any

import numpy as np

from m4graph.core.units import BITS_PER_BYTE, NS_PER_S, NS_PER_US
from m4graph.scenario import Scenario

_SAMPLES = 200
_SHORTEST_US = 1.0


def recording_of(scenario: Scenario) -> dict[str, Any]:
    """A block ``recording`` of all links and flows, with some hundred samples of the run.

    How long it will be is not known: it is at least as long as the flow that ends last alone in
    the network, and as the link that has most to send.
    """
    flows, routes, arrays = scenario.workload, scenario.routes, scenario.arrays
    sent = np.repeat(flows.size_bytes, np.diff(routes.data_ptr))
    volume = np.bincount(routes.data_links, weights=sent, minlength=arrays.num_links)
    busiest_ns = float((volume * BITS_PER_BYTE * NS_PER_S / arrays.link_rate_bps).max(initial=0))
    alone_ns = float((flows.start_ns + scenario.ideal_fct_ns).max(initial=0))
    end_ns = max(busiest_ns, alone_ns)
    if scenario.stop_ns is not None:
        end_ns = min(end_ns, scenario.stop_ns)
    interval_us = max(end_ns / _SAMPLES / NS_PER_US, _SHORTEST_US)
    return {"links": "all", "flows": "all", "interval_us": round(interval_us, 3)}
