"""Ctrl-C between two steps of a simulation, never within one."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any


class uninterrupted:
    """``with uninterrupted(): ...`` puts Ctrl-C off until the block is done.

    Python raises ``KeyboardInterrupt`` in the main thread alone, so elsewhere nothing is changed.
    """

    def __enter__(self) -> None:
        self._arrived: tuple[int, FrameType | None] | None = None
        self._handler: Any = None
        if threading.current_thread() is threading.main_thread():
            handler = signal.getsignal(signal.SIGINT)
            if callable(handler):
                self._handler = handler
                signal.signal(signal.SIGINT, self._note)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._handler is not None:
            signal.signal(signal.SIGINT, self._handler)
            if self._arrived is not None:
                self._handler(*self._arrived)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._arrived = number, frame
