"""Progress bars of the commands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from m4graph.core.progress import Progress, count_progress

__all__ = ["count_progress", "flow_progress"]


@contextmanager
def flow_progress(title: str) -> Iterator[Progress]:
    """Shows how many flows are done; gives the function to call with done and total.

    Nothing is shown where stderr is no terminal.
    """
    with count_progress(f"{title} flows") as report:
        yield report
