"""The flows of a run: from files, or drawn from laws of sizes, starts and hosts."""

from __future__ import annotations

from m4graph.workload.arrivals import (
    ARRIVAL_LAWS,
    ArrivalLaw,
    LogNormalArrivals,
    PoissonArrivals,
)
from m4graph.workload.empirical import (
    EmpiricalSizes,
    cache_follower,
    hadoop,
    sizes_from_file,
    web_search,
    web_server,
)
from m4graph.workload.generate import generate, mean_gap_ns
from m4graph.workload.layout import HostLayout
from m4graph.workload.matrices import (
    TRAFFIC_MATRICES,
    IncastMatrix,
    PermutationMatrix,
    RackMatrix,
    TrafficMatrix,
    UniformMatrix,
)
from m4graph.workload.pairs import HostPairs, Pairs, PairShares, RackPairs
from m4graph.workload.sizes import (
    SIZE_LAWS,
    ExponentialSizes,
    FixedSizes,
    GaussianSizes,
    LogNormalSizes,
    ParetoSizes,
    SizeLaw,
)
from m4graph.workload.workload import Workload

__all__ = [
    "ARRIVAL_LAWS",
    "SIZE_LAWS",
    "TRAFFIC_MATRICES",
    "ArrivalLaw",
    "EmpiricalSizes",
    "ExponentialSizes",
    "FixedSizes",
    "GaussianSizes",
    "HostLayout",
    "HostPairs",
    "IncastMatrix",
    "LogNormalArrivals",
    "LogNormalSizes",
    "PairShares",
    "Pairs",
    "ParetoSizes",
    "PermutationMatrix",
    "PoissonArrivals",
    "RackMatrix",
    "RackPairs",
    "SizeLaw",
    "TrafficMatrix",
    "UniformMatrix",
    "Workload",
    "cache_follower",
    "generate",
    "hadoop",
    "mean_gap_ns",
    "sizes_from_file",
    "web_search",
    "web_server",
]
