"""Reports: a run, a comparison, a suite, a sweep or a job as one HTML file.

The names below are imported on first use: a page needs pandas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from m4graph.core.lazy import lazy_names

if TYPE_CHECKING:
    from m4graph.report.sources import write_report

_NAMES = {"write_report": "m4graph.report.sources"}

__all__ = ["write_report"]

__getattr__, __dir__ = lazy_names(__name__, _NAMES)
