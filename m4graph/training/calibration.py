"""Shifts of quantile heads, by which as many flows lie below a quantile as its level says.

A head is trained along other departures than those of a free run, and a quantile far out has few
flows to learn from. Split conformal prediction mends what that leaves, on runs kept aside.

Reference:
    Romano, Patterson and Candes, "Conformalized Quantile Regression", NeurIPS 2019.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from m4graph.core.calls import plain_call
from m4graph.learned.protocol import Quantiles
from m4graph.nn import EventModel
from m4graph.nn.heads import quantile_heads
from m4graph.results.quantiles import ordered_quantiles, quantile_name
from m4graph.runs import LabelledRun
from m4graph.training.rollout import free_runs, true_slowdown

_MEDIAN = 0.5
_ROUNDING = 1e-9


@plain_call
@dataclass(frozen=True)
class Coverage:
    """The share of flows whose true slowdown is at or below a predicted quantile, 0 to 1.

    Args:
        level (float): Of the quantile.
        before (float): The share before calibration.
        after (float): After it.
    """

    level: float
    before: float
    after: float

    @property
    def name(self) -> str:
        """Of the metric, as in ``"val_p90_coverage"``."""
        return f"val_{quantile_name(self.level)}_coverage"


class _Flows(NamedTuple):
    """Flows whose truth is known: true and predicted slowdown, what heads say, what each weighs."""

    true: NDArray[np.float64]
    slowdown: NDArray[np.float64]
    predicted: Quantiles
    weight: NDArray[np.float64]


@plain_call
def calibrate(model: EventModel, runs: Sequence[LabelledRun]) -> list[Coverage]:
    """Sets the shifts of a model's quantile heads by free runs, each of which weighs the same.

    What counts is the quantile that a user sees, :func:`.ordered_quantiles`: it is never below one
    of a lower level. So the lowest level comes first.

    Args:
        model (FlowLinkModel or PaperModel): The model; one without quantile heads stays as it is.
        runs (list of LabelledRun): Runs that it was not trained on.

    Returns:
        list: Of each level, lowest first, the coverage before and after.
    """
    heads = quantile_heads(model)
    if not heads:
        return []
    flows = _known_flows(model, runs)
    levels = sorted(flows.predicted)
    before = _coverages(flows, flows.predicted)
    predicted = dict(flows.predicted)
    for level in levels:
        floor = _floor(flows, {each: predicted[each] for each in levels if each < level}, level)
        shift = _shift(flows, predicted[level], floor, level)
        for head in heads.values():
            if head.level == level:
                before_it = float(head.shift)
                head.shift.fill_(_rounded_up(before_it + shift))
                predicted[level] = flows.predicted[level] * np.exp(float(head.shift) - before_it)
    after = _coverages(flows, predicted)
    return [Coverage(level, before[level], after[level]) for level in levels]


def _known_flows(model: EventModel, runs: Sequence[LabelledRun]) -> _Flows:
    parts = []
    for run, said in zip(runs, free_runs(model, [run.network for run in runs]), strict=True):
        true = true_slowdown(run)
        known = np.isfinite(true)
        slowdown = said.fct_ns / run.network.ideal_fct_ns
        predicted = {level: values[known] for level, values in said.quantiles.items()}
        weight = np.full(known.sum(), 1 / max(known.sum(), 1))
        parts.append(_Flows(true[known], slowdown[known], predicted, weight))
    return _Flows(
        true=np.concatenate([each.true for each in parts]),
        slowdown=np.concatenate([each.slowdown for each in parts]),
        predicted={
            level: np.concatenate([each.predicted[level] for each in parts])
            for level in parts[0].predicted
        },
        weight=np.concatenate([each.weight for each in parts]),
    )


def _floor(flows: _Flows, lower: Quantiles, level: float) -> NDArray[np.float64]:
    """What a quantile is never below, ``[num_flows]``."""
    if level < _MEDIAN:
        return np.ones(len(flows.true))
    quantiles = ordered_quantiles(flows.slowdown, lower)
    return np.maximum(quantiles[max(quantiles)], 1.0)


def _shift(
    flows: _Flows, predicted: NDArray[np.float64], floor: NDArray[np.float64], level: float
) -> float:
    """The least shift, in log units, with the share of ``level`` below the quantile."""
    needed = np.log(flows.true / predicted)
    shift = _weighted_quantile(np.where(flows.true <= floor, -np.inf, needed), flows.weight, level)
    if not np.isfinite(shift):  # Enough are below the quantile that comes before.
        shift = _weighted_quantile(needed, flows.weight, level)
    return shift


def _weighted_quantile(
    values: NDArray[np.float64], weight: NDArray[np.float64], level: float
) -> float:
    """The least value with the share of ``level`` at or below it."""
    order = np.argsort(values, kind="stable")
    share = np.cumsum(weight[order]) / weight.sum()
    return float(values[order][np.searchsorted(share, level - _ROUNDING)])


def _rounded_up(shift: float) -> float:
    """The next float16 above: checkpoints may hold halves, and flows at the quantile are to stay
    below it whatever the rounding.
    """
    return float(np.nextafter(np.float16(shift), np.float16(np.inf)))


def _coverages(flows: _Flows, predicted: Quantiles) -> dict[float, float]:
    quantiles = ordered_quantiles(flows.slowdown, predicted)
    total = flows.weight.sum()
    return {
        level: float(flows.weight[flows.true <= values].sum() / total)
        for level, values in quantiles.items()
    }
