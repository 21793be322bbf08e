"""The state of a run, and how compiled code sees it: as one pointer.

A kernel is a few lines, and there are a hundred of them. numba would take a tuple of arrays apart
at the border of each, into seven numbers an array; that was two thirds of the time to compile. Here
it takes a pointer to a table of addresses and lengths, and looks up what it needs.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.datamodel import PrimitiveModel, register_default
from numba.core.typing.templates import AttributeTemplate
from numba.extending import (
    NativeValue,
    infer_getattr,
    lower_getattr_generic,
    typeof_impl,
    unbox,
)
from numba.np.arrayobj import populate_array
from numba.np.numpy_support import from_dtype

_WORDS = 3
"""Of an array in the table: its address, and its shape."""


class _Arrays(NamedTuple):
    """All arrays of one run. Scalars stand in ``control`` and ``config``, of length one."""

    control: np.ndarray
    config: np.ndarray
    links: np.ndarray
    queues: np.ndarray  # of each link; empty with a shared buffer
    nodes: np.ndarray
    flows: np.ndarray
    marking: np.ndarray  # uint64 [6]: the random generator of marks
    congestion: np.ndarray  # the algorithm's own record for each flow
    congestion_config: np.ndarray  # and its parameters, of length one
    retries: np.ndarray  # of each flow: what the RDMA transport's timer saw last
    start_order: np.ndarray  # uint32: flows by their start; of one start, as they were queued
    timers: np.ndarray  # int32 [flows, timers]: the version of each timer that is not void
    packets: np.ndarray
    in_band: np.ndarray  # what each packet carries for the algorithm; empty if that is nothing
    events: np.ndarray
    slots: np.ndarray  # the timing wheel
    occupied: np.ndarray  # uint64 bitmap of its slots
    heap: np.ndarray  # events beyond the wheel's horizon
    requests: np.ndarray  # events that Python asked for; queued when the run goes on
    route_links: np.ndarray  # uint32
    host_flows: np.ndarray  # uint32: the unfinished flows of each host, in order of their start
    link_flows: np.ndarray  # int32: the active flows of each link, for labels
    label_events: np.ndarray
    label_flows: np.ndarray  # int32
    label_remaining_bytes: np.ndarray  # int64
    label_queue_bytes: np.ndarray  # int64
    wires: np.ndarray  # WIRE, or WIRE_OFF
    link_hooks: np.ndarray  # LINK_HOOK, or LINK_HOOK_OFF
    meters: np.ndarray  # METER, or METER_OFF
    packet_numbers: np.ndarray  # int64: of each packet, in the order of sending; for taps
    tap_rows: np.ndarray
    hooks: np.ndarray  # uint64: addresses of the algorithm's compiled hooks; 0: it does nothing


_OF_ALGORITHM = ("congestion", "congestion_config", "in_band")


class State(_Arrays):
    """All arrays of one run, for Python and for compiled code."""

    @cached_property
    def table(self) -> np.ndarray:
        """Address and shape of each array, uint64 ``[arrays, 3]``."""
        table = np.ones((len(self), _WORDS), np.uint64)
        for row, array in zip(table, self, strict=True):
            row[0] = array.ctypes.data
            row[1 : 1 + array.ndim] = array.shape
        return table

    @cached_property
    def address(self) -> int:
        """Of the table."""
        return int(self.table.ctypes.data)

    @cached_property
    def hook_type(self) -> StateType:
        """What an algorithm's hooks are compiled for."""
        return StateType(
            tuple(
                (name, types.Array(from_dtype(array.dtype), array.ndim, "C"))
                for name, array in zip(self._fields, self, strict=True)
            )
        )

    @cached_property
    def engine_type(self) -> StateType:
        """What the engine is compiled for: the same for all algorithms."""
        arrays = self.hook_type.arrays.items()
        return StateType(
            tuple(
                (name, types.Array(types.uint8, 1, "C") if name in _OF_ALGORITHM else array)
                for name, array in arrays
            )
        )


class StateType(types.Type):
    """The type of a state whose arrays have these types."""

    def __init__(self, arrays: tuple[tuple[str, types.Array], ...]) -> None:
        self.arrays = dict(arrays)
        digest = hashlib.sha256(repr(arrays).encode()).hexdigest()
        super().__init__(f"State({digest[:16]})")


@typeof_impl.register(State)
def _typeof_state(state: State, c: Any) -> StateType:
    return state.engine_type


@register_default(StateType)
class _StateModel(PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: StateType) -> None:
        super().__init__(dmm, fe_type, ir.IntType(64).as_pointer())


@infer_getattr
class _StateAttributes(AttributeTemplate):
    key = StateType

    def generic_resolve(self, typ: StateType, attr: str) -> types.Array | None:
        return typ.arrays.get(attr)


@lower_getattr_generic(StateType)
def _get_array(context, builder, typ, value, attr):
    array_type = typ.arrays[attr]
    for argument in builder.function.args:
        if argument.type == value.type:
            argument.attributes.dereferenceable = 8 * _WORDS * len(typ.arrays)
            argument.attributes.align = 8
    first = list(typ.arrays).index(attr) * _WORDS
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
