"""Slowdowns of several results side by side: what plots and tables by size show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from m4graph.core.checks import check_positive
from m4graph.core.errors import ConfigError
from m4graph.metrics import ErrorSummary
from m4graph.results import SimulationResult

BINS_A_DECADE = 3
FEWEST_FLOWS = 30
"""A bin of fewer flows is joined with the next larger sizes: its percentiles mean nothing."""

TAIL = 0.99
"""The quantile of tables by size where none is named."""


@dataclass(frozen=True)
class Sample:
    """Finished flows of one result.

    Shapes:
        - ``slowdown``, ``size_bytes``: ``[num_shown]``
    """

    name: str
    is_truth: bool
    slowdown: NDArray[np.float64]
    size_bytes: NDArray[np.int64]


class SideBySide(Protocol):
    """Results that are shown together: with a truth among them, or without."""

    @property
    def name(self) -> str:
        """What they are about, as a title."""

    @property
    def samples(self) -> Sequence[Sample]:
        """Of each result; the truth, if there is one, first, and all then of the same flows in the
        same order.
        """

    @property
    def errors(self) -> dict[str, ErrorSummary]:
        """Of each result but the truth; none without a truth."""


def finished_sample(name: str, result: SimulationResult) -> Sample:
    """The flows that a result finished.

    Raises:
        ConfigError: If it finished none.
    """
    if not result.num_finished:
        raise ConfigError(f"{name}: expected a result with finished flows (got none)")
    shown = result.finished
    return Sample(name, False, result.slowdown[shown], result.scenario.workload.size_bytes[shown])


def size_bins(sizes: Sequence[NDArray[np.int64]]) -> list[list[NDArray[np.int64]]]:
    """Flows of similar sizes, from small to large: for each bin, positions in each of the arrays.

    Bins are :data:`BINS_A_DECADE` to a decade; one of too few flows, on average over the arrays, is
    joined with the next, and the last with the one before it.
    """
    steps = [np.floor(np.log10(each) * BINS_A_DECADE).astype(np.int64) for each in sizes]
    last_steps, waiting = [], 0
    for step, count in zip(*np.unique(np.concatenate(steps), return_counts=True), strict=True):
        waiting += count
        if waiting >= FEWEST_FLOWS * len(sizes):
            last_steps.append(step)
            waiting = 0
    if waiting:
        last_steps[-1:] = [step]
    bins = [np.searchsorted(last_steps, each) for each in steps]
    return [[np.flatnonzero(each == index) for each in bins] for index in range(len(last_steps))]


def by_size(samples: Sequence[Sample], quantile: float = TAIL) -> pd.DataFrame:
    """A quantile of the slowdowns by flow size: a row for each of :func:`size_bins`, with the
    columns ``smallest_bytes``, ``largest_bytes`` and one for each sample; NaN where it has no flow.

    Raises:
        KeyProblem: If the quantile is not above 0, up to 1.
    """
    check_positive("quantile", quantile, maximum=1)
    rows = []
    for positions in size_bins([each.size_bytes for each in samples]):
        pairs = list(zip(samples, positions, strict=True))
        sizes = np.concatenate([each.size_bytes[flows] for each, flows in pairs])
        values = {each.name: quantile_of(each.slowdown[flows], quantile) for each, flows in pairs}
        rows.append({"smallest_bytes": sizes.min(), "largest_bytes": sizes.max()} | values)
    return pd.DataFrame(rows)


def quantile_of(values: NDArray[np.float64], quantile: float) -> float:
    """A quantile; NaN of nothing."""
    return float(np.quantile(values, quantile)) if len(values) else np.nan
