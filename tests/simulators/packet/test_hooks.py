"""Algorithms apart from the loop: one loop for all of them, their errors, where records lie."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numba.extending import register_jitable

from m4graph.scenario.sample import sample_scenario
from m4graph.simulators import simulate
from m4graph.simulators.packet import layout
from m4graph.simulators.packet.build import build_state
from m4graph.simulators.packet.congestion import CONGESTION_KERNELS
from m4graph.simulators.packet.engine import engine
from m4graph.simulators.packet.memory import LINE_BYTES, in_lines, zeros
from m4graph.testing.tiny import tiny_scenario

KINDS = CONGESTION_KERNELS.names()


@register_jitable
def divides_by_zero(s, flow_id, packet_id):
    s.flows[flow_id].rate_bps = 1 // (s.packets[packet_id].seq * 0)


def test_the_loop_is_the_same_for_all_algorithms() -> None:
    states = [build_state(tiny_scenario(kind)) for kind in KINDS]
    assert len({state.engine_type for state in states}) == 1
    assert len({state.hook_type for state in states}) == len(KINDS)


def test_another_algorithm_compiles_no_loop() -> None:
    simulate(sample_scenario("dctcp"), "packet")
    known = len(engine().overloads)
    simulate(sample_scenario("timely"), "packet")
    assert len(engine().overloads) == known


def test_what_a_hook_raises_comes_out(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = replace(CONGESTION_KERNELS.resolve("dctcp"), on_ack=divides_by_zero)
    monkeypatch.setattr(CONGESTION_KERNELS, "resolve", lambda kind: kernel)
    with pytest.raises(ZeroDivisionError):
        simulate(tiny_scenario("dctcp"), "packet")


def test_a_new_array_makes_a_new_table() -> None:
    state = build_state(tiny_scenario())
    other = state._replace(heap=state.heap.copy())
    assert state.address != other.address
    row = state._fields.index("heap")
    assert state.table[row, 0] != other.table[row, 0]
    assert np.array_equal(np.delete(state.table, row, 0), np.delete(other.table, row, 0))


@pytest.mark.parametrize(
    ("record", "size_bytes"),
    [
        ([("a", "i1")], 1),
        ([("a", "b1"), ("b", "i8")], 16),
        ([("a", "i8", 5), ("b", "i4", 5), ("c", "i4", 5)], 128),
        ([("a", "i8", 17)], 192),
    ],
)
def test_records_share_no_line_by_halves(record, size_bytes: int) -> None:
    given, dtype = np.dtype(record), in_lines(record)
    assert dtype.itemsize == size_bytes
    assert dtype.names == given.names
    assert all(dtype[name] == given[name] for name in given.names)
    assert in_lines(dtype) == dtype


def test_what_a_hop_needs_lies_together() -> None:
    for name in ("head", "queue_bytes", "free_ticks", "delay_ticks", "full_tx_ticks", "busy"):
        assert layout.LINK.fields[name][1] < LINE_BYTES
    for name in ("to_host", "dst", "ingress_bytes", "sent_bytes", "kmin_bytes"):
        assert LINE_BYTES <= layout.LINK.fields[name][1] < 2 * LINE_BYTES
    state = build_state(tiny_scenario())
    for array in (state.control, state.links, state.flows, state.packets, state.events):
        assert array.ctypes.data % LINE_BYTES == 0
    assert zeros((3, 2), np.int32).shape == (3, 2)
