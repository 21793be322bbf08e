"""How compiled code sees the state of a run: as one pointer.

A kernel is a few lines, and there are a hundred of them. numba would take a tuple of arrays apart
at the border of each, into seven numbers an array; that was two thirds of the time to compile. Here
it takes a pointer to a table of addresses and shapes, and looks up what it needs.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.datamodel import PrimitiveModel, register_default
from numba.core.typing.templates import AttributeTemplate
from numba.extending import NativeValue, infer_getattr, lower_getattr_generic, unbox
from numba.np.arrayobj import populate_array
from numba.np.numpy_support import from_dtype

WORDS = 3
"""Of an array in the table, of 64 bits each: its address, and its shape."""


class StateType(types.Type):  # type: ignore[misc]
    """The type of a state whose arrays have these types."""

    def __init__(self, arrays: tuple[tuple[str, types.Array], ...]) -> None:
        self.arrays = dict(arrays)
        digest = hashlib.sha256(repr(arrays).encode()).hexdigest()
        super().__init__(f"State({digest[:16]})")


class Table:
    """Makes one pointer of a named tuple of arrays, all contiguous: a class with both as bases."""

    @cached_property
    def table(self: Any) -> np.ndarray:
        """Address and shape of each array, uint64 ``[arrays, 3]``."""
        table = np.ones((len(self), WORDS), np.uint64)
        for row, array in zip(table, self, strict=True):
            row[0] = array.ctypes.data
            row[1 : 1 + array.ndim] = array.shape
        return table

    @cached_property
    def address(self) -> int:
        """Of the table."""
        return int(self.table.ctypes.data)

    def plain_type(self: Any) -> StateType:
        """The type of the tuple, with every array as it is."""
        return StateType(
            tuple(
                (name, types.Array(from_dtype(array.dtype), array.ndim, "C"))
                for name, array in zip(self._fields, self, strict=True)
            )
        )


@register_default(StateType)
class _StateModel(PrimitiveModel):  # type: ignore[misc]
    def __init__(self, dmm: Any, fe_type: StateType) -> None:
        super().__init__(dmm, fe_type, ir.IntType(64).as_pointer())


@infer_getattr
class _StateAttributes(AttributeTemplate):  # type: ignore[misc]
    key = StateType

    def generic_resolve(self, typ: StateType, attr: str) -> types.Array | None:
        return typ.arrays.get(attr)


@lower_getattr_generic(StateType)
def _get_array(context, builder, typ, value, attr):
    array_type = typ.arrays[attr]
    # The table does not change while a loop runs, and all of it may be read: so the optimiser
    # looks up once, before the loop, what it has registers for.
    for argument in builder.function.args:
        if argument.type == value.type:
            argument.attributes.dereferenceable = 8 * WORDS * len(typ.arrays)
            argument.attributes.align = 8
    first = list(typ.arrays).index(attr) * WORDS
    words = []
    for word in range(1 + array_type.ndim):
        place = builder.gep(value, [context.get_constant(types.intp, first + word)], inbounds=True)
        loaded = builder.load(place)
        loaded.set_metadata("invariant.load", builder.module.add_metadata([]))
        words.append(loaded)
    array = context.make_array(array_type)(context, builder)
    itemsize = context.get_abi_sizeof(context.get_data_type(array_type.dtype))
    strides = [context.get_constant(types.intp, itemsize)]
    for extent in words[:1:-1]:
        strides.insert(0, builder.mul(strides[0], extent))
    populate_array(
        array,
        data=builder.inttoptr(words[0], array.data.type),
        shape=cgutils.pack_array(builder, words[1:]),
        strides=cgutils.pack_array(builder, strides),
        itemsize=context.get_constant(types.intp, itemsize),
        meminfo=None,
    )
    return array._getvalue()


@unbox(StateType)
def _unbox_state(typ, obj, c):
    address = c.pyapi.object_getattr_string(obj, "address")
    pointer = c.pyapi.long_as_voidptr(address)
    c.pyapi.decref(address)
    return NativeValue(c.builder.bitcast(pointer, c.context.get_value_type(typ)))
