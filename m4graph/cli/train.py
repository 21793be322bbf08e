"""``m4graph train``: a checkpoint from labelled runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from m4graph.core.errors import InputError


def train(
    config: Annotated[
        Path, typer.Argument(metavar="CONFIG.yaml", help="Model, data and optimiser.")
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder for logs and checkpoints.")],
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the training in the folder.")
    ] = False,
    start_from: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="MODEL",
            help="Start from the weights of a model of the zoo, or of the folder of a checkpoint.",
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Set a key, as in max_steps=100."),
    ] = None,
) -> None:
    """Train a model on labelled runs."""
    try:
        import lightning  # noqa: F401
    except ImportError:
        raise InputError(
            'm4graph train: expected the package lightning (pip install "m4graph[train]")'
        ) from None
    from m4graph.core.schema import KeyProblem
    from m4graph.core.yaml_file import Override, locate
    from m4graph.training.config import load_train_config
    from m4graph.training.fit import train as run_training

    overrides = [Override.parse(setting) for setting in settings or []]
    loaded, data = load_train_config(config, overrides)
    try:
        folder = run_training(loaded, data, out, resume, start_from)
    except KeyProblem as problem:
        raise locate(problem, str(config), overrides) from None
    typer.echo(f"checkpoint in {folder}")
