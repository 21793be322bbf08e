"""Congestion control inside the packet simulator: one file an algorithm, one small interface.

An algorithm is a :class:`CongestionKernel`. To add one, write its parameter model in
``m4graph.scenario.congestion`` style, its kernel here, and register both under one name.
"""

from __future__ import annotations

from m4graph.core.registry import Registry
from m4graph.simulators.packet.congestion.base import CongestionKernel

CONGESTION_KERNELS: Registry[CongestionKernel] = Registry(
    "congestion_kernel",
    {
        "dctcp": "m4graph.simulators.packet.congestion.dctcp:DCTCP_KERNEL",
        "dcqcn": "m4graph.simulators.packet.congestion.dcqcn:DCQCN_KERNEL",
        "timely": "m4graph.simulators.packet.congestion.timely:TIMELY_KERNEL",
        "hpcc": "m4graph.simulators.packet.congestion.hpcc:HPCC_KERNEL",
        "newreno": "m4graph.simulators.packet.congestion.newreno:NEWRENO_KERNEL",
        "dctcp_window": "m4graph.simulators.packet.congestion.dctcp_window:DCTCP_WINDOW_KERNEL",
    },
)

__all__ = ["CONGESTION_KERNELS", "CongestionKernel"]
