"""The fluid simulator: max-min fair sharing, event by event, in numba."""

from __future__ import annotations

from m4graph.estimate.maxmin.filling import Scratch, fair_rates, make_scratch
from m4graph.simulators.fluid.build import build_engine, fluid_fct_ns
from m4graph.simulators.fluid.engine import FluidEngine
from m4graph.simulators.fluid.simulator import FluidSimulator, warm_up

__all__ = [
    "FluidEngine",
    "FluidSimulator",
    "Scratch",
    "build_engine",
    "fair_rates",
    "fluid_fct_ns",
    "make_scratch",
    "warm_up",
]
