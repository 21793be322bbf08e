"""A word to the compiler about what is seldom run."""

from __future__ import annotations

from numba import types
from numba.extending import intrinsic


@intrinsic
def stay_out_of_line(typingctx):
    """Called first in a compiled function: the function is not put into its caller.

    The loop is fast while its registers serve what runs at every event. Whether the compiler puts
    a function there depends on the number of its arguments, so on how many arrays a state has.
    """

    def codegen(context, builder, signature, args):
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.void(), codegen
