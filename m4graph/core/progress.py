"""Progress bars on stderr."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

_shown: list[Progress] = []


@contextmanager
def count_progress(title: str) -> Iterator[Callable[[int, int], None]]:
    """Shows how many of something are done; gives the function to call with done and total.

    Nothing is shown where stderr is no terminal.
    """
    with _bar() as bar:
        task = bar.add_task(title, total=None)

        def report(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield report


@contextmanager
def phase_progress() -> Iterator[Callable[[str, int], bool]]:
    """Shows work that passes through phases, from the first report on.

    Gives the function to call with what is being done and how many parts of it are; it tells
    whether stderr is a terminal, where alone anything is shown.
    """
    with ExitStack() as stack:
        tasks: list[tuple[Progress, TaskID]] = []

        def report(title: str, done: int) -> bool:
            if not tasks:
                bar = stack.enter_context(_bar())
                task = bar.add_task(title, total=None)
                stack.callback(bar.remove_task, task)
                tasks.append((bar, task))
            bar, task = tasks[0]
            bar.update(task, description=title, completed=done)
            return not bar.disable

        yield report


@contextmanager
def _bar() -> Iterator[Progress]:
    """The bar that is shown already, or a new one: a terminal has room for one at a time."""
    if _shown:
        yield _shown[0]
        return
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    disable = not console.is_terminal
    elapsed = TimeElapsedColumn()
    with Progress(*columns, elapsed, console=console, transient=True, disable=disable) as bar:
        _shown.append(bar)
        try:
            yield bar
        finally:
            _shown.clear()
