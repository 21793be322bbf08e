"""What a report may be of."""

from __future__ import annotations

from pathlib import Path

from m4graph.core.calls import plain_call
from m4graph.core.errors import ConfigError
from m4graph.evaluation.distributions import Distributions
from m4graph.evaluation.scenario_results import ScenarioResults
from m4graph.jobs import JobResult
from m4graph.report.curves import sweep_page
from m4graph.report.folders import page_of_folder
from m4graph.report.job_page import job_page
from m4graph.report.page import Page
from m4graph.report.scenario_page import comparison_page, distributions_page, result_page
from m4graph.results import SimulationResult
from m4graph.sweeps import Sweep

Source = str | Path | SimulationResult | ScenarioResults | Distributions | Sweep | JobResult


@plain_call
def write_report(source: Source, path: str | Path) -> None:
    """Writes one HTML file that holds all it needs, to be opened in a browser.

    It shows what was simulated, errors, slowdowns, the network, the slowest flows and what they
    met. Time series of links and flows are in it if ``packet`` recorded them.

    Args:
        source (SimulationResult, Comparison, Distributions, Sweep, JobResult, str or Path): A
            result, what :func:`m4graph.compare` or :func:`m4graph.sweep` gave, a job's result, or a
            folder that ``m4graph simulate``, ``compare``, ``evaluate``, ``sweep`` or ``job`` wrote.
        path (str or Path): The file.

    Raises:
        InputError: If the source is none of these, a file of it is damaged, or nothing can be
            written there.
    """
    _page(source).write(Path(path))


def _page(source: object) -> Page:
    if isinstance(source, str | Path):
        return page_of_folder(Path(source))
    if isinstance(source, SimulationResult):
        return result_page(source)
    if isinstance(source, ScenarioResults):
        return comparison_page(source)
    if isinstance(source, Distributions):
        return distributions_page(source)
    if isinstance(source, Sweep):
        return sweep_page(source.name, source.to_frame())
    if isinstance(source, JobResult):
        return job_page(source.summary(), source.collectives, source.ranks, source.links)
    raise ConfigError(
        f"report: expected a folder, a result, a comparison, a sweep or a job "
        f"(got {type(source).__name__})"
    )
