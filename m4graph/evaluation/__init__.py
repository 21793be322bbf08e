"""Results side by side, with a truth or without: errors, tables and plots.

The names below are imported on first use: errors and tables need no matplotlib.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from m4graph.core.lazy import lazy_names

if TYPE_CHECKING:
    from m4graph.evaluation.comparison import Comparison, compare
    from m4graph.evaluation.distributions import Distributions
    from m4graph.evaluation.records import (
        plot_bottlenecks,
        plot_flows,
        plot_job,
        plot_links,
        plot_records,
    )
    from m4graph.evaluation.report import Report
    from m4graph.evaluation.scenario_results import ScenarioResults
    from m4graph.evaluation.showing import Showing

_NAMES = {
    "Comparison": "m4graph.evaluation.comparison",
    "Distributions": "m4graph.evaluation.distributions",
    "Report": "m4graph.evaluation.report",
    "ScenarioResults": "m4graph.evaluation.scenario_results",
    "Showing": "m4graph.evaluation.showing",
    "compare": "m4graph.evaluation.comparison",
    "plot_bottlenecks": "m4graph.evaluation.records",
    "plot_flows": "m4graph.evaluation.records",
    "plot_job": "m4graph.evaluation.records",
    "plot_links": "m4graph.evaluation.records",
    "plot_records": "m4graph.evaluation.records",
}

__all__ = [
    "Comparison",
    "Distributions",
    "Report",
    "ScenarioResults",
    "Showing",
    "compare",
    "plot_bottlenecks",
    "plot_flows",
    "plot_job",
    "plot_links",
    "plot_records",
]

__getattr__, __dir__ = lazy_names(__name__, _NAMES)
