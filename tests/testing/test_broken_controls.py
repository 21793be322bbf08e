"""Each rule for congestion controls catches one that is made to break it.

The kernel is one, compiled once, for half a minute: a parameter says what it does wrong.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from numba.extending import register_jitable
from pydantic import field_serializer

from m4graph.congestion import CONGESTION_CONTROLS, RdmaControl
from m4graph.simulators.packet.congestion import CONGESTION_KERNELS, CongestionKernel
from m4graph.simulators.packet.hosts import set_rate
from m4graph.testing import ConformanceError, check_congestion_control

GOOD, SLEEPY, STALLED, TOO_LOW, UNFAIR, NOISY, SCRIBBLING = range(7)


class Sloppy(RdmaControl):
    """Every flow keeps the rate of its NIC, unless something is wrong."""

    kind: Literal["sloppy"] = "sloppy"
    wrong: int = GOOD


@register_jitable
def on_ack(s, flow_id, packet_id):
    flow, wrong = s.flows[flow_id], s.congestion_config[0].wrong
    acked = s.packets[packet_id].seq
    if wrong == SLEEPY and acked >= 20_000:
        set_rate(s, flow, flow.line_rate_bps // 2)
    elif wrong == STALLED and acked >= 20_000 and flow_id == 3:
        flow.snd_nxt = flow.size_bytes
    elif wrong == TOO_LOW and acked >= 20_000 and flow_id == 3:
        set_rate(s, flow, s.config[0].min_rate_bps - 1)
    elif wrong == UNFAIR and flow_id == 1:
        set_rate(s, flow, flow.line_rate_bps // 5)
    elif wrong == NOISY and acked >= 20_000 and flow_id > 2:
        set_rate(s, flow, int(flow.line_rate_bps * (0.5 + 0.5 * np.random.random())))


@register_jitable
def on_forward(s, link_id, packet_id):
    if s.congestion_config[0].wrong == SCRIBBLING:
        s.links[link_id].sent_bytes += 1_000_000


KERNEL = CongestionKernel(
    flow_state=np.dtype([("unused", "i8")]),
    parameters=np.dtype([("wrong", "i8")]),
    make_parameters=lambda scenario: (scenario.congestion_control.wrong,),
    make_flow_state=lambda model: (0,),
    on_ack=on_ack,
    on_forward=on_forward,
)


def register(name, model, kernel=KERNEL):
    CONGESTION_CONTROLS.register(name, model)
    CONGESTION_KERNELS.register(name, kernel)


@pytest.mark.slow
def test_a_good_one():
    register("sloppy", Sloppy)
    assert len(check_congestion_control("sloppy").rules) == 9


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rule", "wrong"),
    [
        ("lone flow", SLEEPY),
        ("nothing lost", STALLED),
        ("link rate", SCRIBBLING),
        ("rate of a flow", TOO_LOW),
        ("same bits", NOISY),
        ("fair shares", UNFAIR),
    ],
)
def test_a_broken_kernel_is_caught(rule, wrong):
    register("sloppy", Sloppy)
    with pytest.raises(ConformanceError, match=r"expected .*\(got ") as error:
        check_congestion_control("sloppy", wrong=wrong)
    assert error.value.rule == rule


class OtherKind(RdmaControl):
    kind: Literal["sloppier"] = "sloppier"


class Lossy(Sloppy):
    @field_serializer("wrong")
    def _rounded(self, value):
        return value + 1


class Lenient(Sloppy):
    wrong: float | str = 0.0


@pytest.mark.parametrize(
    ("rule", "model", "kernel"),
    [
        ("registered", dict, KERNEL),
        ("registered", OtherKind, KERNEL),
        ("registered", Sloppy, on_ack),
        ("YAML", Lossy, KERNEL),
        ("bad keys", Lenient, KERNEL),
    ],
)
def test_broken_parameters_are_caught(rule, model, kernel):
    register("sloppy", model, kernel)
    with pytest.raises(ConformanceError, match=r"expected .*\(got ") as error:
        check_congestion_control("sloppy")
    assert error.value.rule == rule


def test_a_name_without_a_kernel():
    CONGESTION_CONTROLS.register("sloppy", Sloppy)
    with pytest.raises(ConformanceError, match="unknown congestion_kernel") as error:
        check_congestion_control("sloppy")
    assert error.value.rule == "registered"
