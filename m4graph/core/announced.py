"""First calls of compiled code: a word to the user who waits, and a way out with Ctrl-C."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from m4graph.core.exit_status import INTERRUPTED

_PATIENCE_S = 1.0
_TURN_S = 0.1
_LINE_EVERY_S = 10.0

T = TypeVar("T")


def announced_compilation(what: str, call: Callable[[], T]) -> tuple[T, float]:
    """Makes a call that may compile; says on stderr what is going on if it does, and takes long.

    The main thread waits while another compiles: so it hears Ctrl-C, which numba would swallow.

    Args:
        what (str): The kernel's name, for the message.
        call (Callable): The call.

    Returns:
        tuple: What the call gives, and the seconds that it took.
    """
    started = time.perf_counter()
    if threading.current_thread() is not threading.main_thread():
        return call(), time.perf_counter() - started
    compilation = _Compilation(call)
    with _announcement(what) as announce:
        try:
            compilation.start()
            while compilation.is_alive():
                compilation.join(_TURN_S)
                if compilation.phase:
                    announce(compilation, time.perf_counter() - started)
        except KeyboardInterrupt:
            compilation.interrupted = True
            atexit.register(_leave, compilation)
            raise
    return compilation.outcome(), time.perf_counter() - started


class _Compilation(threading.Thread):
    """A call in a thread of its own, and what numba does meanwhile.

    Attributes:
        phase (str): What is done for the function that was called; empty if nothing is compiled.
        num_functions (int): Functions compiled so far.
        interrupted (bool): The next step of numba is the last one.
    """

    def __init__(self, call: Callable[[], Any]) -> None:
        super().__init__(name="m4graph-compilation", daemon=True)
        self.phase = ""
        self.num_functions = 0
        self.interrupted = False
        self._call = call
        self._depth = 0
        self._given: Any = None
        self._error: BaseException | None = None

    def run(self) -> None:
        """Makes the call."""
        try:
            with _heard(self):
                self._given = self._call()
        except BaseException as error:
            self._error = error

    def outcome(self) -> Any:
        """What the call has given, or the error that it raised."""
        if self._error is not None:
            raise self._error
        return self._given

    def step(self, kind: str, begins: bool, data: Any) -> None:
        """Numba begins or ends something."""
        if threading.current_thread() is not self:
            return
        if begins and self.interrupted:
            raise KeyboardInterrupt
        if kind == "numba:compile":
            self._depth += 1 if begins else -1
            self.num_functions += not begins
        if self._depth == 1 and begins:
            lowers = kind == "numba:run_pass" and "lowering" in data["name"]
            self.phase = "machine code" if lowers else "types"


@contextmanager
def _heard(compilation: _Compilation) -> Iterator[None]:
    """Lets a compilation hear of numba's steps."""
    from numba.core import event

    class Listener(event.Listener):  # type: ignore[misc]
        def on_start(self, event: Any) -> None:
            compilation.step(event.kind, True, event.data)

        def on_end(self, event: Any) -> None:
            compilation.step(event.kind, False, event.data)

    listener = Listener()
    with event.install_listener("numba:compile", listener):
        with event.install_listener("numba:run_pass", listener):
            yield


@contextmanager
def _announcement(what: str) -> Iterator[Callable[[_Compilation, float], None]]:
    """Gives what announces how a compilation stands: a live line, or now and then a plain one."""
    from m4graph.core.progress import phase_progress

    last_s = -_LINE_EVERY_S

    def announce(compilation: _Compilation, seconds: float) -> None:
        nonlocal last_s
        if seconds < _PATIENCE_S:
            return
        title = f"compiling the {what} (once): {compilation.phase}"
        if show(title, compilation.num_functions) or seconds < last_s + _LINE_EVERY_S:
            return
        last_s = seconds
        done = f"{seconds:.0f} s, {compilation.num_functions} functions"
        print(f"m4graph: {title} ({done})", file=sys.stderr, flush=True)

    with phase_progress() as show:
        yield announce


def _leave(compilation: _Compilation) -> None:
    """Ends an interrupted process although LLVM is at work, which does not stop for seconds."""
    if compilation.is_alive():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(INTERRUPTED)
