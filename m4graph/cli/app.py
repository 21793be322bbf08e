"""The command ``m4graph``: finds the subcommands."""

from __future__ import annotations

import atexit
import gc
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import typer
import typer.core

from m4graph.core.errors import InputError, did_you_mean
from m4graph.core.exit_status import exit_status
from m4graph.core.lazy import load
from m4graph.core.provenance import package_version

COMMANDS = {
    "simulate": "m4graph.cli.simulate:simulate",
    "compare": "m4graph.cli.compare:compare",
    "sweep": "m4graph.cli.sweep:sweep",
    "report": "m4graph.cli.report:report",
    "job": "m4graph.cli.job:job",
    "generate": "m4graph.cli.generate:generate",
    "train": "m4graph.cli.train:train",
    "evaluate": "m4graph.cli.evaluate:evaluate",
    "convert": "m4graph.cli.convert:convert",
    "import": "m4graph.cli.import_:import_",
    "mimic": "m4graph.cli.mimic:app",
    "compile": "m4graph.cli.compile:compile_",
    "zoo": "m4graph.cli.zoo:app",
}
"""Each command's function, or its group, imported when it or the list of commands is asked for."""

_COMPLETE = "_M4GRAPH_COMPLETE"
"""The variable by which shells ask for completions."""

_UsageError: type[Any] = typer.BadParameter.__mro__[1]


class _LazyGroup(typer.core.TyperGroup):
    """Imports a command when it is asked for. No module of a command imports torch at its top."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            if ctx.resilient_parsing or cmd_name.startswith("-"):
                return None
            ctx.fail(
                f"unknown command: expected one of {', '.join(COMMANDS)} (got {cmd_name!r})"
                f"{did_you_mean(cmd_name, COMMANDS)}"
            )
        target = load(COMMANDS[cmd_name])
        if isinstance(target, typer.Typer):
            return typer.main.get_command(target)
        return _command(cmd_name, target)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except EOFError as error:  # Typer takes it for Ctrl-D at a prompt.
            raise OSError(f"a file ended too soon ({error})") from error


app = typer.Typer(
    name="m4graph",
    cls=_LazyGroup,
    help="Predicts what happens to every flow in a data-centre network, fast.",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"m4graph {package_version()}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Predicts what happens to every flow in a data-centre network, fast."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and gives its exit status; errors are one line on stderr.

    Args:
        arguments (Sequence[str], optional): What follows ``m4graph``. (default: ``sys.argv[1:]``)
    """
    # An ending process gives its memory back without a search for what nobody refers to, which
    # takes 0.3 s after numba.
    atexit.register(gc.freeze)
    given = sys.argv[1:] if arguments is None else list(arguments)
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        return exit_status(lambda: _run(given or ["--help"]))


def _run(arguments: list[str]) -> None:
    # Not by the group's own main(), which makes an interruption of every end of a file.
    group = typer.main.get_command(app)
    if os.environ.get(_COMPLETE):
        group.main(arguments, "m4graph", _COMPLETE)
    try:
        with group.make_context("m4graph", arguments) as context:
            group.invoke(context)
    except typer.Exit as done:  # of --help, --version and --install-completion
        if done.exit_code:
            sys.exit(done.exit_code)
    except _UsageError as error:
        raise InputError(error.format_message()) from None


def _command(name: str, function: Callable[..., Any]) -> Any:
    holder = typer.Typer(
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    holder.command(name)(function)
    return typer.main.get_command(holder)


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    print(f"warning: {' '.join(str(message).split())}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
