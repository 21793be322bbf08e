"""Comparisons of simulators with the truth: errors, tables and plots."""

from __future__ import annotations

from m4graph.evaluation.comparison import Comparison, compare
from m4graph.evaluation.report import Report

__all__ = ["Comparison", "Report", "compare"]
