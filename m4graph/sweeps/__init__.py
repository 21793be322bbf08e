"""Sweeps: one scenario, some keys of it with several values each, one table.

The names below are imported on first use: a table needs no matplotlib.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from m4graph.core.lazy import lazy_names

if TYPE_CHECKING:
    from m4graph.sweeps.result import Sweep
    from m4graph.sweeps.run import sweep

_NAMES = {"Sweep": "m4graph.sweeps.result", "sweep": "m4graph.sweeps.run"}

__all__ = ["Sweep", "sweep"]

__getattr__, __dir__ = lazy_names(__name__, _NAMES)
