"""What a report may be of."""

from __future__ import annotations

from pathlib import Path

from m4graph.core.errors import ConfigError
from m4graph.evaluation.scenario_results import ScenarioResults
from m4graph.jobs import JobResult
from m4graph.report.folders import page_of_folder
from m4graph.report.job_page import job_page
from m4graph.report.page import Page
from m4graph.report.run import Run
from m4graph.report.scenario_page import RECORDING, page_of_results, page_of_run
from m4graph.results import SimulationResult


def write_report(
    source: str | Path | SimulationResult | ScenarioResults | JobResult, path: str | Path
) -> None:
    """Writes one HTML file that holds all it needs, to be opened in a browser.

    It shows what was simulated, errors, slowdowns, the network, the slowest flows and what they
    met. Time series of links and flows are in it if ``packet`` recorded them.

    Args:
        source (str, Path, SimulationResult, Comparison or JobResult): What to show; a folder is one
            that ``m4graph simulate``, ``compare``, ``evaluate``, ``sweep`` or ``job`` wrote.
        path (str or Path): The file.

    Raises:
        InputError: If the folder is none of these, a file of it is damaged, or nothing can be
            written there.
    """
    _page(source).write(Path(path))


def _page(source: object) -> Page:
    if isinstance(source, str | Path):
        return page_of_folder(Path(source))
    if isinstance(source, SimulationResult):
        records = source.extra.get(RECORDING)
        return page_of_run(Run({source.simulator: source}, records=records))
    if isinstance(source, ScenarioResults):
        return page_of_results(source)
    if isinstance(source, JobResult):
        return job_page(source.summary(), source.collectives, source.ranks, source.links)
    raise ConfigError(
        f"report: expected a folder, a result, a comparison or a job (got {type(source).__name__})"
    )
