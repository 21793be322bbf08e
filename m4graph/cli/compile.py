"""``m4graph compile``: compiled code for all that a simulation may need, before it is needed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated

import typer

from m4graph.core.errors import ConfigError


def compile_(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME...", help="A simulator, or simulator/algorithm; all if none is given."
        ),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Also for what few runs have, as faults or recordings.")
    ] = False,
) -> None:
    """Compile the simulators' code into the cache, so that no run has to wait for it.

    For images and clusters: numba keeps the cache in NUMBA_CACHE_DIR, or beside the package.
    """
    for name, warm_up in _chosen(names, every).items():
        started = time.perf_counter()
        warm_up()
        typer.echo(f"{name}: {time.perf_counter() - started:.1f} s")


def _chosen(names: list[str] | None, every: bool) -> dict[str, Callable[[], object]]:
    from m4graph.simulators import SIMULATORS

    chosen: dict[str, Callable[[], object]] = {}
    for name in names or SIMULATORS.names():
        known = SIMULATORS.resolve(name.partition("/")[0]).warm_ups(every)
        parts = {each: known[each] for each in known if f"{each}/".startswith(f"{name}/")}
        if not parts:
            raise ConfigError(f"compile: expected one of {', '.join(known)} (got {name!r})")
        chosen |= parts
    return chosen
