"""Parameters of all congestion-control algorithms: the names of :mod:`m4graph.scenario.congestion`,
:mod:`~m4graph.scenario.rdma` and :mod:`~m4graph.scenario.tcp` in one place.
"""

from m4graph.scenario.congestion import (
    CONGESTION_CONTROLS,
    CongestionControl,
    EcnConfig,
    congestion_control,
)
from m4graph.scenario.rdma import DCQCN, DCTCP, HPCC, TIMELY, RdmaControl
from m4graph.scenario.tcp import DctcpWindow, NewReno, TcpControl

__all__ = [
    "CONGESTION_CONTROLS",
    "DCQCN",
    "DCTCP",
    "HPCC",
    "TIMELY",
    "CongestionControl",
    "DctcpWindow",
    "EcnConfig",
    "NewReno",
    "RdmaControl",
    "TcpControl",
    "congestion_control",
]
