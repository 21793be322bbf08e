"""A hook at links: a step of one's own decides what becomes of the packets that arrive there.

A step stands for a part of the network that is not simulated packet by packet. It is compiled by
itself, in a second or two; the event loop calls it by its address, and is compiled once for all of
them.

Example:
    >>> @link_step
    ... def late(now, group, direction, next_link, exit_link, kind, flow, size, link, context):
    ...     return comes_out(5000, False)  # 5 us later
    >>> hook = LinkHook(late, links=[(0, 4)])
    >>> m4.simulate(scenario, "packet", watchers=[hook])
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numba import carray, cfunc, njit, types
from numba.core import cgutils
from numba.core.errors import NumbaError
from numba.extending import intrinsic, register_jitable
from numpy.typing import NDArray

from m4graph.core.errors import ConfigError
from m4graph.scenario.faults import check_link
from m4graph.simulators.packet import layout
from m4graph.simulators.packet.congestion import CONGESTION_KERNELS
from m4graph.simulators.packet.driver import PacketRun, Watcher
from m4graph.simulators.packet.link_hook_kernels import (
    DROP,
    LATER,
    NUM_ARGUMENTS,
    PASS,
    PASS_MARKED,
)
from m4graph.simulators.packet.variants import has_link_hook

__all__ = [
    "DROP",
    "LATER",
    "PASS",
    "PASS_MARKED",
    "LinkHook",
    "LinkStep",
    "comes_out",
    "context_array",
    "link_step",
    "turn_of",
]


class LinkStep:
    """A step, compiled when its address is first asked for; made by :func:`link_step`.

    Args:
        function (Callable): Of ten integers, gives one.

    Raises:
        ConfigError: If it does not take ten arguments.
    """

    def __init__(self, function: Callable[..., int]) -> None:
        self._function = function
        self._name = getattr(function, "__name__", repr(function))
        number = len(inspect.signature(function).parameters)
        if number != NUM_ARGUMENTS:
            raise ConfigError(
                f"link step {self._name}: expected {NUM_ARGUMENTS} arguments (got {number})"
            )

    @cached_property
    def address(self) -> int:
        """Of the compiled function.

        Raises:
            ConfigError: If it cannot be compiled for integers, or gives something else.
        """
        return int(self._compiled.address)

    @cached_property
    def _compiled(self) -> Any:
        integers = (types.int64,) * NUM_ARGUMENTS
        try:
            body = njit(self._function)
            body.compile(integers)
            given = body.nopython_signatures[0].return_type
            if not isinstance(given, types.Integer):
                raise ConfigError(
                    f"link step {self._name}: expected it to give an integer (got {given})"
                )
            return cfunc(types.int64(*integers))(self._function)
        except NumbaError as error:
            raise ConfigError(
                f"link step {self._name}: expected a function that numba compiles for "
                f"{NUM_ARGUMENTS} integers (got {error})"
            ) from error


def link_step(function: Callable[..., int]) -> LinkStep:
    """Makes a step of a function, to be used as a decorator.

    The function is called with integers of 64 bits for each packet that is complete at the end of a
    marked link, and answers with one:

    - ``now``: the clock in ticks
    - ``group``, ``direction``: of the link, as the hook has them
    - ``next_link``, ``exit_link``: the packet's next link, and that at which it would come out
    - ``kind``: 0 for data, 1 for ACKs, 2 for NACKs
    - ``flow``: a row of the workload
    - ``size``: bytes on the wire
    - ``link``: the marked one
    - ``context``: for :func:`context_array`

    It answers :data:`PASS` (the packet goes on as without a hook), :data:`PASS_MARKED` (the same,
    with ECN's mark if it is data), :data:`DROP`, or :func:`comes_out`. It must not raise.

    Raises:
        ConfigError: If the function does not take ten arguments.
    """
    return LinkStep(function)


@dataclass(frozen=True, eq=False)
class LinkHook(Watcher):
    """Asks a step what becomes of each packet that arrives on marked links.

    It is given to :class:`PacketSimulator` among the watchers. PFC frames are no matter of a hook.
    A packet that comes out is queued at its exit whether or not there is room, and stops nobody by
    a PAUSE; it counts in that queue as all others do.

    Args:
        step (LinkStep): Made by :func:`link_step`.
        links (Sequence): Marked directions ``(a, b)`` of cables; ``b`` is a switch.
        exits (Sequence, optional): Directions at which packets come out: each at the first one on
            the rest of its route, or at the last link if there is none. (default: at the next link)
        groups (Sequence[int], optional): A number of each marked link, for the step. (default: 0)
        directions (Sequence[int], optional): Another one. (default: 0)
        arrays (Sequence[numpy.ndarray], optional): The step's own; it finds and changes them by
            :func:`context_array`. They are no copies: what a run leaves there, the next one finds.
            (default: none)
        gate (LinkStep, optional): Asked when a host may send over a marked link. It answers with
            ticks to wait, 0 or more, :func:`turn_of`, or, once in a tick, :data:`LATER`: it is
            asked again when all else of this tick has happened. (default: none)

    Raises:
        ConfigError: If a number is missing or too much, or an array is not contiguous.
    """

    step: LinkStep
    links: Sequence[Sequence[int]]
    exits: Sequence[Sequence[int]] | None = None
    groups: Sequence[int] | None = None
    directions: Sequence[int] | None = None
    arrays: Sequence[NDArray[Any]] = ()
    gate: LinkStep | None = None

    def __post_init__(self) -> None:
        for name in ("groups", "directions"):
            numbers = getattr(self, name)
            if numbers is not None and len(numbers) != len(self.links):
                raise ConfigError(
                    f"LinkHook: expected {name} of {len(self.links)} links (got {len(numbers)})"
                )
        for index, array in enumerate(self.arrays):
            if not array.flags.c_contiguous:
                raise ConfigError(f"LinkHook: expected arrays[{index}] to be contiguous")

    def begin(self, run: PacketRun) -> None:
        """Marks the links.

        Raises:
            ConfigError: If the step cannot be compiled, a link does not exist or leads to a host,
                there is another hook, or packets would jump over switches on whose reports the
                congestion control counts.
        """
        kind = run.scenario.congestion_control.kind
        if has_link_hook(run.state):
            raise ConfigError("watchers: expected one LinkHook (got two)")
        if self.exits is not None and CONGESTION_KERNELS.resolve(kind).keeps_routes:
            raise ConfigError(f"LinkHook: expected no exits with {kind}, which asks each switch")
        links = self._ids(run, "links")
        to_host = links[run.state.links["to_host"][links]]
        if len(to_host):
            arrays = run.scenario.arrays
            ends = arrays.link_src[to_host[0]], arrays.link_dst[to_host[0]]
            raise ConfigError(f"LinkHook: expected links to switches (got {ends[0]}-{ends[1]})")
        hooks = np.zeros(len(run.state.links), layout.LINK_HOOK)
        hooks["step"][links] = self.step.address
        if self.gate is not None:
            hooks["gate"][links[run.state.links["from_host"][links]]] = self.gate.address
        hooks["context"] = self._table.ctypes.data
        hooks["group"][links] = 0 if self.groups is None else self.groups
        hooks["direction"][links] = 0 if self.directions is None else self.directions
        hooks["is_exit"] = self.exits is None
        if self.exits is not None:
            hooks["is_exit"][self._ids(run, "exits")] = True
        run.state = run.state._replace(link_hooks=hooks)

    @cached_property
    def _table(self) -> NDArray[np.int64]:
        """Address and length of each array; as long as the hook is kept, so are they."""
        rows = [(array.ctypes.data, array.size) for array in self.arrays]
        return np.array(rows, np.int64).reshape(-1, 2)

    def _ids(self, run: PacketRun, name: str) -> NDArray[np.int64]:
        arrays, pairs = run.scenario.arrays, getattr(self, name)
        for index, link in enumerate(pairs):
            check_link(link, arrays, f"LinkHook.{name}.{index}")
        return np.array([arrays.link_id(*link) for link in pairs], np.int64)


@njit
def comes_out(delay_ticks: int, marked: bool) -> int:
    """A step's answer: the packet comes out at its exit after a while, with ECN's mark or not.

    Ticks are nanoseconds, or picoseconds where ``network.tick`` says so; 0 or more of them.
    """
    return delay_ticks << 1 | marked


@njit
def turn_of(flow: int) -> int:
    """A gate's answer: the host may send, and if it is data, this flow's turn comes first.

    Its turn is what the host's round robin gives; the flow must be one that has data to send and
    may do so, or it is passed over.
    """
    return ~flow


@register_jitable
def context_array(context: int, index: int, dtype: Any) -> NDArray[Any]:
    """Of a hook's ``arrays`` that at an index, flat, in a step.

    Args:
        context (int): The step's argument.
        index (int): Which array.
        dtype: Its type, such as ``np.float64``; another one reads nonsense.
    """
    table = carray(_pointer(context), (2 * index + 2,), np.int64)
    array: NDArray[Any] = carray(_pointer(table[2 * index]), (table[2 * index + 1],), dtype)
    return array


@intrinsic
def _pointer(typingctx: Any, address: Any) -> Any:
    """An address as a pointer."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], cgutils.voidptr_t)

    return types.voidptr(types.int64), codegen
