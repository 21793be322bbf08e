"""Event streams to train on: the true one, and ones with other departures.

A model that runs free meets its own errors: flows that stay too long or leave too early. Trained
on true departures only, it takes a flow that is still there as evidence of a slow one, and runs
away: an early study had 17 to 20 % error on true event times, and 74 to 200 % running free. So
most streams have departures that are wrong in one way or another; the targets are the true
slowdowns in all of them.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from m4graph.runs import LabelledRun

KINDS = ("exact", "noise", "fluid", "scaled", "free")
"""Departures: as they were; each one off; max-min fair; all off by one factor; the model's own."""

_NOISE = (0.05, 0.4)
_SCALE = 0.25


def draw_kind(generator: np.random.Generator, shares: Mapping[str, float]) -> str:
    """Draws a kind of stream with the given shares, which need not add up to one."""
    weights = np.array([shares.get(kind, 0.0) for kind in KINDS])
    return str(generator.choice(KINDS, p=weights / weights.sum()))


def perturbed_fct_ns(
    run: LabelledRun, kind: str, generator: np.random.Generator
) -> NDArray[np.int64]:
    """Completion times with errors: of each flow by itself, or of all by one factor.

    Args:
        run (LabelledRun): The run.
        kind (str): ``"noise"`` or ``"scaled"``.
        generator (np.random.Generator): Source of the errors.

    Returns:
        int64 ``[num_flows]``, never below the ideal FCT; unfinished flows stay unfinished.
    """
    num_flows = run.network.num_flows
    if kind == "noise":
        sigma = generator.uniform(*_NOISE)
        bias = generator.normal(0.0, 0.5 * sigma)
        factor = np.exp(generator.normal(bias, sigma, num_flows))
    else:
        factor = np.full(num_flows, np.exp(generator.normal(0.0, _SCALE)))
    ideal = run.network.ideal_fct_ns
    fct_ns = np.maximum(np.rint(run.fct_ns * factor).astype(np.int64), ideal)
    return np.where(run.fct_ns < 0, run.fct_ns, fct_ns)
