"""What an algorithm and its transport do, compiled apart from the loop, which calls it by address.

So the loop is compiled once for all of them. An indirect call costs a nanosecond or two, and a
packet needs three to seven of them on all its way.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from m4graph.core.compilation import functions_digest, kernel_digest
from m4graph.core.kernel_cache import cached_njit
from m4graph.simulators.packet.congestion.base import CongestionKernel, nothing
from m4graph.simulators.packet.layout import NONE, NUM_HOOKS
from m4graph.simulators.packet.state import State

ON_ACK, ON_TIMER, ON_SEND, ON_FORWARD, ACKNOWLEDGE, RECEIVE, ON_DEADLINE = map(
    np.int64, range(NUM_HOOKS)
)
"""Where the address of each stands in State.hooks."""

_GIVE_A_LINK = (RECEIVE, ON_DEADLINE)


def compile_hooks(kernel: CongestionKernel, state: State) -> None:
    """Compiles an algorithm's hooks for the types of a state's arrays, and lets its loop call them.

    Args:
        kernel (CongestionKernel): The algorithm.
        state (State): Of a run of it.
    """
    signature = (state.hook_type, types.int64, types.int64)
    for which, hook in _hooks(kernel).items():
        hook.compile(signature)
        result = hook.overloads[signature]
        name = result.fndesc.llvm_func_name
        state.hooks[which] = result.library.get_pointer_to_function(name)


@njit(forceinline=True, _nrt=False)
def call_hook(s, which, subject, detail):
    """Calls a hook, if the algorithm has it; gives what it gives."""
    address = s.hooks[which]
    if address == 0:
        return NONE
    return _call(s, address, np.int64(subject), np.int64(detail))


@intrinsic
def _call(typingctx, s, address, subject, detail):
    """Calls numba's compiled function at an address; what it raises is raised."""
    arguments = (s, types.int64, types.int64)

    def codegen(context, builder, signature, args):
        state, address, subject, detail = args
        convention = context.call_conv
        function = convention.get_function_type(types.int64, arguments).as_pointer()
        status, link_id = convention.call_function(
            builder,
            builder.inttoptr(address, function),
            types.int64,
            arguments,
            (state, subject, detail),
        )
        with cgutils.if_unlikely(builder, status.is_error):
            convention.return_status_propagate(builder, status)
        return link_id

    return types.int64(s, address, types.int64, types.int64), codegen


def hooks_digest(kernel: CongestionKernel) -> str:
    """Hash of the sources of an algorithm's hooks."""
    return "".join(_digest(function) for function in _functions(kernel).values())


@cache
def _hooks(kernel: CongestionKernel) -> dict[np.int64, Any]:
    """What an algorithm has of the hooks, ready to be compiled."""
    return {
        which: (_giving if which in _GIVE_A_LINK else _acting)(function, _digest(function))
        for which, function in _functions(kernel).items()
    }


def _functions(kernel: CongestionKernel) -> dict[np.int64, Callable[..., Any]]:
    transport = kernel.transport
    functions: dict[np.int64, Callable[..., Any]] = {
        ON_ACK: kernel.on_ack,
        ON_TIMER: kernel.on_timer,
        ON_SEND: kernel.on_send,
        ON_FORWARD: kernel.on_forward,
        ACKNOWLEDGE: transport.acknowledge,
        RECEIVE: transport.receive,
        ON_DEADLINE: transport.on_deadline,
    }
    return {which: hook for which, hook in functions.items() if hook is not nothing}


def _digest(function: Callable[..., Any]) -> str:
    if function.__module__.startswith("m4graph."):
        return kernel_digest(__name__, function.__module__)
    return kernel_digest(__name__) + functions_digest([function])


# What a hook closes over is part of numba's cache key, so it must be the same in every process:
# the functions are plainly ``register_jitable``; ``digest`` changes with any source.


def _acting(function: Callable[..., None], digest: str) -> Any:
    @cached_njit(nogil=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)
    def hook(s, subject, detail):
        digest  # noqa: B018 - makes it part of the cache key
        function(s, subject, detail)
        return NONE

    return hook


def _giving(function: Callable[..., int], digest: str) -> Any:
    @cached_njit(nogil=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)
    def hook(s, subject, detail):
        digest  # noqa: B018 - makes it part of the cache key
        return np.int64(function(s, subject, detail))

    return hook
