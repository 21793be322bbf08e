"""Running a sweep: every point with every simulator, side by side, going on where it stopped."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from m4graph.core.calls import plain_call
from m4graph.core.errors import ConfigError
from m4graph.core.files import check_output_folder
from m4graph.core.parallel import check_backend, unordered
from m4graph.core.progress import Progress, count_progress
from m4graph.core.schema import spell
from m4graph.evaluation.suites.run import compile_for
from m4graph.evaluation.suites.store import scenario_digest
from m4graph.scenario import Scenario
from m4graph.simulators import TRUTH, Runner, labelled_runners, make_runners
from m4graph.sweeps.folder import Folder
from m4graph.sweeps.measure import Call, PointRows, run_point
from m4graph.sweeps.points import Point, make_points
from m4graph.sweeps.result import Sweep
from m4graph.sweeps.source import Source, built_at, source_of

QUANTILES = (0.5, 0.9, 0.99)
"""Of slowdowns, where no others are asked for."""


@plain_call
def sweep(
    scenario: Scenario | Mapping[str, Any] | str | os.PathLike[str],
    values: Mapping[str, Iterable[Any]],
    simulators: Iterable[str] | Mapping[str, Mapping[str, Any]] = (TRUTH,),
    quantiles: Iterable[float] = QUANTILES,
    out: str | os.PathLike[str] | None = None,
    jobs: int | None = 1,
    backend: str = "loky",
    progress: Progress | None = None,
) -> Sweep:
    """Simulates a scenario with all combinations of values of some of its keys.

    .. code-block:: python

        swept = m4.sweep(
            "scenario.yaml",
            {"workload.load": [0.3, 0.5, 0.7], "congestion_control.kind": ["dctcp", "hpcc"]},
            simulators=["packet", "fluid"],
        )
        swept.to_frame()
        swept.plot("sweep.png")

    All points are built, and so checked, before the first one runs. A point that a simulator
    refuses has no row of it, and a warning says so.

    Args:
        scenario (Scenario, Mapping, str or Path): A scenario's file or folder, or its blocks, as in
            ``scenario.yaml``. Of a :class:`~m4graph.Scenario` all keys but ``topology`` can be
            swept; those of ``workload`` if :func:`m4graph.workload.generate` drew the flows.
        values (Mapping): For each dotted key its values, as YAML has them.
        simulators (Iterable or Mapping, optional): Names; or for each label in the table a block of
            ``kind`` and options, as in ``{"mine": {"kind": "learned", "model": "folder"}}``.
            Errors are against ``packet``, where it is among them. (default: ``("packet",)``)
        quantiles (Iterable, optional): Of the slowdowns. (default: ``(0.5, 0.9, 0.99)``)
        out (str or Path, optional): A folder for the table, a plot, and every result as it comes.
            A sweep that was interrupted goes on there. (default: ``None``)
        jobs (int, optional): Processes side by side, of one thread each; one runs here.
            ``None``: one for each core. (default: ``1``)
        backend (str, optional): ``"loky"`` (this machine), ``"dask"`` or ``"ray"``.
            (default: ``"loky"``)
        progress (Progress, optional): Called with the points done, and their number.
            (default: a bar on stderr, where that is a terminal)

    Returns:
        Sweep: The table, and its plot.

    Raises:
        InputError: If a key, a value or an argument is bad, or no simulator can do a point; names
            it. If the folder has another sweep. Nothing is written then.
        SimulationError: If a run fails.
    """
    points = make_points(values)
    return run_sweep(
        scenario, points, _runners(simulators), quantiles, out, jobs, backend, progress
    )


def run_sweep(
    scenario: Scenario | Mapping[str, Any] | str | os.PathLike[str],
    points: Sequence[Point],
    runners: Sequence[Runner],
    quantiles: Iterable[float] = QUANTILES,
    out: str | os.PathLike[str] | None = None,
    jobs: int | None = 1,
    backend: str = "loky",
    progress: Progress | None = None,
) -> Sweep:
    """As :func:`sweep`, of points and runners that are made already."""
    check_backend(backend, jobs)
    kept_quantiles = _checked_quantiles(quantiles)
    identities = {}
    for runner in runners:
        runner.build()
        identities[runner.label] = runner.identity()
    if out is not None:
        check_output_folder(Path(out))
    source = source_of(scenario)
    first, hashes, kinds = _checked(source, points)
    folder = None
    if out is not None:
        folder = Folder.open(Path(out).absolute(), first, points, hashes, runners)
    if jobs != 1:
        compile_for(kinds, runners)
    results = None if folder is None else folder.results
    calls = [
        Call(number, source, point, digest, tuple(runners), identities, kept_quantiles, results)
        for number, (point, digest) in enumerate(zip(points, hashes, strict=True))
    ]
    found = _run(calls, jobs, backend, progress)
    _tell(points, found)
    swept = Sweep(first.name, points, found, kept_quantiles)
    if folder is not None:
        folder.finish(swept)
    return swept


def _checked(source: Source, points: Sequence[Point]) -> tuple[Scenario, list[str], set[str]]:
    """Builds the scenarios of all points; gives the first, and of all the hash and algorithm."""
    built = (built_at(source, point) for point in points)
    first = next(built)
    hashes, kinds = [scenario_digest(first)], {first.congestion_control.kind}
    for scenario in built:
        hashes.append(scenario_digest(scenario))
        kinds.add(scenario.congestion_control.kind)
    return first, hashes, kinds


def _run(
    calls: Sequence[Call], jobs: int | None, backend: str, progress: Progress | None
) -> list[PointRows]:
    """What comes of all points, in their order."""
    found: list[PointRows] = []
    with ExitStack() as stack:
        report = progress or stack.enter_context(count_progress("points"))
        done = unordered(run_point, ((call,) for call in calls), jobs, backend)
        for rows in stack.enter_context(closing(done)):
            found.append(rows)
            report(len(found), len(calls))
    return sorted(found, key=lambda rows: rows.number)


def _runners(
    simulators: Iterable[str] | Mapping[str, Mapping[str, Any]],
) -> tuple[Runner, ...]:
    if isinstance(simulators, Mapping):
        return labelled_runners(simulators)
    if isinstance(simulators, str):
        raise ConfigError(f"simulators: expected a list of names (got {spell(simulators)})")
    names = list(simulators)
    for name in names:
        if not isinstance(name, str):
            raise ConfigError(f"simulators: expected names (got {spell(name)})")
    if not names:
        raise ConfigError("simulators: expected one name or more (got none)")
    return make_runners(names)


def _checked_quantiles(quantiles: Iterable[float]) -> tuple[float, ...]:
    found = tuple(quantiles) if isinstance(quantiles, Iterable) else (quantiles,)
    for each in found:
        is_number = isinstance(each, int | float) and not isinstance(each, bool)
        if not (is_number and 0 < each < 1):
            raise ConfigError(f"quantiles: expected numbers between 0 and 1 (got {spell(each)})")
    return found


def _tell(points: Sequence[Point], found: Sequence[PointRows]) -> None:
    """Warns of what simulators refused, or warned of.

    Raises:
        ConfigError: If they refused everything.
    """
    counts = Counter(label for each in found for label in each.refusals)
    for label, count in counts.items():
        first = next(each for each in found if label in each.refusals)
        where = f"{label} in {count} of {len(points)} points"
        text = f"{where} (first {points[first.number]}: {first.refusals[label]})"
        if not any(each.rows for each in found):
            raise ConfigError(f"simulators: expected one that can do the scenario (got {text})")
        warnings.warn(f"left out: {text}", stacklevel=5)
    for text in dict.fromkeys(text for each in found for text in each.warnings):
        warnings.warn(text, stacklevel=5)
