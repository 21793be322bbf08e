"""A congestion control of your own in the packet simulator: AIMD on the delay, a little like Swift.

Once a round trip, a flow's rate rises by a step if the round trip took less than a target, and else
falls by the part that was too long. Two pieces make it: a model of its parameters, which is what
``congestion_control:`` in a scenario's YAML is checked against, and a kernel that numba compiles,
for the event loop to call. Both are registered under one name.

Reference: Kumar et al., "Swift: Delay is Simple and Effective for Congestion Control in the
Datacenter", SIGCOMM 2020, of which this has the idea and none of the details.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numba.extending import register_jitable
from pydantic import Field

import m4graph as m4
from m4graph.congestion import CONGESTION_CONTROLS, RdmaControl
from m4graph.scenario import Scenario
from m4graph.simulators.packet.congestion import CONGESTION_KERNELS, CongestionKernel
from m4graph.simulators.packet.hosts import set_rate

KIND = "delay_aimd"


class DelayAimd(RdmaControl):
    """The parameters: those of all algorithms on the RDMA transport, and these."""

    kind: Literal["delay_aimd"] = KIND
    target_us: float = Field(default=20.0, gt=0)
    beta: float = Field(default=0.8, gt=0, le=1)
    additive_increase_mbps: float = Field(default=200.0, gt=0)


@register_jitable
def on_send(s, flow_id, packet_id):
    """A packet carries the time when it was sent; its ACK brings that back."""
    s.in_band[packet_id].sent_ticks = s.control[0].now


@register_jitable
def on_ack(s, flow_id, packet_id):
    """Once a round trip: up by a step, or down by the part of the delay that was too long."""
    flow, state, parameters = s.flows[flow_id], s.congestion[flow_id], s.congestion_config[0]
    if s.packets[packet_id].seq <= state.update_seq:
        return
    state.update_seq = flow.snd_nxt
    delay_ticks = s.control[0].now - s.in_band[packet_id].sent_ticks
    if delay_ticks < parameters.target_ticks:
        rate_bps = flow.rate_bps + parameters.additive_increase_bps
    else:
        too_long = (delay_ticks - parameters.target_ticks) / delay_ticks
        rate_bps = int(flow.rate_bps * max(0.5, 1 - parameters.beta * too_long))
    set_rate(s, flow, min(max(rate_bps, s.config[0].min_rate_bps), flow.line_rate_bps))


def parameters(scenario: Scenario) -> tuple[float, ...]:
    """From the scenario to what the kernel computes with: whole ticks, whole bits per second."""
    model = scenario.congestion_control
    ticks_per_us = 1000 * scenario.config.ticks_per_ns
    additive_bps = int(model.additive_increase_mbps * 10**6)
    return round(model.target_us * ticks_per_us), model.beta, additive_bps


def flow_state(model: DelayAimd) -> tuple[float, ...]:
    """A new flow's record."""
    return (0,)


KERNEL = CongestionKernel(
    flow_state=np.dtype([("update_seq", "i8")]),
    parameters=np.dtype([("target_ticks", "i8"), ("beta", "f8"), ("additive_increase_bps", "i8")]),
    make_parameters=parameters,
    make_flow_state=flow_state,
    on_ack=on_ack,
    on_send=on_send,
    in_band=np.dtype([("sent_ticks", "i8")]),
    data_overhead_bytes=56,  # 48, and a timestamp
)


def register() -> None:
    """Makes the name known; a package does the same through entry points, without a call."""
    CONGESTION_CONTROLS.register(KIND, DelayAimd)
    CONGESTION_KERNELS.register(KIND, KERNEL)


def main() -> None:
    """Eight senders into one: the mean slowdown beside DCTCP's."""
    register()
    network = m4.topology.star(num_hosts=9, gbps=10, delay_ns=1000)
    matrix = {"kind": "incast", "fan_in": 8, "dst": 0}
    workload = m4.workload.generate(
        network, sizes={"kind": "fixed", "size_bytes": 64_000}, load=0.7, num_flows=400,
        matrix=matrix, seed=0,
    )  # fmt: skip
    for control in ({"kind": "dctcp"}, {"kind": KIND, "target_us": 15.0}):
        result = m4.simulate(m4.Scenario(network, workload, control), "packet")
        pauses = result.extra["pfc_pauses_sent"]
        print(f"{control['kind']:<12} mean slowdown {result.slowdown.mean():.2f}, {pauses} pauses")


if __name__ == "__main__":
    # numba keeps compiled code on disk by the name of a function's module; __main__ is no name.
    import custom_congestion_control

    custom_congestion_control.main()
