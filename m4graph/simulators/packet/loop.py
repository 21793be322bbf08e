"""The compiled loop, ready to run: compilation, and memory that grows under it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from m4graph.compilation import announced_compilation
from m4graph.errors import SimulationError
from m4graph.simulators.packet.build import grow_pools
from m4graph.simulators.packet.engine import compile_hooks, engine
from m4graph.simulators.packet.state import State

_COMPILED: set[tuple[str, ...]] = set()


def compiled_loop(kind: str, state: State) -> tuple[Callable[[State, int], int], float]:
    """The loop of a congestion control, compiled for the types of a state's arrays.

    Returns:
        tuple: ``run(state, max_events) -> reason``, and the seconds that compiling it took; 0 if
        this process has it already.
    """
    run = engine()
    key = (kind, *(str(array.dtype) for array in state))
    if key in _COMPILED:
        compile_hooks(kind, state)
        return run, 0.0
    with announced_compilation("packet simulator") as spent:
        compile_hooks(kind, state)
        run(state, 0)
    _COMPILED.add(key)
    return run, spent.seconds


def with_larger_pools(state: State) -> State:
    """The same state with room for more packets and events.

    Raises:
        SimulationError: If memory runs out.
    """
    try:
        return grow_pools(state)
    except MemoryError as error:
        raise SimulationError(
            f"packet: out of memory with {len(state.packets)} packets in flight"
        ) from error


def pauses_and_drops(state: State) -> dict[str, Any]:
    """What a result's ``extra`` says of them."""
    control = state.control[0]
    return {
        "pfc_pauses_sent": int(control["pauses_sent"]),
        "packets_dropped": int(control["packets_dropped"]),
        "packets_lost": int(control["packets_lost"]),
    }
