"""Suites of scenarios to evaluate simulators on. Nothing that trains or selects may import them."""

from __future__ import annotations

from m4graph.evaluation.suites.files import load_suite
from m4graph.evaluation.suites.kinds import evaluate_suite
from m4graph.evaluation.suites.report import SuiteReport
from m4graph.evaluation.suites.results import SuiteResults
from m4graph.evaluation.suites.run import run_suite
from m4graph.scenario.suite import SUITES, Case, Suite
from m4graph.simulators import Runner, make_runners

__all__ = [
    "SUITES",
    "Case",
    "Runner",
    "Suite",
    "SuiteReport",
    "SuiteResults",
    "evaluate_suite",
    "load_suite",
    "make_runners",
    "run_suite",
]
