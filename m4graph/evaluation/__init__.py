"""Comparisons of simulators with the truth: errors, tables and plots."""

from __future__ import annotations

from m4graph.evaluation.comparison import Comparison, compare
from m4graph.evaluation.records import plot_flows, plot_links, plot_records
from m4graph.evaluation.report import Report
from m4graph.evaluation.scenario_results import ScenarioResults

__all__ = [
    "Comparison",
    "Report",
    "ScenarioResults",
    "compare",
    "plot_flows",
    "plot_links",
    "plot_records",
]
