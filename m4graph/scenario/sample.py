"""The smallest scenario, for warming up."""

from __future__ import annotations

from typing import Any

import numpy as np

from m4graph import topology
from m4graph.scenario import Scenario
from m4graph.workload import Workload


def sample_scenario(congestion_control: str = "dctcp", **options: Any) -> Scenario:
    """Two hosts that send one packet each to a third, at the same moment.

    Args:
        congestion_control (str): The name of an algorithm. (default: ``"dctcp"``)
        **options: Further arguments of the scenario.
    """
    src, dst = np.array([0, 1]), np.array([2, 2])
    workload = Workload.from_arrays(src, src, dst, np.full(2, 1000), np.zeros(2, np.int64))
    return Scenario(topology.star(num_hosts=3), workload, congestion_control, **options)
