"""Runs of ns-3 as a data set of labelled runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from m4graph.core.calls import plain_call
from m4graph.core.errors import ConfigError, InputError, M4GraphError
from m4graph.core.progress import Progress
from m4graph.core.schema import KeyProblem
from m4graph.datasets.importers.folder import ImportConfig, ImportFolder, Origin
from m4graph.datasets.importers.labelled import labelled_run
from m4graph.datasets.importers.sources import SCENARIO, find_sources, read_source
from m4graph.datasets.making.generation import GenerationError
from m4graph.datasets.making.leakage import check_training_seeds, refuse_reserved, scenario_hash
from m4graph.datasets.making.manifest import RunFailure, RunRecord, write_manifest
from m4graph.datasets.making.produce import run_record
from m4graph.routing import RoutingConfig
from m4graph.scenario import Scenario

MANIFEST_FILE = "manifest.json"


@plain_call
def import_runs(
    sources: Sequence[str | Path],
    out: str | Path,
    format_name: str,
    progress: Progress | None = None,
    on_note: Callable[[Path, str], None] | None = None,
    on_failure: Callable[[RunFailure], None] | None = None,
) -> list[RunRecord]:
    """Makes a data set of runs that were simulated elsewhere, with their times as the truth.

    The folder is as ``m4graph generate`` writes it, so :class:`~m4graph.datasets.FlowEventDataset`
    and ``m4graph train`` read it. Source ``i`` becomes ``raw/run_<i>.npz``; its scenario stands in
    ``raw/run_<i>.yaml``, with the tables in the folder ``raw/run_<i>``, which is a scenario folder
    of its own. A flow without a time did not finish. What is there already and the same is kept; a
    bad source does not stop the others, and the next call tries it again.

    Args:
        sources (list of str or Path): Folders of a run, or folders of such folders.
        out (str or Path): A new folder in one that exists, or one of an import of the same sources,
            or of the first of them.
        format_name (str): ``"hpcc"`` or ``"m4"``, texts of ns-3; ``"scenario"``, scenario folders
            with an ``expected.csv``.
        progress (Progress, optional): Called after every source. (default: ``None``)
        on_note (Callable, optional): Called with a source and what was lost of it.
            (default: ``None``)
        on_failure (Callable, optional): Called with what failed, as it happens.
            (default: ``None``)

    Returns:
        list: A record of each run, in the order of the sources.

    Raises:
        InputError: If there are no sources, none can be imported, or the folder holds other runs.
        GenerationError: At the end, if some sources were bad, or reserved for evaluation.
    """
    found, out = find_sources(sources, format_name), Path(out)
    names = [str(path) for path in found]
    config = ImportConfig(
        name=out.resolve().name,
        num_scenarios=len(found),
        format=format_name,
        sources=names,
        truth="recorded times" if format_name == SCENARIO else f"ns-3 ({format_name})",
    )
    folder = ImportFolder(out, config)
    records, failures = [], []
    for index, path in enumerate(found):
        try:
            scenario, notes = read_source(path, format_name)
            _refuse_evaluation(scenario, str(path))
            run = labelled_run(scenario)
        except M4GraphError as error:
            failures.append(RunFailure(index, " ".join(str(error).split()), {"source": str(path)}))
            if on_failure is not None:
                on_failure(failures[-1])
        else:
            folder.add(index, scenario, run, Origin(path, notes))
            records.append(run_record(index, scenario.seed, run))
            if on_note is not None:
                for note in notes:
                    on_note(path, note)
        if progress is not None:
            progress(index + 1, len(found))
    if not records:
        raise InputError(failures[0].error)
    write_manifest(out / MANIFEST_FILE, config, records, failures)
    if failures:
        message = (
            f"{len(failures)} of {len(found)} sources gave no run; {failures[0].error} "
            f"(see {out / MANIFEST_FILE})"
        )
        raise GenerationError(message, records, failures)
    return records


def _refuse_evaluation(scenario: Scenario, where: str) -> None:
    refuse_reserved(scenario_hash(scenario), where)
    routing = scenario.routing
    block = routing.model_dump() if isinstance(routing, RoutingConfig) else {}
    try:
        check_training_seeds({"seed": scenario.seed, "routing": block})
    except KeyProblem as problem:
        raise ConfigError(f"{where}: {problem}") from None
