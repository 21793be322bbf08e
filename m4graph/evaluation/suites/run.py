"""Running a suite: every scenario with every simulator, side by side, going on where it stopped."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from m4graph.core.calls import plain_call
from m4graph.core.parallel import check_backend, unordered
from m4graph.core.progress import Progress
from m4graph.evaluation.scenario_results import ScenarioResults, check_truth
from m4graph.evaluation.suites.measure import Record, record
from m4graph.evaluation.suites.store import (
    cache_folder,
    load_result,
    save_result,
    scenario_digest,
)
from m4graph.results import SimulationResult
from m4graph.scenario import Scenario
from m4graph.scenario.cautions import Caution
from m4graph.scenario.congestion import CONGESTION_CONTROLS
from m4graph.scenario.suite import Case, Suite
from m4graph.simulators import NOISE, Refusal, Runner
from m4graph.topology import star
from m4graph.workload import generate

RESULTS = "results"
"""The folder of single results inside an evaluation's folder."""


@plain_call
def run_suite(
    suite: Suite,
    runners: Sequence[Runner],
    jobs: int | None = 1,
    folder: Path | None = None,
    progress: Progress | None = None,
) -> list[Record]:
    """Runs all scenarios with all simulators and measures them.

    The results of deterministic simulators are kept in :func:`.cache_folder`, and used again as
    long as neither the scenario nor the simulator's source has changed. A scenario that a simulator
    refuses is left out of its results.

    Args:
        suite (Suite): The scenarios.
        runners (Sequence[Runner]): The simulators.
        jobs (int, optional): Processes side by side, of one thread each; one runs here.
            ``None``: one for each core. (default: ``1``)
        folder (Path, optional): Where results are written as they come, and found when an
            evaluation that was interrupted goes on. (default: ``None``)
        progress (Progress, optional): Called with the scenarios done, and their number.

    Returns:
        list: A record of each scenario, in the suite's order.

    Raises:
        InputError: If a scenario is bad.
        ConfigError: If a scenario has no truth, or the truth refuses it.
        SimulationError: If a simulation fails.
    """
    check_backend("loky", jobs)
    for runner in runners:
        runner.build()  # What is bad about its options comes out before anything has run.
    identities = {runner.label: runner.identity() for runner in runners}
    if jobs != 1:
        compile_for([str(case.labels.get("algorithm")) for case in suite.cases], runners)
    results = None if folder is None else folder / RESULTS
    calls = [(case, tuple(runners), identities, cache_folder(), results) for case in suite.cases]
    found: dict[str, Record] = {}
    for done in unordered(run_case, calls, jobs):
        found[done.scenario] = done
        if progress is not None:
            progress(len(found), len(calls))
    return [found[case.name] for case in suite.cases]


def run_case(
    case: Case,
    runners: Sequence[Runner],
    identities: dict[str, str],
    cache: Path,
    results: Path | None,
) -> Record:
    """Runs one scenario with all simulators and measures them; importable, for workers.

    Raises:
        InputError: As :func:`run_suite`.
        SimulationError: As :func:`run_suite`.
    """
    scenario = case.build()
    labels = [runner.label for runner in runners]
    check_truth(f"scenario {case.name}", labels, recorded=scenario.expected is not None)
    digest = scenario_digest(scenario)
    found: list[SimulationResult] = []
    refusals: dict[str, str] = {}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        # A suite's windows and stop times are meant as they are; its tables count what is left.
        warnings.simplefilter("ignore", Caution)
        for runner in runners:
            if runner.label == NOISE and scenario.expected is not None:
                continue  # Recorded times cannot be recorded again.
            key = sha256(f"{digest} {identities[runner.label]}".encode()).hexdigest()
            paths = [cache / runner.simulator / f"{key}.npz"] if runner.is_deterministic else []
            if results is not None:
                own = results / file_name(runner.label) / f"{file_name(case.name)}.npz"
                paths.insert(0, own)
            try:
                found.append(_result(runner, scenario, key, paths, cache))
            except Refusal as error:
                refusals[runner.label] = str(error)
    heard = tuple(dict.fromkeys(str(each.message) for each in caught))
    measured = ScenarioResults.from_runs(scenario, found, refusals)
    return record(case.labels, measured, heard)


def _result(
    runner: Runner, scenario: Scenario, key: str, paths: Sequence[Path], cache: Path
) -> SimulationResult:
    result = load_result(paths, key, runner.label, scenario)
    if result is None:
        result = runner.run(scenario)
    for path in paths:
        if load_result([path], key, runner.label, scenario) is None:
            try:
                save_result(path, key, result)
            except OSError as error:
                if not path.is_relative_to(cache):
                    raise
                warnings.warn(
                    f"{cache}: expected a folder to keep results in (got {error.strerror})",
                    stacklevel=2,
                )
    return result


def compile_for(kinds: Iterable[str], runners: Sequence[Runner]) -> None:
    """Compiles the kernels that workers need, once, so that they find them in numba's cache.

    Args:
        kinds (Iterable[str]): Algorithms; what is none is passed over.
        runners (Sequence[Runner]): The simulators.
    """
    network = star(num_hosts=3)
    workload = generate(network, num_flows=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for runner in runners:
            for kind in sorted(set(kinds)):
                if kind in CONGESTION_CONTROLS:
                    with suppress(Refusal):  # The scenarios tell what it cannot do.
                        runner.run(Scenario(network, workload, kind))


def file_name(name: str) -> str:
    """A name, or one like it that a file may have."""
    plain = re.sub(r"^\.+|[^\w.-]+", "_", name)
    return plain if plain == name else f"{plain}-{sha256(name.encode()).hexdigest()[:6]}"
