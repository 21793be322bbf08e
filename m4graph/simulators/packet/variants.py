"""Parts of the loop that a run may leave out, known from the types of its arrays.

What is off costs nothing: the compiler sees a constant and drops what depends on it.
"""

from __future__ import annotations

from typing import Any

from numba.extending import overload
from numba.np.numpy_support import from_dtype

from m4graph.simulators.packet.layout import (
    FLOW_WITH_WINDOW,
    LINK_HOOK,
    METER,
    SPRAY,
    WIRE,
)
from m4graph.simulators.packet.state import State


def has_faults(s: State) -> bool:
    """Whether links may go down or lose packets."""
    return s.wires.dtype == WIRE


def has_link_hook(s: State) -> bool:
    """Whether packets that arrive at some links are a hook's matter."""
    return s.link_hooks.dtype == LINK_HOOK


def has_recording(s: State) -> bool:
    """Whether links are metered, and packets tapped."""
    return s.meters.dtype == METER


def has_spraying(s: State) -> bool:
    """Whether the packets of a flow may take several paths."""
    return s.sprays.dtype == SPRAY


def full_window_bytes(s: State, flow: Any) -> int:
    """The window of a flow at its NIC's rate; 0: it has none."""
    own = s.flows.dtype == FLOW_WITH_WINDOW
    return int(flow["full_window_bytes"] if own else s.config["window_bytes"][0])


@overload(full_window_bytes, inline="always")
def _full_window_bytes(s, flow):
    if s.arrays["flows"].dtype == from_dtype(FLOW_WITH_WINDOW):
        return lambda s, flow: flow.full_window_bytes
    return lambda s, flow: s.config[0].window_bytes


@overload(has_faults, inline="always")
def _has_faults(s):
    if s.arrays["wires"].dtype == from_dtype(WIRE):
        return lambda s: True
    return lambda s: False


@overload(has_link_hook, inline="always")
def _has_link_hook(s):
    if s.arrays["link_hooks"].dtype == from_dtype(LINK_HOOK):
        return lambda s: True
    return lambda s: False


@overload(has_recording, inline="always")
def _has_recording(s):
    if s.arrays["meters"].dtype == from_dtype(METER):
        return lambda s: True
    return lambda s: False


@overload(has_spraying, inline="always")
def _has_spraying(s):
    if s.arrays["sprays"].dtype == from_dtype(SPRAY):
        return lambda s: True
    return lambda s: False
