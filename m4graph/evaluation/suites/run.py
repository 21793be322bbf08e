"""Running a suite: every scenario with every simulator, side by side, going on where it stopped."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from m4graph.core.errors import ConfigError
from m4graph.core.parallel import check_backend, unordered
from m4graph.evaluation.suites.measure import Record, record
from m4graph.evaluation.suites.runner import Runner
from m4graph.evaluation.suites.store import (
    cache_folder,
    load_result,
    save_result,
    scenario_digest,
)
from m4graph.results import SimulationResult, expected_result
from m4graph.scenario import Scenario
from m4graph.scenario.congestion import CONGESTION_CONTROLS
from m4graph.scenario.suite import Case, Suite
from m4graph.simulators import TRUTH
from m4graph.topology import star
from m4graph.workload import generate

RESULTS = "results"
"""The folder of single results inside an evaluation's folder."""


def run_suite(
    suite: Suite,
    runners: Sequence[Runner],
    jobs: int | None = 1,
    folder: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Record]:
    """Runs all scenarios with all simulators and measures them.

    The results of the packet and the fluid simulator are kept in :func:`.cache_folder`, and used
    again as long as neither the scenario nor the simulator's source has changed.

    Args:
        suite (Suite): The scenarios.
        runners (Sequence[Runner]): The simulators.
        jobs (int, optional): Processes side by side, of one thread each; one runs here.
            ``None``: one for each core. (default: ``1``)
        folder (Path, optional): Where results are written as they come, and found when an
            evaluation that was interrupted goes on. (default: ``None``)
        progress (Callable, optional): Called with the scenarios done, and their number.

    Returns:
        list: A record of each scenario, in the suite's order.

    Raises:
        InputError: If a scenario is bad, or a simulator cannot do it.
        ConfigError: If a scenario has no truth.
        SimulationError: If a simulation fails.
    """
    check_backend("loky", jobs)
    for runner in runners:
        runner.build()  # What is bad about its options comes out before anything has run.
    identities = {runner.label: runner.identity() for runner in runners}
    if jobs != 1:
        _compile(suite.cases, runners)
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
    check_truth(case.name, scenario.expected is not None, runners)
    digest = scenario_digest(scenario)
    found = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for runner in runners:
            key = sha256(f"{digest} {identities[runner.label]}".encode()).hexdigest()
            paths = [cache / runner.simulator / f"{key}.npz"] if runner.cached else []
            if results is not None:
                own = results / _file_name(runner.label) / f"{_file_name(case.name)}.npz"
                paths.insert(0, own)
            found.append(_result(runner, scenario, key, paths))
    if scenario.expected is not None:
        truth, guesses = expected_result(scenario), found
    else:
        truth = next(each for each in found if each.simulator == TRUTH)
        guesses = [each for each in found if each is not truth]
    heard = tuple(dict.fromkeys(str(each.message) for each in caught))
    return replace(record(case.labels, truth, guesses), warnings=heard)


def check_truth(name: str, recorded: bool, runners: Sequence[Runner]) -> None:
    """Checks that there is a truth, and something to measure.

    Raises:
        ConfigError: If not.
    """
    labels = [runner.label for runner in runners]
    got = f"(got {', '.join(labels)})"
    if not recorded and TRUTH not in labels:
        raise ConfigError(
            f"scenario {name}: expected {TRUTH} among the simulators, as the truth, or an "
            f"expected.csv {got}"
        )
    if not recorded and len(labels) == 1:
        raise ConfigError(f"scenario {name}: expected a simulator besides {TRUTH} {got}")


def _result(
    runner: Runner, scenario: Scenario, key: str, paths: Sequence[Path]
) -> SimulationResult:
    result = load_result(paths, key, runner.label, scenario)
    if result is None:
        result = replace(runner.build().run(scenario), simulator=runner.label)
    for path in paths:
        if load_result([path], key, runner.label, scenario) is None:
            save_result(path, key, result)
    return result


def _compile(cases: Sequence[Case], runners: Sequence[Runner]) -> None:
    """Compiles the kernels that workers need, once, so that they find them in numba's cache."""
    network = star(num_hosts=3)
    workload = generate(network, num_flows=3)
    named = sorted({str(case.labels.get("algorithm")) for case in cases})
    kinds = [kind for kind in named if kind in CONGESTION_CONTROLS]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for runner in runners:
            # Only the packet simulator has a kernel for each algorithm.
            for kind in kinds if runner.simulator == TRUTH else kinds[:1]:
                runner.build().run(Scenario(network, workload, kind))


def _file_name(name: str) -> str:
    """A name, or one like it that a file may have."""
    plain = re.sub(r"^\.+|[^\w.-]+", "_", name)
    return plain if plain == name else f"{plain}-{sha256(name.encode()).hexdigest()[:6]}"
