"""How the packet simulator's kernels are compiled: parts of one loop, which Python never calls."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic, register_jitable

from m4graph.simulators.packet.memory import LINE_BYTES

# Nothing is allocated, so references need not be counted. Wrappers for callers in Python and C
# would take a fifth of the time to compile.
_OPTIONS: dict[str, Any] = {"_nrt": False, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}

# Unsaid, a function would be forced into its caller if the caller is forced into its own.
kernel = njit(forceinline=False, **_OPTIONS)
inline_kernel = njit(forceinline=True, **_OPTIONS)
hook_kernel = register_jitable(forceinline=False, **_OPTIONS)
inline_hook_kernel = register_jitable(forceinline=True, **_OPTIONS)


@intrinsic
def stay_out_of_line(typingctx):
    """Called first in a compiled function: the function is not put into its caller.

    The loop is fast while its registers serve what runs at every event.
    """

    def codegen(context, builder, signature, args):
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic
def prefetch(typingctx, records, index):
    """Has the cache fetch the first 128 bytes of a record that is needed soon, to write to it.

    Any index will do: nothing is read from the address.
    """
    size = records.dtype.size

    def codegen(context, builder, signature, args):
        word, flag, byte = ir.IntType(64), ir.IntType(32), ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag])
        function = builder.module.declare_intrinsic("llvm.prefetch", [byte], kind)
        data = context.make_array(records)(context, builder, args[0]).data
        row = context.cast(builder, args[1], index, types.int64)
        address = builder.add(builder.ptrtoint(data, word), builder.mul(row, word(size)))
        to_write, to_keep, of_data = flag(1), flag(3), flag(1)
        for line in range(0, min(size, 2 * LINE_BYTES), LINE_BYTES):
            place = builder.inttoptr(builder.add(address, word(line)), byte)
            builder.call(function, [place, to_write, to_keep, of_data])
        return context.get_dummy_value()

    return types.void(records, index), codegen
