"""The page of one scenario: what simulators say of it, and what was recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from m4graph.evaluation.distributions import Distributions
from m4graph.evaluation.plots.time_series import Recorded
from m4graph.evaluation.samples import Sample, finished_sample
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
from m4graph.report.tables import network_fact, results_section, scenario_facts
from m4graph.report.time_series import series_section
from m4graph.results import SimulationResult

RECORDING = "recording"
"""The name in a result's ``extra`` of what was recorded."""


def comparison_page(comparison: ScenarioResults) -> Page:
    """The page of a comparison with a truth; what was recorded of one of its results is in it.

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
    samples = comparison.samples if comparison.truth.num_finished else []
    refusals = [f"{name} was left out: {why}" for name, why in comparison.refusals.items()]
    return _page(run, samples, comparison.errors, refusals)


def result_page(result: SimulationResult, records: Recorded | None = None) -> Page:
    """The page of one result.

    Args:
        result (SimulationResult): The result.
        records (Recorded, optional): What was recorded of it. (default: what it brings)
    """
    seen = result.extra.get(RECORDING) if records is None else records
    name = result.simulator
    samples = [finished_sample(name, result)] if result.num_finished else []
    return _page(Run({name: result}, records=seen), samples, {}, [])


def distributions_page(comparison: Distributions) -> Page:
    """The page of results side by side without a truth, each perhaps of a scenario of its own.

    Args:
        comparison (Distributions): The results.
    """
    results = comparison.results
    network = {name: network_fact(each.scenario) for name, each in results.items()}
    return Page(
        title=comparison.name,
        facts=list(network.items()),
        sections=[
            results_section(results, {}, None),
            cdf_section(comparison.samples),
            size_section(comparison.samples),
        ],
        simulators=list(results),
        notes=_unfinished(results),
    )


def _page(
    run: Run, samples: Sequence[Sample], errors: Mapping[str, ErrorSummary], notes: list[str]
) -> Page:
    directions = Directions(run.scenario.arrays)
    links = None if run.records is None else run.records.links
    recorded = None if links is None or links.empty else LinkSamples.of(links, directions)
    sections: list[dict[str, Any]] = [results_section(run.results, errors, run.truth)]
    if samples:
        sections += [cdf_section(samples), size_section(samples, run)]
    sections.append(network_section(run, directions, recorded))
    series = series_section(run, recorded)
    sections += [] if series is None else [series]
    rows = kept_rows(run)
    met = met_columns(run, rows, directions, recorded)
    sections.append(_flows_section(run) | {"met": met})
    if samples and errors:
        sections.append(truth_section(run))
    return Page(
        title=run.scenario.name,
        facts=scenario_facts(run.scenario),
        sections=sections,
        simulators=list(run.results),
        truth=run.truth,
        notes=[*notes, *_unfinished(run.results)],
        flows=flow_columns(run, rows, directions.of_link),
    )


def _unfinished(results: Mapping[str, SimulationResult]) -> list[str]:
    """A sentence for each result with flows that did not finish."""
    whys = {name: result.why_unfinished for name, result in results.items()}
    return [f"{name}: {why}." for name, why in whys.items() if why]


def _flows_section(run: Run) -> dict[str, Any]:
    num = run.main.num_flows
    fewer = f" Of {counted(num, 'flow')} the slowest are here." if num > MOST_FLOWS else ""
    return {
        "kind": "flows",
        "title": "Slowest flows, and what they met",
        "text": "By the slowdown in "
        f"{run.main.simulator}. The link is the one on the flow's route that had the longest queue "
        "while the flow lasted, or, where no queue was recorded, the most other flows." + fewer,
    }
