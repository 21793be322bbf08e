"""The smallest network with something to learn, for warming up."""

from __future__ import annotations

import numpy as np

from m4graph.runs.flow_network import FlowNetwork
from m4graph.runs.paper_settings import NAMES as PAPER_NAMES
from m4graph.runs.settings import NAMES


def two_flows() -> FlowNetwork:
    """Two hosts that send one packet each to a third, at the same moment."""
    return FlowNetwork(
        link_rate_bps=np.full(3, 10**10),
        link_delay_ns=np.full(3, 1000),
        link_kind=np.array([1, 1, 2], np.int8),
        size_bytes=np.array([1000, 1000]),
        start_ns=np.array([0, 0]),
        ideal_fct_ns=np.array([4000, 4000]),
        route_ptr=np.array([0, 2, 4]),
        route_links=np.array([0, 2, 1, 2], np.int32),
        link_src=np.array([0, 1, 3], np.int32),
        link_dst=np.array([3, 3, 2], np.int32),
        node_pool_bytes=np.array([0.0, 0.0, 0.0, 1e6]),
        configuration=np.zeros(len(NAMES)),
        window_bytes=np.array([18000]),
        payload_bytes=np.array([1000]),
        paper_configuration=np.zeros(len(PAPER_NAMES), np.float32),
    )
