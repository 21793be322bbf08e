"""How a suite is evaluated: one function, for each kind of suite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import singledispatch
from pathlib import Path
from typing import Any

from m4graph.core.calls import plain_call
from m4graph.core.progress import Progress
from m4graph.evaluation.suites.pods.report import PodReport
from m4graph.evaluation.suites.pods.run import run_pods
from m4graph.evaluation.suites.pods.suite import PodSuite
from m4graph.evaluation.suites.report import SuiteReport
from m4graph.evaluation.suites.run import run_suite
from m4graph.scenario.suite import Suite
from m4graph.simulators import Runner


@plain_call
@singledispatch
def evaluate_suite(
    suite: Suite,
    runners: Sequence[Runner],
    configuration: Mapping[str, Any],
    jobs: int | None = 1,
    folder: Path | None = None,
    progress: Progress | None = None,
) -> SuiteReport | PodReport:
    """Runs a suite and measures what comes out.

    Args:
        suite (Suite): The scenarios.
        runners (Sequence[Runner]): The simulators.
        configuration (Mapping): What is run, for ``evaluation.yaml``.
        jobs (int, optional): Processes side by side. (default: ``1``)
        folder (Path, optional): Where results are written as they come. (default: ``None``)
        progress (Progress, optional): Called with the scenarios done, and their number.

    Raises:
        InputError: If a scenario is bad.
        SimulationError: If a simulation fails.
    """
    records = run_suite(suite, runners, jobs, folder, progress)
    return SuiteReport(suite.name, records, configuration)


@evaluate_suite.register
def _(
    suite: PodSuite,
    runners: Sequence[Runner],
    configuration: Mapping[str, Any],
    jobs: int | None = 1,
    folder: Path | None = None,
    progress: Progress | None = None,
) -> PodReport:
    cases = run_pods(suite, runners, jobs, folder, progress)
    return PodReport(suite.name, cases, configuration)
