"""The flows of a run: from files, drawn from laws, or waiting for each other."""

from __future__ import annotations

from m4graph.workload.arrivals import (
    ARRIVAL_LAWS,
    ArrivalLaw,
    BatchArrivals,
    LogNormalArrivals,
    PoissonArrivals,
)
from m4graph.workload.closed_loop import ClosedLoopWorkload, closed_loop
from m4graph.workload.clusters import ClientStorageMatrix, ClusterMatrix
from m4graph.workload.collectives import (
    all_to_all,
    collective_rounds,
    ring_all_reduce,
    tree_all_reduce,
)
from m4graph.workload.config import WORKLOADS, AnyWorkload, WorkloadBlock, from_config
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
from m4graph.workload.mixed import mixed
from m4graph.workload.pairs import HostPairs, Pairs, PairShares, RackPairs
from m4graph.workload.programs import training_job
from m4graph.workload.request_response import request_response
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
    "WORKLOADS",
    "AnyWorkload",
    "ArrivalLaw",
    "BatchArrivals",
    "ClientStorageMatrix",
    "ClosedLoopWorkload",
    "ClusterMatrix",
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
    "WorkloadBlock",
    "all_to_all",
    "cache_follower",
    "closed_loop",
    "collective_rounds",
    "from_config",
    "generate",
    "hadoop",
    "mean_gap_ns",
    "mixed",
    "request_response",
    "ring_all_reduce",
    "sizes_from_file",
    "training_job",
    "tree_all_reduce",
    "web_search",
    "web_server",
]
