"""Parts of the loop that a run may leave out, known from the types of its arrays.

What is off costs nothing: the compiler sees a constant and drops what depends on it.
"""

from __future__ import annotations

from numba.extending import overload
from numba.np.numpy_support import from_dtype

from m4graph.simulators.packet.layout import LINK_HOOK, METER, WIRE
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
