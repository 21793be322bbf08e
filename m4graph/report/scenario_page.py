"""The page of one scenario: what simulators say of it, and what was recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from m4graph.evaluation.scenario_results import ScenarioResults
from m4graph.metrics import ErrorSummary
from m4graph.report.directions import Directions
from m4graph.report.flows import (
    MOST_FLOWS,
    cdf_section,
    flow_columns,
    kept_rows,
    size_section,
    truth_section,
)
from m4graph.report.link_samples import LinkSamples
from m4graph.report.met import met_columns
from m4graph.report.network import network_section
from m4graph.report.page import Page
from m4graph.report.plain import counted
from m4graph.report.run import Run
from m4graph.report.tables import scenario_facts, simulators_section
from m4graph.report.time_series import series_section

RECORDING = "recording"
"""The name in a result's ``extra`` of what was recorded."""


def page_of_results(comparison: ScenarioResults) -> Page:
    """The page of a comparison; what was recorded of one of its results is in it.

    Args:
        comparison (ScenarioResults): The comparison.
    """
    results = [comparison.truth, *comparison.guesses.values()]
    main = next((each for each in results if RECORDING in each.extra), comparison.truth)
    ordered = [main, *(each for each in results if each is not main)]
    run = Run(
        {each.simulator: each for each in ordered},
        comparison.truth.simulator,
        main.extra.get(RECORDING),
    )
    refusals = [f"{name} was left out: {why}" for name, why in comparison.refusals.items()]
    return page_of_run(run, comparison.errors, refusals)


def page_of_run(
    run: Run, errors: Mapping[str, ErrorSummary] | None = None, notes: list[str] | None = None
) -> Page:
    """The page of a run.

    Args:
        run (Run): The run.
        errors (Mapping, optional): Of simulators. (default: none)
        notes (list, optional): What a reader must know. (default: none)
    """
    directions = Directions(run.scenario.arrays)
    links = None if run.records is None else run.records.links
    samples = None if links is None or links.empty else LinkSamples.of(links, directions)
    sections: list[dict[str, Any]] = [simulators_section(run, errors or {})]
    if run.main.num_finished:
        sections += [cdf_section(run), size_section(run)]
    sections.append(network_section(run, directions, samples))
    series = series_section(run, samples)
    sections += [] if series is None else [series]
    rows = kept_rows(run)
    sections.append(_flows_section(run) | {"met": met_columns(run, rows, directions, samples)})
    if errors and run.main.num_finished:
        sections.append(truth_section(run))
    why = [
        f"{name}: {result.why_unfinished}."
        for name, result in run.results.items()
        if result.why_unfinished
    ]
    return Page(
        title=run.scenario.name,
        facts=scenario_facts(run.scenario),
        sections=sections,
        simulators=list(run.results),
        truth=run.truth,
        notes=[*(notes or []), *why],
        flows=flow_columns(run, rows, directions.of_link),
    )


def _flows_section(run: Run) -> dict[str, Any]:
    num = run.main.num_flows
    fewer = f" Of {counted(num, 'flow')} the slowest are here." if num > MOST_FLOWS else ""
    return {
        "kind": "flows",
        "title": "Slowest flows, and what they met",
        "text": "By the slowdown in "
        f"{run.main.simulator}. The link is the one on the flow's route that had the longest queue "
        "while the flow lasted, or, where no queue was recorded, the most other flows." + fewer,
        "by": next(iter(run.results)),
    }
