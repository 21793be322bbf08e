"""What every congestion control must keep."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import yaml

from m4graph import topology
from m4graph.core.calls import plain_call
from m4graph.core.errors import ConfigError
from m4graph.results import SimulationResult
from m4graph.scenario import Scenario
from m4graph.scenario.congestion import CONGESTION_CONTROLS, CongestionControl, congestion_control
from m4graph.scenario.ideal import HEADER_BYTES
from m4graph.simulators import simulate
from m4graph.simulators.packet.build import build_state
from m4graph.simulators.packet.congestion import CONGESTION_KERNELS, CongestionKernel
from m4graph.simulators.packet.driver import PacketRun
from m4graph.simulators.packet.layout import FINISHED, STARVED
from m4graph.simulators.packet.state import State
from m4graph.testing.rules import Report, Rules, expect, expect_equal, expect_refused
from m4graph.testing.tiny import tiny_scenario, tiny_workload

_SENDERS = 8
_LONG_BYTES = 1_000_000
_EVENTS_A_LOOK = 500
_LONE_SLOWDOWN, _SHARED_SLOWDOWN, _UNFAIR = 1.5, 2.0, 2.0
_RANDOM_MARKS = {"ecn": {"kmin_bytes": 5000, "kmax_bytes": 50_000, "pmax": 0.3}}


@plain_call
def check_congestion_control(name: str, **parameters: Any) -> Report:
    """Checks an algorithm in the packet simulator, in the settings that a scenario has by default.

    Rules: its parameters and its kernel are registered under one name; parameters come back from
    YAML, and a network's defaults, once filled in, stay; a key that does not exist, and text in
    place of a number, are refused; a lone flow that fits into its first window takes its ideal
    time, plus what the kernel's headers take beyond the 48 bytes of that, to a nanosecond a packet;
    a lone flow of 1 MB takes 1.5 ideal times at most (slow start may cost it something); eight
    flows into one host all finish, every byte arrives, and no packet, queue or buffer is left
    behind; no link carries more than its rate; the rate of a flow stays between the lowest rate and
    that of its NIC; the same scenario gives the same bits, drawn marks included; two equal flows
    that share a link take at most twice as long as the link needs for both, and one at most twice
    as long as the other.

    Args:
        name (str): As in the ``kind`` of a scenario's ``congestion_control``.
        **parameters: Its own.

    Raises:
        ConformanceError: For the first rule that is broken.
    """
    rules = Rules("congestion control", name)
    block = {"kind": name, **parameters}
    with rules("registered"):
        _check_registered(name)
    with rules("YAML"):
        control = tiny_scenario(block).congestion_control
        again = congestion_control(yaml.safe_load(yaml.safe_dump(control.model_dump())))
        expect(again == control, f"{control!r} back from YAML", again)
        resolved = tiny_scenario(again).congestion_control
        expect(resolved == control, f"{control!r} to stay as resolved", resolved)
    with rules("bad keys"):
        _check_refusals(block, control)
    with rules("lone flow"):
        fitting = min(10_000, control.fixed_window_bytes or 10_000)
        for size_bytes in (1, min(1000, fitting), fitting):
            _check_lone(block, size_bytes)
        slowdown = float(_run(block, [(0, 3, _LONG_BYTES, 0)]).slowdown[0])
        expected = f"a lone flow of 1 MB to take {_LONE_SLOWDOWN} ideal times at most"
        expect(slowdown <= _LONE_SLOWDOWN, expected, f"{slowdown:.3f}")
    _check_incast(rules, block)
    with rules("same bits"):
        for seed in (1, 2):
            runs = [simulate(_incast(block, _RANDOM_MARKS, seed), "packet") for _ in range(2)]
            expect_equal(runs[0].fct_ns, runs[1].fct_ns, "the same times twice")
    with rules("fair shares"):
        _check_shares(_run(block, [(0, 3, _LONG_BYTES, 0), (1, 3, _LONG_BYTES, 0)]))
    return rules.report


def _check_registered(name: str) -> None:
    model = CONGESTION_CONTROLS.resolve(name)
    is_model = isinstance(model, type) and issubclass(model, CongestionControl)
    expect(is_model, "a subclass of m4graph.scenario.congestion.CongestionControl", model)
    kind = congestion_control(name).kind
    same = CONGESTION_CONTROLS.resolve(kind) is model
    expect(same, f"the literal kind of {model.__name__} to be its name", repr(kind))
    kernel = CONGESTION_KERNELS.resolve(kind)
    expect(isinstance(kernel, CongestionKernel), "a CongestionKernel of that name", kernel)


def _check_refusals(block: Mapping[str, Any], control: CongestionControl) -> None:
    unknown = {**block, "no_such_key": 1}
    expect_refused(partial(congestion_control, unknown), "no_such_key to be refused", ConfigError)
    for key, value in control.model_dump().items():
        if isinstance(value, int | float):
            bad, expected = {**block, key: "nonsense"}, f"{key}: 'nonsense' to be refused"
            expect_refused(partial(congestion_control, bad), expected, ConfigError)


def _run(block: Mapping[str, Any], flows: list[tuple[int, int, int, int]]) -> SimulationResult:
    """Flows on the tiny network, all of whose links are of 10 Gb/s."""
    return simulate(tiny_scenario(block, flows), "packet")


def _check_lone(block: Mapping[str, Any], size_bytes: int) -> None:
    result = _run(block, [(0, 3, size_bytes, 77)])
    scenario = result.scenario
    kernel = CONGESTION_KERNELS.resolve(scenario.congestion_control.kind)
    # The first packet crosses link after link, the others follow it.
    sent = len(scenario.routes.data_links) + (size_bytes - 1) // scenario.config.payload_bytes
    header_ns = sent * (kernel.data_overhead_bytes - HEADER_BYTES) * 8 / 10
    ideal, got = round(int(result.ideal_fct_ns[0]) + header_ns), int(result.fct_ns[0])
    expected = f"a lone flow of {size_bytes} bytes to take {ideal} +- {sent} ns"
    expect(abs(got - ideal) <= sent, expected, got)


def _check_shares(result: SimulationResult) -> None:
    expect(result.num_finished == 2, "both flows to finish", result.fct_ns.tolist())
    first, last = sorted(result.fct_ns.tolist())
    needed_ns = 2 * int(result.ideal_fct_ns.max())
    expected = f"two flows to share a link within {_SHARED_SLOWDOWN} times its {needed_ns} ns"
    expect(last <= _SHARED_SLOWDOWN * needed_ns, expected, f"{last} ns")
    expected = f"one of two equal flows to take {_UNFAIR} times the other's time at most"
    expect(last <= _UNFAIR * first, expected, f"{last} and {first} ns")


def _incast(block: Mapping[str, Any], config: Mapping[str, Any] | None, seed: int) -> Scenario:
    """Eight hosts that send to a ninth."""
    network = topology.star(num_hosts=_SENDERS + 1, gbps=10, delay_ns=1000)
    flows = [(host, _SENDERS, 40_000 + 777 * host, 500 * host) for host in range(_SENDERS)]
    return Scenario(network, tiny_workload(flows), block, config=config, seed=seed)


def _check_incast(rules: Rules, block: Mapping[str, Any]) -> None:
    with rules("nothing lost"):
        state, rates_bps = _run_dry(_incast(block, None, seed=0))
        control, flows = state.control[0], state.flows[:_SENDERS]
        unfinished = np.flatnonzero(flows["finish_ticks"] < 0).tolist()
        expect(not unfinished, "every flow to finish", f"flows {unfinished} unfinished")
        expect_equal(flows["rcv_nxt"], flows["size_bytes"], "every byte at the receiver")
        left = len(state.packets) - int(control["packets_left"])
        expect(left == 0, "no packet left in the network", left)
        for name in ("queue_bytes", "ingress_bytes", "headroom_bytes"):
            expect(not state.links[name].any(), f"{name} of 0 at the end", state.links[name])
    with rules("link rate"):
        links, elapsed_ns = state.links, int(control["now"])
        # Each packet's time is truncated to a nanosecond; none is shorter than 40 bytes.
        least_ns = links["sent_bytes"] * 8e9 / links["rate_bps"] - links["sent_bytes"] / 40
        most = float(least_ns.max())
        expect(most <= elapsed_ns, f"no link busy for more than {elapsed_ns} ns", f"{most:.0f}")
    with rules("rate of a flow"):
        lowest, highest = int(state.config[0]["min_rate_bps"]), int(flows["line_rate_bps"].max())
        least, most = rates_bps
        inside = lowest <= least and most <= highest
        expect(inside, f"rates of {lowest} to {highest} bit/s", f"{least} to {most}")


def _run_dry(scenario: Scenario) -> tuple[State, tuple[int, int]]:
    """Runs on after the last flow until nothing is left to happen.

    Returns:
        The state, and the lowest and highest rate of a flow, looked at now and then.
    """
    run = PacketRun(scenario, build_state(scenario))
    run.state.control["stop_at"] = -1
    seen = []
    reason = None
    while reason not in (FINISHED, STARVED):
        reason = run.turn(_EVENTS_A_LOOK)
        rates_bps = run.state.flows["rate_bps"]
        seen += [int(rates_bps.min()), int(rates_bps.max())]
    return run.state, (min(seen), max(seen))
