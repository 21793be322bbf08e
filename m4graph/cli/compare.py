"""``m4graph compare``: one scenario, several simulators, and how far they are from the truth."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from m4graph.cli.arguments import DeviceName, EngineName, ModelName, ScenarioPath, Settings
from m4graph.core.errors import ConfigError

if TYPE_CHECKING:
    from m4graph.results import SimulationResult
    from m4graph.scenario import Scenario
    from m4graph.simulators import Simulator


def compare(
    scenario: ScenarioPath,
    simulators: Annotated[
        str, typer.Option("--simulators", metavar="NAME,NAME,...", help="Which to run.")
    ] = "packet,fluid,learned",
    model: ModelName = None,
    engine: EngineName = None,
    device: DeviceName = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write times, errors, plots and the scenario.")
    ] = None,
    settings: Settings = None,
) -> None:
    """Simulate a scenario with several simulators and report their errors.

    The truth is the packet simulator, unless the scenario brings an expected.csv.
    """
    from rich.console import Console

    from m4graph import evaluation
    from m4graph.cli import output
    from m4graph.core.yaml_file import Override
    from m4graph.results import expected_result
    from m4graph.scenario.files import load_scenario
    from m4graph.simulators import TRUTH

    overrides = [Override.parse(setting) for setting in settings or []]
    runners = _build(_names(simulators), {"model": model, "engine": engine, "device": device})
    loaded = load_scenario(scenario, overrides)
    recorded = loaded.expected is not None
    _check_runners(runners, recorded, overridden=bool(overrides))
    if out is not None:
        output.check(out, scenario, with_expected=recorded)
    results = _run(runners, loaded)
    if recorded:
        truth, guesses = expected_result(loaded), results
    else:
        truth = next(result for result in results if result.simulator == TRUTH)
        guesses = [result for result in results if result is not truth]
    comparison = evaluation.compare(truth, *guesses)
    if out is not None:
        output.write_comparison(comparison, out)
    Console().print(comparison.table())


def _names(simulators: str) -> list[str]:
    names = [name.strip() for name in simulators.split(",")]
    if not all(names):
        raise ConfigError(
            f"--simulators: expected names with commas between them (got {simulators!r})"
        )
    return names


def _build(names: Sequence[str], given: dict[str, str | None]) -> list[Simulator]:
    """Makes the simulators; an option goes to those that have it."""
    from m4graph.simulators import SIMULATORS, build_simulator

    options = {option: value for option, value in given.items() if value is not None}
    takes = [inspect.signature(SIMULATORS.resolve(name)).parameters for name in names]
    for option in options:
        if not any(option in parameters for parameters in takes):
            raise ConfigError(
                f"--{option}: expected a simulator that has this option (got {', '.join(names)})"
            )
    return [
        build_simulator(
            name, **{option: value for option, value in options.items() if option in parameters}
        )
        for name, parameters in zip(names, takes, strict=True)
    ]


def _check_runners(runners: Sequence[Simulator], recorded: bool, overridden: bool) -> None:
    from m4graph.simulators import TRUTH

    names = [runner.name for runner in runners]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"--simulators: expected each simulator once (got {name} twice)")
    got = f"(got {', '.join(names)})"
    if not recorded and TRUTH not in names:
        unchanged = " and no --set" if overridden else ""
        raise ConfigError(
            f"--simulators: expected {TRUTH} among them, as the truth, or a scenario with an "
            f"expected.csv{unchanged} {got}"
        )
    if not recorded and len(names) == 1:
        raise ConfigError(f"--simulators: expected another one to compare with {TRUTH} {got}")


def _run(runners: Sequence[Simulator], scenario: Scenario) -> list[SimulationResult]:
    from m4graph.cli.progress import flow_progress

    results = []
    for runner in runners:
        with flow_progress(runner.name) as progress:
            results.append(runner.run(scenario, progress))
    return results
