"""How far something is: the function that is told, and what stderr shows of it.

A terminal has a bar. Elsewhere, as in a notebook or a log file, there is a line a minute.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from rich import progress as bars
from rich.console import Console

Progress = Callable[[int, int], None]
"""Called now and then with how many of something are done, and how many there are."""

_LINE_EVERY_S = 60.0

_shown: list[bars.Progress] = []


@contextmanager
def count_progress(title: str) -> Iterator[Progress]:
    """Shows how many of something are done; gives the function to call with done and total.

    Where stderr is no terminal, what takes less than a minute is not shown.
    """
    with _bar() as bar:
        task = bar.add_task(title, total=None)
        last_s = time.monotonic()

        def report(done: int, total: int) -> None:
            nonlocal last_s
            bar.update(task, completed=done, total=total)
            now_s = time.monotonic()
            if bar.disable and now_s >= last_s + _LINE_EVERY_S:
                last_s = now_s
                say(f"{title}: {done} of {total}")

        yield report


def say(line: str) -> None:
    """Prints a line on stderr; where a bar is shown, above it."""
    print(line, file=sys.stderr, flush=True)


def is_terminal() -> bool:
    """Whether stderr is a terminal, and so has room for bars; that of a notebook is not."""
    return Console(stderr=True).is_terminal


@contextmanager
def phase_progress() -> Iterator[Callable[[str, int], bool]]:
    """Shows work that passes through phases, from the first report on.

    Gives the function to call with what is being done and how many parts of it are; it tells
    whether stderr is a terminal, where alone anything is shown.
    """
    with ExitStack() as stack:
        tasks: list[tuple[bars.Progress, bars.TaskID]] = []

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
def _bar() -> Iterator[bars.Progress]:
    """The bar that is shown already, or a new one: a terminal has room for one at a time."""
    if _shown:
        yield _shown[0]
        return
    console = Console(stderr=True)
    columns = (bars.TextColumn("{task.description}"), bars.BarColumn(), bars.MofNCompleteColumn())
    disable = not console.is_terminal
    elapsed = bars.TimeElapsedColumn()
    with bars.Progress(*columns, elapsed, console=console, transient=True, disable=disable) as bar:
        _shown.append(bar)
        try:
            yield bar
        finally:
            _shown.clear()
