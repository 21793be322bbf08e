"""Things that happen at set times of a run, in Python: faults, samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from m4graph.simulators.packet.events import request_event
from m4graph.simulators.packet.layout import CALL
from m4graph.simulators.packet.state import State

_LOOKS_ON = 1


class Watcher(Protocol):
    """Is called at times that it has asked for with :func:`call_at`."""

    def begin(self, state: State, code: int) -> State:
        """Prepares the arrays of a run, and asks for the first call.

        Args:
            state (State): Of a run that has not begun.
            code (int): The watcher's own, for :func:`call_at`.
        """

    def called(self, state: State) -> State:
        """A time has come: it is ``control.now``."""


def begin_all(state: State, watchers: Sequence[Watcher]) -> State:
    """Lets watchers prepare a run; each one's code is its place."""
    for code, watcher in enumerate(watchers):
        state = watcher.begin(state, code)
    return state


def call_at(state: State, time_ticks: int, code: int) -> None:
    """Asks for a call; it does not keep a run alive."""
    request_event(state, time_ticks, CALL, code, _LOOKS_ON)


def dispatch(state: State, watchers: Sequence[Watcher]) -> State:
    """Calls the watcher for which the loop has come back."""
    return watchers[int(state.control["call_code"][0])].called(state)


def nothing_moves(state: State) -> bool:
    """Whether nothing but calls and timers is left, which move no packet."""
    control = state.control[0]
    num_queued = len(state.events) - control["events_left"] + control["heap_size"]
    return bool(num_queued == control["idle_events"])
