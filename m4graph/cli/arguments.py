"""Arguments that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
