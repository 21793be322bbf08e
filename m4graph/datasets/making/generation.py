"""Labelled runs from a distribution of scenarios, on as many processes as wanted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from m4graph.core.calls import plain_call
from m4graph.core.checks import check_positive
from m4graph.core.errors import InputError, SimulationError
from m4graph.core.parallel import check_backend, unordered
from m4graph.core.progress import Progress
from m4graph.datasets.making.config import GenerateConfig
from m4graph.datasets.making.forecast import MAX_TOTAL_HOURS, check_total
from m4graph.datasets.making.manifest import (
    WHOLE,
    RunFailure,
    RunRecord,
    Shard,
    known_hashes,
    write_manifest,
)
from m4graph.datasets.making.produce import produce, scenario_of
from m4graph.datasets.making.run_folder import (
    RAW,
    check_run_folder,
    open_run_folder,
    run_files,
    run_name,
)
from m4graph.scenario import Scenario
from m4graph.simulators import build_simulator, simulate
from m4graph.simulators.forecast import MAX_HOURS
from m4graph.topology import star
from m4graph.workload import generate as generate_workload

_TRIED = 10
"""Scenarios none of which can be built: then the configuration is wrong, not they."""
_LOOKED_THROUGH = 100
"""Scenarios looked through for the algorithms to compile."""
_NAMED = 10
"""Failed scenarios that the error names by number."""


class GenerationError(SimulationError):
    """Some scenarios gave no run. The others did, and are on disk.

    Args:
        message (str): Which, and where to read why.
        records (Sequence[RunRecord]): The runs.
        failures (Sequence[RunFailure]): What failed.
    """

    def __init__(
        self, message: str, records: Sequence[RunRecord], failures: Sequence[RunFailure]
    ) -> None:
        super().__init__(message)
        self.records = list(records)
        self.failures = list(failures)


@plain_call
def generate(
    config: GenerateConfig,
    out: str | Path,
    jobs: int | None = None,
    backend: str = "loky",
    shard: Shard = WHOLE,
    progress: Progress | None = None,
    on_failure: Callable[[RunFailure], None] | None = None,
    source: str | None = None,
    options: Mapping[str, Any] | None = None,
    max_total_hours: float = MAX_TOTAL_HOURS,
) -> list[RunRecord]:
    """Simulates scenarios, and writes ``out/raw/run_<i>.npz`` and ``.yaml`` for each.

    A run that is there already, whole, of the same scenario and with the hash that a manifest in
    the folder gives, is kept: call it again after an interruption, however hard, or to put the
    shards of many machines together under one manifest. A bad scenario does not stop the others;
    the next call tries it again. The bits do not depend on jobs, backend, shards and interruptions.

    ``out/config.yaml`` holds the configuration, ``out/manifest.json`` the hashes of the runs, and
    what was wrong with the scenarios that gave none. A shard has a manifest of its own,
    ``out/manifest-<i>-of-<n>.json``.

    Args:
        config (GenerateConfig): The distribution of scenarios.
        out (str or Path): A new folder, or one that is there already.
        jobs (int, optional): Processes. (default: one for each core)
        backend (str): ``"loky"`` (this machine), ``"dask"`` or ``"ray"``. (default: ``"loky"``)
        shard (Shard): Which of the scenarios. (default: all)
        progress (Progress, optional): Called after every scenario. (default: ``None``)
        on_failure (Callable, optional): Called with what failed, as it happens.
            (default: ``None``)
        source (str, optional): What messages call the configuration. (default: its name)
        options (Mapping, optional): Of the packet simulator, as ``max_hours``. (default: none)
        max_total_hours (float, optional): Refuse scenarios that would take one core longer, all
            together, as far as the first of them tells. (default: ``10000``)

    Returns:
        list: A record of each run of the shard, in order.

    Raises:
        InputError: If the folder holds runs of another configuration, none of the first
            scenarios can be built, or it is too much work. Nothing is written then.
        GenerationError: At the end, if scenarios were bad, reserved for evaluation, or failed.
    """
    check_backend(backend, jobs)
    options = options or {}
    build_simulator("packet", **options)
    check_positive("max_total_hours", max_total_hours)
    out = Path(out)
    source = config.name if source is None else source
    indices = shard.indices(config.num_scenarios)
    check_run_folder(config, out)
    first = _first_scenario(config, out, source, options.get("max_hours", MAX_HOURS))
    check_total(first, len(indices), max_total_hours)
    hashes = known_hashes(out)
    raw = open_run_folder(config, out).absolute()  # workers may stand elsewhere
    _compile(config, indices)
    calls = ((config, raw, index, hashes.get(run_name(index), ()), options) for index in indices)
    records, failures = [], []
    with closing(unordered(produce, calls, jobs, backend)) as results:
        for result in results:
            if isinstance(result, RunRecord):
                records.append(result)
            else:
                failures.append(result)
                if on_failure is not None:
                    on_failure(result)
            if progress is not None:
                progress(len(records) + len(failures), len(indices))
    records.sort(key=lambda record: record.name)
    failures.sort(key=lambda failure: failure.scenario)
    manifest = out / shard.manifest_file
    write_manifest(manifest, config, records, failures)
    if failures:
        message = f"{source}: {_summary(failures, len(indices))} (see {manifest})"
        raise GenerationError(message, records, failures)
    return records


def label(source: str, index: int) -> str:
    """What messages call a scenario."""
    return f"{source}, scenario {index}"


def _first_scenario(config: GenerateConfig, out: Path, source: str, max_hours: float) -> Scenario:
    """The first scenario; refuses a configuration none of whose first ones can be built."""
    problems = []
    for index in range(min(_TRIED, config.num_scenarios)):
        try:
            file = run_files(out / RAW, run_name(index))[0]
            return scenario_of(config.describe(index), file, max_hours)
        except InputError as error:
            problems.append(InputError(f"{label(source, index)}: {error}"))
    raise problems[0]


def _compile(config: GenerateConfig, indices: Sequence[int]) -> None:
    """Compiles what the workers need, once, and so that they find it in numba's cache.

    An algorithm that none of the first scenarios has is compiled by the worker that meets it.
    """
    network = star(num_hosts=3)
    workload = generate_workload(network, num_flows=3)
    seen = set()
    for index in indices[:_LOOKED_THROUGH]:
        try:
            kind = _algorithm(config.describe(index))
            if kind not in seen:
                simulate(Scenario(network, workload, kind), "packet", labels=True)
                seen.add(kind)
        except InputError:
            continue  # The worker that meets it says what is wrong.


def _algorithm(description: Mapping[str, Any]) -> Any:
    """The name of a scenario's algorithm, if it has one."""
    block = description["congestion_control"]
    return block.get("kind", "") if isinstance(block, Mapping) else block


def _summary(failures: Sequence[RunFailure], num_scenarios: int) -> str:
    numbers = ", ".join(str(failure.scenario) for failure in failures[:_NAMED])
    more = ", ..." if len(failures) > _NAMED else ""
    first = f"scenario {failures[0].scenario}: {failures[0].error}"
    return f"{len(failures)} of {num_scenarios} scenarios gave no run: {numbers}{more}; {first}"
