"""Ctrl-C between two steps of a simulation, never within one."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any


class Interrupts:
    """Holds Ctrl-C back while a step is in progress: ``with interrupts:`` around many steps.

    Within, ``begin()`` and ``end()`` enclose a step; a Ctrl-C that comes between the two takes
    effect at ``end()``. Python raises ``KeyboardInterrupt`` in the main thread alone, so elsewhere
    nothing is changed. May be entered again.
    """

    def __init__(self) -> None:
        self._depth = 0
        self._busy = False
        self._arrived: tuple[int, FrameType | None] | None = None
        self._handler: Any = None

    def begin(self) -> None:
        """A step begins."""
        self._busy = True

    def end(self) -> None:
        """The step is done, or has failed."""
        self._busy = False
        if self._arrived is not None:
            arrived, self._arrived = self._arrived, None
            self._handler(*arrived)

    def __enter__(self) -> None:
        self._depth += 1
        if self._depth == 1 and threading.current_thread() is threading.main_thread():
            handler = signal.getsignal(signal.SIGINT)
            if callable(handler):
                self._handler = handler
                signal.signal(signal.SIGINT, self._interrupt)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._depth -= 1
        # A generator that nobody exhausts may be closed by another thread, or out of order.
        if (
            self._depth == 0
            and threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGINT) == self._interrupt
        ):
            signal.signal(signal.SIGINT, self._handler)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self._busy:
            self._arrived = number, frame
        else:
            self._handler(number, frame)
