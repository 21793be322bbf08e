"""The command ``m4graph``: finds the subcommands, and turns errors into exit statuses."""

from __future__ import annotations

import atexit
import gc
import sys
import warnings
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import typer
import typer.core

from m4graph.core.errors import InputError, M4GraphError
from m4graph.core.provenance import package_version

SUCCESS, FAILURE, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130

COMMANDS = {
    "simulate": "m4graph.cli.simulate:simulate",
    "compare": "m4graph.cli.compare:compare",
    "generate": "m4graph.cli.generate:generate",
    "train": "m4graph.cli.train:train",
    "evaluate": "m4graph.cli.evaluate:evaluate",
    "convert": "m4graph.cli.convert:convert",
    "import": "m4graph.cli.import_:import_",
    "compile": "m4graph.cli.compile:compile_",
    "zoo": "m4graph.cli.zoo:app",
}
"""Each command's function, or its group, imported when it or the list of commands is asked for."""

_UsageError: type[Any] = typer.BadParameter.__mro__[1]


class _LazyGroup(typer.core.TyperGroup):
    """Imports a command when it is asked for. No module of a command imports torch at its top."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        module, _, function = COMMANDS[cmd_name].partition(":")
        target = getattr(import_module(module), function)
        if isinstance(target, typer.Typer):
            return typer.main.get_command(target)
        return _command(cmd_name, target)


app = typer.Typer(
    name="m4graph",
    cls=_LazyGroup,
    help="Predicts what happens to every flow in a data-centre network, fast.",
    add_completion=False,
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
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        return _run(arguments)


def _run(arguments: Sequence[str] | None) -> int:
    command = typer.main.get_command(app)
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        status = command.main(args=given or ["--help"], prog_name="m4graph", standalone_mode=False)
    except InputError as error:
        return _fail(str(error), BAD_INPUT)
    except _UsageError as error:
        return _fail(error.format_message(), BAD_INPUT)
    except (M4GraphError, OSError, MemoryError) as error:
        return _fail(str(error) or type(error).__name__, FAILURE)
    except (KeyboardInterrupt, typer.Abort):
        status = INTERRUPTED
    if status == INTERRUPTED:  # Some versions of Typer make a status of Ctrl-C themselves.
        return _fail("interrupted", INTERRUPTED)
    return status if isinstance(status, int) else SUCCESS


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


def _fail(message: str, status: int) -> int:
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
