"""Data of others: runs of ns-3 as data sets of labelled runs, archives of RouteNet as graphs.

The names below are imported on first use, as importing runs needs no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_NAMES = {
    "RouteNetDataset": "m4graph.datasets.importers.routenet.dataset",
    "import_runs": "m4graph.datasets.importers.runs",
}

__all__ = sorted(_NAMES)


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        value = getattr(import_module(_NAMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'm4graph.datasets.importers' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
