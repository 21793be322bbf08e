"""Curves of ports from what packets met there."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from m4graph.core.kernels import kernel
from m4graph.mimic.models.lindley_curve import (
    DROP_MEMORY,
    LEVEL_STEP,
    MAX_LEVEL,
    NUM_GAPS,
    NUM_KINDS,
    NUM_LEVELS,
    NUM_LOADS,
    PORT_CURVE,
)
from m4graph.mimic.port_waits import PortWaits

_LAGS = np.array([0.015, 0.04, 0.08, 0.16, 0.33, 0.67, 1.3, 2.7, 5.0, 10.0, 20.0])
_MEMORIES = np.array([0.025, 0.08, 0.25, 0.8, 2.5, 8.0, 25.0])
"""Times, in those that the longest queue takes to drain."""

_SHARES = np.linspace(0, 1, 21)
_FEW = 40
"""Packets of which nothing is said by themselves."""


def fit_curves(waits: PortWaits, group: NDArray[np.int64], load_ticks: float) -> NDArray[np.void]:
    """The curves of a role.

    Flows are put into groups. Those of one group are taken for the traffic that is simulated, with
    all others hidden: so every packet is used, whatever part of the flows is to be visible.

    Args:
        waits (PortWaits): At the ports of the role.
        group (np.ndarray): int64 ``[num_packets]``, of each packet's flow.
        load_ticks (float): For how long the load of a packet is remembered.

    Shapes:
        - output: records of :data:`PORT_CURVE`, ``[NUM_KINDS]``
    """
    curves = np.zeros(NUM_KINDS, PORT_CURVE)
    if len(waits) == 0:
        return curves
    found = waits.wait_ticks.astype(np.float64)
    found[waits.dropped] = _found_by_dropped(waits)[waits.dropped]
    order = np.lexsort((waits.arrive_ticks, waits.port, group))
    waits, group, found = waits[order], group[order], found[order]
    is_first = np.ones(len(waits), np.bool_)
    is_first[1:] = (np.diff(waits.port) != 0) | (np.diff(group) != 0)
    gap = np.diff(waits.arrive_ticks, prepend=waits.arrive_ticks[:1]).astype(np.float64)
    load = np.zeros(len(waits))
    _recent_load(gap, waits.tx_ticks, is_first, load_ticks, load)
    since = np.full(len(waits), np.inf)
    _since_drop(gap, waits.dropped, is_first, since)
    for kind in range(NUM_KINDS):
        chosen = np.flatnonzero(waits.kind == kind)
        if len(chosen) == 0:
            continue
        curve = curves[kind : kind + 1]
        curve["is_fitted"], curve["load_ticks"] = 1, load_ticks
        _fit_memory(curve, waits[chosen], found[chosen], load_ticks)
        _fit_levels(curve, waits[chosen], found[chosen], load[chosen], since[chosen])
        _fit_drops_again(curve, waits.dropped[chosen], since[chosen])
    return curves


def _found_by_dropped(waits: PortWaits) -> NDArray[np.float64]:
    """What packets would have waited for those before them that were not dropped, as floats."""
    order = np.lexsort((waits.arrive_ticks, waits.port))
    by_port = waits[order]
    index = np.arange(len(order))
    before = np.maximum.accumulate(np.where(by_port.dropped, 0, index))
    busy = (by_port.arrive_ticks + by_port.wait_ticks + by_port.tx_ticks)[before]
    known = ~by_port.dropped[before] & (by_port.port[before] == by_port.port)
    found = np.empty(len(order))
    found[order] = np.where(known, np.maximum(busy - by_port.arrive_ticks, 0), 0)
    return found


@kernel
def _recent_load(
    gap: NDArray[np.float64],
    tx_ticks: NDArray[np.int64],
    is_first: NDArray[np.bool_],
    load_ticks: float,
    load: NDArray[np.float64],
) -> None:
    """Ticks of transmissions that are remembered as each packet comes, without its own."""
    remembered = 0.0
    for index in range(len(gap)):
        remembered = 0.0 if is_first[index] else remembered / (1 + gap[index] / load_ticks)
        load[index] = remembered
        remembered += tx_ticks[index]


@kernel
def _since_drop(
    gap: NDArray[np.float64],
    dropped: NDArray[np.bool_],
    is_first: NDArray[np.bool_],
    since: NDArray[np.float64],
) -> None:
    """Ticks since the last packet that was dropped, as each packet comes."""
    passed = np.inf
    for index in range(len(gap)):
        passed = np.inf if is_first[index] else passed + gap[index]
        since[index] = passed
        if dropped[index]:
            passed = 0.0


def _fit_memory(
    curve: NDArray[np.void], waits: PortWaits, found: NDArray[np.float64], unit_ticks: float
) -> None:
    """How fast the level changes: two exponentials through the correlation of ranks of waits."""
    known = []
    for port in np.unique(waits.port):
        chosen = waits.port == port
        order = np.argsort(waits.arrive_ticks[chosen], kind="stable")
        time = waits.arrive_ticks[chosen][order]
        score = _normal_scores(found[chosen][order])
        if score is not None:
            known.append([_correlation(time, score, lag * unit_ticks) for lag in _LAGS])
    curve["fast_share"], curve["fast_ticks"], curve["slow_ticks"] = 0.5, unit_ticks, unit_ticks
    if not known:
        return
    with np.errstate(invalid="ignore"):
        table = np.array(known)
        seen = np.isfinite(table).any(axis=0)
        measured = np.nanmean(table[:, seen], axis=0)
    share, fast, slow = memory_of(_LAGS[seen], measured)
    curve["fast_share"], curve["fast_ticks"] = share, fast * unit_ticks
    curve["slow_ticks"] = slow * unit_ticks


def memory_of(
    lags: NDArray[np.float64], correlation: NDArray[np.float64]
) -> tuple[float, float, float]:
    """The two exponentials that are nearest to correlations at some lags.

    Returns:
        tuple: The share of the first, and the times of both, in the unit of the lags.
    """
    best, found = np.inf, (0.5, 1.0, 1.0)
    kept = np.exp(-lags[:, None] / _MEMORIES)
    for fast in range(len(_MEMORIES)):
        for slow in range(fast + 1, len(_MEMORIES)):
            model = _SHARES[:, None] * kept[:, fast] + (1 - _SHARES)[:, None] * kept[:, slow]
            error = ((model - correlation) ** 2).sum(axis=1)
            if error.min() < best:
                best = error.min()
                found = (float(_SHARES[error.argmin()]), _MEMORIES[fast], _MEMORIES[slow])
    return found


def _normal_scores(values: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Ranks as normal numbers of mean 0 and variance 1; ``None`` if all values are equal."""
    _, index, count = np.unique(values, return_inverse=True, return_counts=True)
    if len(values) < _FEW or len(count) == 1:
        return None
    score = ndtri((np.cumsum(count) - count / 2) / len(values))[index]
    score -= score.mean()
    scaled: NDArray[np.float64] = score / score.std()
    return scaled


def _correlation(time: NDArray[np.int64], score: NDArray[np.float64], lag: float) -> float:
    """Of packets that are so far apart, nearly; NaN if there are too few."""
    after = np.searchsorted(time, time + int(lag))
    there = np.minimum(after, len(time) - 1)
    pairs = (after < len(time)) & (np.abs(time[there] - time - lag) < 0.3 * lag)
    if pairs.sum() < _FEW:
        return float("nan")
    return float((score[pairs] * score[there[pairs]]).mean())


def _fit_levels(
    curve: NDArray[np.void],
    waits: PortWaits,
    found: NDArray[np.float64],
    load: NDArray[np.float64],
    since: NDArray[np.float64],
) -> None:
    """Waits, drops and marks by class of load and level."""
    edges = np.quantile(load, np.arange(1, NUM_LOADS) / NUM_LOADS)
    curve["load_edges"] = edges
    of_class = np.searchsorted(edges.astype(np.float32), load, side="right")
    for row in range(NUM_LOADS):
        chosen = of_class == row
        if chosen.sum() < _FEW:
            chosen = np.ones(len(found), np.bool_)
        curve["wait_ticks"][0, row] = _by_level(found[chosen], found[chosen])
        markable = chosen & ~waits.came_marked
        if markable.any():
            curve["mark"][0, row] = _by_level(found[markable], waits.marked[markable])
        fresh = chosen & (since >= DROP_MEMORY * curve["load_ticks"])
        if fresh.any():
            curve["drop"][0, row] = _by_level(found[fresh], waits.dropped[fresh])


def _by_level(found: NDArray[np.float64], values: NDArray[Any]) -> NDArray[np.float64]:
    """Means of values around each level, if what is found ranks the packets."""
    order = np.argsort(found, kind="stable")
    total = np.concatenate([[0.0], np.cumsum(values[order].astype(np.float64))])
    middle = (np.arange(NUM_LEVELS + 1) - 0.5) * LEVEL_STEP - MAX_LEVEL
    edge = ndtr(middle) * len(found)
    edge[0], edge[-1] = 0, len(found)
    sums = np.diff(np.interp(edge, np.arange(len(total)), total))
    means: NDArray[np.float64] = sums / np.diff(edge)
    return means


def _fit_drops_again(
    curve: NDArray[np.void], dropped: NDArray[np.bool_], since: NDArray[np.float64]
) -> None:
    """The chance that a packet is dropped so long after another one was.

    A queue that is full stays full for a while, whether or not a packet finds room in between.
    """
    recent = since < DROP_MEMORY * curve["load_ticks"]
    if (recent & dropped).sum() < _FEW:
        return
    edges = np.quantile(since[recent & dropped], np.arange(1, NUM_GAPS) / NUM_GAPS)
    curve["gap_edges"] = edges
    of_class = np.searchsorted(edges.astype(np.float32), since, side="right")
    for place in range(NUM_GAPS):
        chosen = recent & (of_class == place)
        if chosen.any():
            curve["drop_again"][0, place] = dropped[chosen].mean()
