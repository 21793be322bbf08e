from __future__ import annotations

import importlib
import pkgutil

import pytest
from numba import njit
from numba.core.dispatcher import Dispatcher

from m4graph.core.kernels import inline_kernel, kernel

HANDED_DOWN = {"fastmath", "error_model", "forceinline", "_nrt"}
ROOMS = ("core", "estimate", "graph", "learned", "simulators.fluid")


@pytest.mark.parametrize("decorator", [kernel, inline_kernel])
def test_takes_nothing_from_the_caller(decorator):
    @decorator
    def product_and_sum(a, b, c):
        return a * b + c

    @njit(fastmath=True)
    def caller(a, b, c):
        return product_and_sum(a, b, c)

    caller(2.0, 3.0, 4.0)
    (program,) = product_and_sum.inspect_llvm().values()
    assert "fmul double" in program
    assert "fadd double" in program


def test_every_kernel_states_what_callers_hand_down():
    found = [
        (each.__name__, name, value.targetoptions)
        for room in ROOMS
        for each in modules(f"m4graph.{room}")
        for name, value in vars(each).items()
        if isinstance(value, Dispatcher)
    ]
    assert len(found) > 80
    for module, name, options in found:
        assert options.keys() >= HANDED_DOWN, f"{module}.{name}"


def modules(package):
    room = importlib.import_module(package)
    yield room
    for found in pkgutil.walk_packages(room.__path__, f"{package}."):
        yield importlib.import_module(found.name)
