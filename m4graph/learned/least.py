"""What flows take at least, whatever a model says: alone, with their headers and windows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from m4graph.routing import Routes
from m4graph.scenario import Scenario
from m4graph.scenario.ideal import Flows
from m4graph.scenario.windows import growing_window_fct_ns, windowed_fct_ns


def least_fct_ns(scenario: Scenario, flows: Flows, routes: Routes) -> NDArray[np.int64]:
    """Least FCTs, as :func:`~m4graph.scenario.windows.windowed_fct_ns` has them, or where windows
    grow from a first one, :func:`~m4graph.scenario.windows.growing_window_fct_ns`.

    Args:
        scenario (Scenario): Tells network and window; its workload does not matter.
        flows (Flows): The flows.
        routes (Routes): Their routes.

    Shapes:
        - output int64 ``[num_flows]``
    """
    control, config = scenario.congestion_control, scenario.config
    where, window_bytes = (scenario.arrays, flows, routes), control.largest_window_bytes
    packets = config.payload_bytes, config.ticks_per_ns, control.header_bytes
    if control.slow_start_bytes is None:
        return windowed_fct_ns(*where, window_bytes, *packets)
    return growing_window_fct_ns(*where, control.slow_start_bytes, window_bytes, *packets)
