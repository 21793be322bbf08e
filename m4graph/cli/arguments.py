"""Arguments that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from m4graph.core.errors import ConfigError

ScenarioPath = Annotated[
    Path,
    typer.Argument(
        metavar="SCENARIO", help="A scenario's YAML file, or a folder with scenario.yaml."
    ),
]
ModelName = Annotated[
    str | None, typer.Option("--model", help="Name or path of a learned simulator's model.")
]
EngineName = Annotated[
    str | None, typer.Option("--engine", help="Of a learned simulator: auto, torch or compiled.")
]
DeviceName = Annotated[
    str | None, typer.Option("--device", help="Of a learned simulator: cpu or cuda.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Set a key, as in network.pfc=false."),
]
Options = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        metavar="SIMULATOR.KEY=VALUE",
        help="Set an option of a simulator, as in fluid.scope=full.",
    ),
]
SimulatorNames = Annotated[
    str | None,
    typer.Option(
        "--simulators",
        metavar="NAME,NAME,...",
        help="Which to run. (default: packet,fluid,learned)",
    ),
]


def split_names(option: str, given: str) -> list[str]:
    """The names in an option with commas between them.

    Raises:
        ConfigError: If one is empty.
    """
    names = [name.strip() for name in given.split(",")]
    if not all(names):
        raise ConfigError(f"{option}: expected names with commas between them (got {given!r})")
    return names
