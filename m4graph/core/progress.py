"""How far something is: the function that is told, and bars on stderr."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich import progress as bars
from rich.console import Console

Progress = Callable[[int, int], None]
"""Called now and then with how many of something are done, and how many there are."""


@contextmanager
def count_progress(title: str) -> Iterator[Progress]:
    """Shows how many of something are done; gives the function to call with done and total.

    Nothing is shown where stderr is no terminal.
    """
    console = Console(stderr=True)
    columns = (bars.TextColumn("{task.description}"), bars.BarColumn(), bars.MofNCompleteColumn())
    bar = bars.Progress(
        *columns,
        bars.TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with bar:
        task = bar.add_task(title, total=None)

        def report(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield report
