"""Comparisons of simulators with the truth: errors, tables and plots."""

from __future__ import annotations

from m4graph.evaluation.comparison import Comparison, compare
from m4graph.evaluation.records import plot_flows, plot_links, plot_records
from m4graph.evaluation.report import Report

__all__ = ["Comparison", "Report", "compare", "plot_flows", "plot_links", "plot_records"]
