"""``m4graph compare``: one scenario, several simulators, and how far they are from the truth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from m4graph.cli.arguments import (
    DeviceName,
    EngineName,
    ModelName,
    Options,
    ScenarioPath,
    Settings,
    SimulatorNames,
    split_names,
)
from m4graph.core.errors import ConfigError

if TYPE_CHECKING:
    from m4graph.evaluation import Comparison
    from m4graph.scenario import Scenario
    from m4graph.simulators import Runner


def compare(
    scenario: ScenarioPath,
    simulators: SimulatorNames = None,
    model: ModelName = None,
    engine: EngineName = None,
    device: DeviceName = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write times, errors, plots and the scenario.")
    ] = None,
    options: Options = None,
    settings: Settings = None,
) -> None:
    """Simulate a scenario with several simulators and report their errors.

    The truth is the packet simulator, unless the scenario brings an expected.csv.
    """
    from rich.console import Console

    from m4graph.cli import output
    from m4graph.core.yaml_file import Override
    from m4graph.evaluation import Report
    from m4graph.evaluation.scenario_results import check_truth
    from m4graph.scenario.files import load_scenario
    from m4graph.simulators import COMPARED, make_runners, read_options

    overrides = [Override.parse(setting) for setting in settings or []]
    names = list(COMPARED) if simulators is None else split_names("--simulators", simulators)
    own = read_options(options or [], names)
    models = [] if model is None else [model]
    runners = make_runners(names, models, {"engine": engine, "device": device}, own)
    for runner in runners:
        runner.build()  # What is bad about its options comes out before anything has run.
    loaded = load_scenario(scenario, overrides)
    recorded = loaded.expected is not None
    source = f"a scenario with an expected.csv{' and no --set' if overrides else ''}"
    check_truth("--simulators", [runner.label for runner in runners], recorded, source)
    if out is not None:
        output.check(out, scenario, with_expected=recorded)
    comparison = run_all(runners, loaded)
    for line in Report([comparison]).refusals.lines():
        typer.echo(line, err=True)
    if out is not None:
        output.write_comparison(comparison, out, {each.label: each.options for each in runners})
    Console().print(comparison.table())


def run_all(runners: Sequence[Runner], scenario: Scenario) -> Comparison:
    """Runs simulators one after the other; those that refuse the scenario are left out.

    Raises:
        ConfigError: If none but the truth is left.
    """
    from m4graph.core.progress import count_progress
    from m4graph.evaluation import Comparison
    from m4graph.simulators import Refusal

    results, refusals = [], {}
    for runner in runners:
        with count_progress(f"{runner.label} {runner.counted}") as progress:
            try:
                results.append(runner.run(scenario, progress))
            except Refusal as refusal:
                refusals[runner.label] = str(refusal)
    comparison = Comparison.from_runs(scenario, results, refusals)
    if not comparison.guesses:
        reasons = "; ".join(f"{label}: {reason}" for label, reason in refusals.items())
        raise ConfigError(f"--simulators: expected one that can do this scenario (got {reasons})")
    return comparison
