"""The model running free on labelled runs: what it predicts, and how wrong it is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from m4graph.learned.torch_engine import TorchEngine
from m4graph.metrics import ErrorSummary, SuiteErrors, error_summary, suite_errors
from m4graph.nn import EventModel
from m4graph.runs import FlowNetwork, LabelledRun
from m4graph.simulators.fluid import fluid_fct_ns

_STEPS_A_TURN = 1000


def free_run_fct_ns(model: EventModel, networks: Sequence[FlowNetwork]) -> list[NDArray[np.int64]]:
    """Simulates networks side by side on the model's own departures."""
    engine = TorchEngine(model, networks)
    while engine.run(_STEPS_A_TURN):
        pass
    return engine.fct_ns()


def free_run_errors(model: EventModel, runs: Sequence[LabelledRun]) -> SuiteErrors:
    """Errors of a free run against the labels, averaged over the runs."""
    predicted = free_run_fct_ns(model, [run.network for run in runs])
    return suite_errors([_errors(run, fct) for run, fct in zip(runs, predicted, strict=True)])


def fluid_errors(runs: Sequence[LabelledRun]) -> SuiteErrors:
    """Errors of the fluid simulator against the same labels."""
    return suite_errors([_errors(run, fluid_fct_ns(run.network)) for run in runs])


def _errors(run: LabelledRun, fct_ns: NDArray[np.int64]) -> ErrorSummary:
    ideal_ns = run.network.ideal_fct_ns
    true = np.where(run.fct_ns >= 0, run.fct_ns / ideal_ns, np.nan)
    return error_summary(fct_ns / ideal_ns, true)
