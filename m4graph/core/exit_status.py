"""How a command ends: a status, and one line on stderr where something went wrong."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from m4graph.core.errors import InputError, M4GraphError

SUCCESS, FAILURE, BAD_INPUT, INTERRUPTED, TERMINATED = 0, 1, 2, 130, 143


class _Terminated(KeyboardInterrupt):
    """SIGTERM: ends a command as Ctrl-C does, wherever that is listened to."""


def exit_status(command: Callable[[], object]) -> int:
    """Runs a command and gives its exit status; errors are one line on stderr.

    Args:
        command (Callable): What is to be done.
    """
    try:
        with _sigterm_heard():
            command()
            sys.stdout.flush()
    except InputError as error:
        return fail(str(error), BAD_INPUT)
    except BrokenPipeError:  # Whoever read the output has seen enough, as `head` does.
        sys.stdout = open(os.devnull, "w")  # What is still in the buffer has nowhere to go.
        return FAILURE
    except (M4GraphError, OSError, MemoryError) as error:
        return fail(str(error) or type(error).__name__, FAILURE)
    except _Terminated:
        return fail("terminated", TERMINATED)
    except KeyboardInterrupt:
        return fail("interrupted", INTERRUPTED)
    return SUCCESS


def fail(message: str, status: int) -> int:
    """Says what is wrong, on one line; gives the status."""
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    return status


@contextmanager
def _sigterm_heard() -> Iterator[None]:
    """Lets SIGTERM clear up behind a command, too."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Python allows signal handlers in the main thread only.
        return
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    raise _Terminated
