"""Running a suite of pods: fits its mimics, then every case with every simulator."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from m4graph.core.errors import ConfigError
from m4graph.core.parallel import check_backend, unordered
from m4graph.core.progress import Progress
from m4graph.evaluation.suites.pods.fits import fitted_mimics
from m4graph.evaluation.suites.pods.store import RunCost, load_run, save_run
from m4graph.evaluation.suites.pods.suite import FULL, PodCase, PodSuite
from m4graph.evaluation.suites.run import RESULTS, file_name
from m4graph.evaluation.suites.store import cache_folder, scenario_digest
from m4graph.mimic.samples import HostSamples
from m4graph.scenario import Scenario
from m4graph.scenario.cautions import Caution
from m4graph.simulators import TRUTH, Refusal, Runner

RECORDING = {"rtt": {"pod": 0}, "throughput": {"pod": 0}}
"""Of the truth; mimics measure the same without being asked."""

_MOMENT_NS = 1_000_000


@dataclass(frozen=True)
class PodRun:
    """One simulator in one case.

    Args:
        case (PodCase): The case.
        simulator (str): Its label; of the baselines of two pods, their role.
        is_truth (bool): Whether the others of its number of pods and seed are measured at it.
        samples (HostSamples): What the hosts of pod 0 have seen.
        cost (RunCost): What it took.
    """

    case: PodCase
    simulator: str
    is_truth: bool
    samples: HostSamples
    cost: RunCost


@dataclass(frozen=True)
class CaseRuns:
    """All runs of one case, and what was refused in it: by label, why."""

    case: PodCase
    runs: tuple[PodRun, ...]
    refusals: dict[str, str]


def run_pods(
    suite: PodSuite,
    runners: Sequence[Runner],
    jobs: int | None = 1,
    folder: Path | None = None,
    progress: Progress | None = None,
) -> list[CaseRuns]:
    """Fits the suite's mimics and runs all cases; those of two pods in the packet simulator only.

    Runs are kept as :func:`~m4graph.evaluation.suites.run_suite` keeps results, with the seconds
    that they took then.

    Args:
        suite (PodSuite): The cases.
        runners (Sequence[Runner]): The packet simulator, and others.
        jobs (int, optional): Processes side by side, of one thread each. (default: ``1``)
        folder (Path, optional): Where runs are written as they come. (default: ``None``)
        progress (Progress, optional): Called with the cases done, and their number.

    Raises:
        ConfigError: If the packet simulator is not among the simulators, or no case is a network
            in full.
        InputError: If a case is bad.
        SimulationError: If a simulation fails.
    """
    check_backend("loky", jobs)
    truth, others = _apart(runners)
    results = None if folder is None else folder / RESULTS
    cases = [case for case in suite.cases if isinstance(case, PodCase)]
    sizes = {case.num_pods for case in cases if case.role == FULL}
    if not sizes:
        raise ConfigError(
            f"suite {suite.name}: expected a part with a network in full, to measure others at "
            f"(got {len(cases)} of two pods); take a larger fraction"
        )
    mimics = {num_pods: fitted_mimics(suite, num_pods) for num_pods in sorted(sizes)}
    calls = [
        (
            case,
            (truth, *others, *mimics[case.num_pods]) if case.role == FULL else (truth,),
            suite.margin_ns,
            results,
        )
        for case in cases
    ]
    found: dict[str, CaseRuns] = {}
    for done in unordered(run_case, calls, jobs):
        found[done.case.name] = done
        if progress is not None:
            progress(len(found), len(calls))
    return [found[case.name] for case in cases]


def _apart(runners: Sequence[Runner]) -> tuple[Runner, tuple[Runner, ...]]:
    """The truth, which records what hosts of pod 0 see, and all others."""
    truths = [runner for runner in runners if runner.simulator == TRUTH]
    if not truths:
        raise ConfigError(f"simulators: expected {TRUTH}, the truth of a suite of pods (got none)")
    options = {**truths[0].options, "recording": RECORDING}
    return Runner(TRUTH, TRUTH, options), tuple(each for each in runners if each not in truths)


def run_case(
    case: PodCase, runners: Sequence[Runner], margin_ns: int, results: Path | None
) -> CaseRuns:
    """Runs one case; importable, for workers."""
    scenario = case.build()
    digest = scenario_digest(scenario)
    runs, refusals = [], {}
    for runner in runners:
        is_truth = runner is runners[0] and case.role == FULL
        label = runner.label if case.role == FULL else case.role
        key = sha256(f"pods {digest} {runner.identity()} {margin_ns}".encode()).hexdigest()
        paths = [cache_folder() / "pods" / f"{key}.npz"] if runner.is_deterministic else []
        if results is not None:
            paths.insert(0, results / file_name(label) / f"{file_name(case.name)}.npz")
        try:
            samples, cost = _kept(runner, scenario, margin_ns, key, paths)
        except Refusal as error:
            refusals[label] = str(error)
            continue
        runs.append(PodRun(case, label, is_truth, samples, cost))
    return CaseRuns(case, tuple(runs), refusals)


def _kept(
    runner: Runner, scenario: Scenario, margin_ns: int, key: str, paths: Sequence[Path]
) -> tuple[HostSamples, RunCost]:
    found = load_run(paths, key) or measure(runner, scenario, margin_ns)
    for path in paths:
        if load_run([path], key) is None:
            save_run(path, key, *found)
    return found


def measure(runner: Runner, scenario: Scenario, margin_ns: int) -> tuple[HostSamples, RunCost]:
    """Runs a scenario, compiled code at hand; gives what counts, and the seconds of one core."""
    hosts = _hosts_of_pod(scenario, 0)
    with warnings.catch_warnings():
        # A suite's windows and stop times are meant as they are; its tables count what is left.
        warnings.simplefilter("ignore", Caution)
        runner.run(scenario.replace(stop_ns=_MOMENT_NS))
        before = time.process_time()
        result = runner.run(scenario)
        cpu_s = time.process_time() - before
    cost = RunCost(cpu_s, result.packet_hops or 0, len(result.flow_id))
    return HostSamples.of(result, hosts, margin_ns), cost


def _hosts_of_pod(scenario: Scenario, pod: int) -> NDArray[np.int64]:
    nodes = scenario.network.nodes
    hosts = range(scenario.arrays.num_hosts)
    return np.array([host for host in hosts if nodes[host].get("pod") == pod])
