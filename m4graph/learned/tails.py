r"""The tail of all flows together, by what a model says of each of them (quantile mapping).

A model predicts medians, and medians are more alike than slowdowns are: their 99th percentile is
below that of the slowdowns. How far tells a quantile head. With :math:`s_f` the slowdown that is
predicted of flow :math:`f`, and :math:`q_f` the quantile of level :math:`\tau`,

.. math::
    F(x) = \frac{1}{n} \sum_f \Phi\Big(\frac{\log x - \log s_f}{\sigma_f}\Big), \qquad
    \sigma_f = \kappa \frac{\log q_f - \log s_f}{\Phi^{-1}(\tau)}

is the share of the flows that are expected to be below :math:`x`. The slowest of them take what
this distribution has at their ranks, in their order: from rank 0.99 on all of it, below 0.95
nothing. No flow becomes faster, and what has happened in the run stays as it was.

A head says what may come of a flow from its last event on, and not all of that does:
:math:`\kappa`, fitted on validation and training runs, is what remains
(``configs/train/README.md``).

Reference:
    Panofsky and Brier, "Some Applications of Statistics to Meteorology", 1958 (quantile mapping).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from m4graph.learned.protocol import Quantiles

_REMAINS = 0.8
_FIRST_RANK, _FULL_RANK = 0.95, 0.99
_LEAST_FLOWS = 100
"""Of fewer, the slowest one is all there is of a tail."""

_MOST_LOG_RATIO = 3.0  # as far as a model corrects an estimate
_MOST_NS = 2.0**62
_GRID_POINTS = 256
_LEAST_RISE = 1e-4
"""Of a logarithm; what is less comes of the grid."""

_MEDIAN = 0.5


def with_tail(
    fct_ns: NDArray[np.int64], ideal_ns: NDArray[np.int64], quantiles: Quantiles
) -> NDArray[np.int64]:
    """FCTs of a run whose slowest flows are as slow as its flows' distributions say.

    Args:
        fct_ns (np.ndarray): As predicted.
        ideal_ns (np.ndarray): Ideal FCTs.
        quantiles (dict): By level, what heads have said of each flow, NaN: nothing. Of those above
            the median the lowest counts; without one, or with few flows, nothing changes.

    Shapes:
        - inputs and output ``[num_flows]``
    """
    upper = [level for level in quantiles if level > _MEDIAN]
    if not upper or len(fct_ns) < _LEAST_FLOWS:
        return fct_ns
    log_slowdown = np.log(fct_ns / ideal_ns)
    spread = _spreads(log_slowdown, quantiles[min(upper)], min(upper))
    values, places, counts = np.unique(log_slowdown, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - counts / 2) / len(fct_ns)
    share = np.clip((ranks - _FIRST_RANK) / (_FULL_RANK - _FIRST_RANK), 0.0, 1.0)
    rises = _rises(log_slowdown, spread, ranks)
    higher = values + share * np.where(rises >= _LEAST_RISE, rises, 0.0)
    raised = np.maximum.accumulate(higher) - values
    some = np.flatnonzero(raised[places] > 0.0)
    slower_ns = np.rint(fct_ns[some] * np.exp(raised[places[some]]))
    slower = fct_ns.copy()
    slower[some] = np.minimum(slower_ns, _MOST_NS)
    return slower


def _spreads(
    log_slowdown: NDArray[np.float64], quantile: NDArray[np.float64], level: float
) -> NDArray[np.float64]:
    """The standard deviation of the logarithm of each flow's slowdown, ``[num_flows]``."""
    with np.errstate(divide="ignore"):
        log_ratio = np.log(np.nan_to_num(quantile, nan=0.0)) - log_slowdown
    return np.asarray(_REMAINS * np.clip(log_ratio, 0.0, _MOST_LOG_RATIO) / ndtri(level))


def _rises(
    log_slowdown: NDArray[np.float64], spread: NDArray[np.float64], ranks: NDArray[np.float64]
) -> NDArray[np.float64]:
    """By how much the distribution of all flows is above the medians at ranks of the tail.

    Both are read off one grid, so that nothing rises where no flow has a spread.
    """
    ordered = np.sort(log_slowdown)
    lowest = ordered[int(_FIRST_RANK * len(ordered))]
    grid = np.linspace(lowest, (log_slowdown + 3.0 * spread).max(), _GRID_POINTS)
    least = np.maximum(spread, 1e-9)  # a step, where a flow has none
    expected = np.array([ndtr((point - log_slowdown) / least).mean() for point in grid])
    sides = [np.searchsorted(ordered, grid, side) for side in ("left", "right")]
    medians = (sides[0] + sides[1]) / (2 * len(ordered))
    return np.asarray(np.interp(ranks, expected, grid) - np.interp(ranks, medians, grid))
