"""Results side by side, none of which is the truth: their slowdowns as distributions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from m4graph.core.calls import plain_call
from m4graph.evaluation.samples import Sample, finished_sample
from m4graph.evaluation.showing import Showing
from m4graph.evaluation.tables import distribution_cells
from m4graph.metrics import ErrorSummary
from m4graph.results import SimulationResult

_MEASURED = (
    "num_flows",
    "num_finished",
    "mean_slowdown",
    "p50_slowdown",
    "p90_slowdown",
    "p99_slowdown",
    "max_slowdown",
    "completion_time_ns",
    "wall_s",
)


@plain_call
@dataclass(frozen=True, eq=False, repr=False)
class Distributions(Showing):
    """Results of any scenarios and simulators, by label; made by :func:`compare`.

    Args:
        results (Mapping[str, SimulationResult]): The results.

    Raises:
        ConfigError: If one of them finished no flow.
    """

    results: Mapping[str, SimulationResult]

    def __post_init__(self) -> None:
        _ = self.samples

    @property
    def name(self) -> str:
        """The names of their scenarios."""
        names = dict.fromkeys(result.scenario.name for result in self.results.values())
        return ", ".join(names)

    @cached_property
    def samples(self) -> list[Sample]:
        """The finished flows of each result."""
        return [finished_sample(label, result) for label, result in self.results.items()]

    @property
    def errors(self) -> dict[str, ErrorSummary]:
        """None, without a truth."""
        return {}

    def to_frame(self) -> pd.DataFrame:
        """One row for each result.

        Columns: ``label``, ``scenario``, ``simulator``, ``congestion_control``, ``num_flows``,
        ``num_finished``, ``mean_slowdown``, ``p50_slowdown``, ``p90_slowdown``, ``p99_slowdown``,
        ``max_slowdown``, ``completion_time_ns``, ``wall_s``.
        """
        about = ("scenario", "simulator", "congestion_control", *_MEASURED)
        rows = []
        for label, result in self.results.items():
            summary = result.summary()
            summary["scenario"] = summary["name"]
            rows.append({"label": label} | {name: summary[name] for name in about})
        return pd.DataFrame(rows).astype({"completion_time_ns": "Int64"})

    def cells(self) -> pd.DataFrame:
        """What :meth:`table` shows, as text."""
        return distribution_cells(self.to_frame())

    def __repr__(self) -> str:
        return f"Distributions({self.name!r}, {list(self.results)})"
