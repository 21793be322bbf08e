"""The learned simulator's loop and the standard model, compiled for a CPU (numba)."""

from __future__ import annotations

from m4graph.learned.compiled.engine import CompiledEngine
from m4graph.learned.compiled.weights import Weights, export_weights, misfit

__all__ = ["CompiledEngine", "Weights", "export_weights", "misfit"]
