"""What a simulator gives back: completion times, slowdowns, and the files of an output folder."""

from m4graph.results.expected import expected_result
from m4graph.results.quantiles import QUANTILES
from m4graph.results.result import (
    RUN_FCT_NS,
    UNFINISHED,
    UNFINISHED_BECAUSE,
    SimulationResult,
)
from m4graph.results.shown import Shown
from m4graph.results.summary import NUM_NOT_SIMULATED

__all__ = [
    "NUM_NOT_SIMULATED",
    "QUANTILES",
    "RUN_FCT_NS",
    "UNFINISHED",
    "UNFINISHED_BECAUSE",
    "Shown",
    "SimulationResult",
    "expected_result",
]
