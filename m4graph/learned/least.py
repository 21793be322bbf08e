"""What flows take at least, whatever a model says: the ideal FCT, and what the window allows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from m4graph.routing import Routes
from m4graph.scenario import Scenario
from m4graph.scenario.ideal import Flows
from m4graph.scenario.windows import windowed_fct_ns


def least_fct_ns(scenario: Scenario, flows: Flows, routes: Routes) -> NDArray[np.int64]:
    """Least FCTs, as :func:`~m4graph.scenario.windows.windowed_fct_ns` has them.

    Args:
        scenario (Scenario): Tells network and window; its workload does not matter.
        flows (Flows): The flows.
        routes (Routes): Their routes.

    Shapes:
        - output int64 ``[num_flows]``
    """
    return windowed_fct_ns(
        scenario.arrays,
        flows,
        routes,
        scenario.congestion_control.largest_window_bytes,
        scenario.config.payload_bytes,
        scenario.config.ticks_per_ns,
    )
