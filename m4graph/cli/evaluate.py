"""``m4graph evaluate``: a suite of scenarios, and how far simulators are from the truth on it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from m4graph.cli.arguments import (
    DeviceName,
    EngineName,
    Options,
    SimulatorNames,
    split_names,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from m4graph.evaluation.suites import Suite
    from m4graph.simulators import Runner


def evaluate(
    suite: Annotated[
        str,
        typer.Argument(
            metavar="SUITE",
            help="A suite's name, a folder of scenario folders, or a YAML file of scenarios.",
        ),
    ],
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            metavar="MODEL,MODEL,...",
            help="Names or paths of a learned simulator's models; may be given several times.",
        ),
    ] = None,
    simulators: SimulatorNames = None,
    fraction: Annotated[
        float, typer.Option("--fraction", help="Part of the scenarios, a fair sample of them.")
    ] = 1.0,
    jobs: Annotated[
        int, typer.Option("--jobs", help="Processes side by side, of one thread each.")
    ] = 1,
    engine: EngineName = None,
    device: DeviceName = None,
    options: Options = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Write tables and plots; one to be completed may exist."),
    ] = None,
) -> None:
    """Evaluate simulators on a suite of scenarios.

    The truth is the packet simulator, unless a scenario brings an expected.csv. Results of
    deterministic simulators are kept in $M4GRAPH_CACHE (~/.cache/m4graph) and used again.
    """
    from rich.console import Console

    from m4graph.core.files import check_output_folder
    from m4graph.core.progress import count_progress
    from m4graph.evaluation.suites import evaluate_suite, load_suite
    from m4graph.simulators import (
        COMPARED,
        NOISE,
        labelled_runners,
        make_runners,
        read_options,
    )

    chosen = load_suite(suite).part(fraction)
    beside = dict(chosen.beside)
    if simulators is None:
        names = list(chosen.compared or COMPARED)
        beside |= {NOISE: {"kind": NOISE}} if chosen.has_noise else {}
    else:
        names = split_names("--simulators", simulators)
        chosen, beside = chosen.alone(), {}
    models = [name for given in model or [] for name in split_names("--model", given)]
    own = read_options(options or [], [*names, *(block["kind"] for block in beside.values())])
    runners = make_runners(names, models, {"engine": engine, "device": device}, own)
    runners += labelled_runners(beside, own)
    if out is not None:
        check_output_folder(out)
    for runner in runners:
        runner.build()  # What is bad about its options is told in words of its own.
    with count_progress("scenarios") as progress:
        configuration = _configuration(chosen, runners, fraction)
        report = evaluate_suite(chosen, runners, configuration, jobs, out, progress)
    for text in report.warnings:
        typer.echo(f"warning: {text}", err=True)
    for line in report.refusals.lines():
        typer.echo(line, err=True)
    if out is not None:
        report.save(out)
    Console().print(report.table())


def _configuration(suite: Suite, runners: Sequence[Runner], fraction: float) -> dict[str, Any]:
    """What was run, for those who want to run it again."""
    return {
        "suite": suite.name,
        "fraction": fraction,
        "simulators": [
            {
                "label": runner.label,
                "simulator": runner.simulator,
                "options": dict(runner.options),
                "identity_sha256": runner.identity(),
            }
            for runner in runners
        ],
        "scenarios": [{"name": case.name, **dict(case.description)} for case in suite.cases],
    }
