"""The model running free on labelled runs: what it predicts, and how wrong it is."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from m4graph.learned.engines import model_maker
from m4graph.learned.protocol import Quantiles
from m4graph.learned.torch_engine import TorchEngine
from m4graph.metrics import ErrorSummary, SuiteErrors, error_summary, suite_errors
from m4graph.nn import EventModel, FlowLinkModel
from m4graph.runs import FlowNetwork, LabelledRun
from m4graph.simulators.fluid import fluid_fct_ns

_STEPS_A_TURN = 1000


class FreeRun(NamedTuple):
    """What a model says of the flows of one network.

    Shapes:
        - ``fct_ns`` int64 ``[num_flows]``; ``quantiles``: of each level, what the head for it has
          said last of each slowdown, float64 ``[num_flows]``
    """

    fct_ns: NDArray[np.int64]
    quantiles: Quantiles


def free_runs(model: EventModel, networks: Sequence[FlowNetwork]) -> list[FreeRun]:
    """Simulates networks side by side on the model's own departures."""
    engine = TorchEngine(model, networks)
    while engine.run(_STEPS_A_TURN):
        pass
    return [FreeRun(*each) for each in zip(engine.fct_ns(), engine.quantiles(), strict=True)]


def blank_fct_ns(model: FlowLinkModel, networks: Sequence[FlowNetwork]) -> list[NDArray[np.int64]]:
    """FCTs of a model that runs free on blank states, whatever it remembers."""
    blank = copy.deepcopy(model).cpu()
    blank.memory = False
    maker = model_maker("auto", blank, "cpu")
    together = [networks] if maker.runs_side_by_side else [[network] for network in networks]
    fct_ns: list[NDArray[np.int64]] = []
    for each in together:
        engine = maker.make(each)
        while engine.run(_STEPS_A_TURN):
            pass
        fct_ns += engine.fct_ns()
    return fct_ns


def true_slowdown(run: LabelledRun) -> NDArray[np.float64]:
    """Of each flow, float64 ``[num_flows]``; NaN where unfinished."""
    return np.where(run.fct_ns >= 0, run.fct_ns / run.network.ideal_fct_ns, np.nan)


def free_run_errors(model: EventModel, runs: Sequence[LabelledRun]) -> SuiteErrors:
    """Errors of a free run against the labels, averaged over the runs."""
    predicted = free_runs(model, [run.network for run in runs])
    pairs = zip(runs, predicted, strict=True)
    return suite_errors([_errors(run, each.fct_ns) for run, each in pairs])


def fluid_errors(runs: Sequence[LabelledRun]) -> SuiteErrors:
    """Errors of the fluid simulator against the same labels."""
    return suite_errors([_errors(run, fluid_fct_ns(run.network)) for run in runs])


def _errors(run: LabelledRun, fct_ns: NDArray[np.int64]) -> ErrorSummary:
    return error_summary(fct_ns / run.network.ideal_fct_ns, true_slowdown(run))
