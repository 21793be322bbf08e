"""What every simulator must keep."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from m4graph.core.calls import plain_call
from m4graph.core.errors import ConfigError, InputError
from m4graph.results import SimulationResult
from m4graph.scenario import Scenario
from m4graph.simulators import Simulator, build_simulator
from m4graph.testing.rules import Report, Rules, expect, expect_equal, expect_refused
from m4graph.testing.sessions import check_session
from m4graph.testing.tiny import FLOWS, tiny_scenario
from m4graph.workload import Workload, closed_loop

_LONE_SIZES = (1, 1000, 10_000)
_LATER_NS = 123_456_789
_ROUNDING = 1e-4
"""Of float32, where the matrices of a batch have other shapes."""


@plain_call
def check_simulator(
    simulator: str | type[Simulator],
    tolerance: float = 0.0,
    congestion_control: str = "dctcp",
    **options: Any,
) -> Report:
    """Checks a simulator on a few flows in a small network.

    Rules: it is made from its class or name; every flow is answered, in the workload's order, with
    its ideal time beside; a flow that is alone takes its ideal time; no flow is faster than its
    bytes and delays on the wire allow; two runs, and two instances, give the same bits; the names
    of flows and the origin of time make no difference; a scenario without flows is fine; a batch
    gives what single runs give; the scenario is left as it was; progress never goes back; faults
    are taken into account or refused, and so are closed loops; and sessions, where it has them,
    keep their own rules (:func:`~m4graph.testing.sessions.check_session`), and are refused in one
    line where not.

    Args:
        simulator (str or type): A name of :data:`m4graph.simulators.SIMULATORS`, or a class.
        tolerance (float, optional): By what part the time of a lone flow may differ from the ideal,
            and times may depend on when everything starts, as they do for a model that sees how
            long a link has been idle; 0: a nanosecond at most. (default: ``0.0``)
        congestion_control (str, optional): Of the scenarios. (default: ``"dctcp"``)
        **options: The simulator's own.

    Raises:
        ConformanceError: For the first rule that is broken.
    """
    rules = Rules("simulator", simulator)

    def make() -> Simulator:
        return build_simulator(simulator, **options)

    def scenario_of(flows: Sequence[tuple[int, int, int, int]], **more: Any) -> Scenario:
        return tiny_scenario(congestion_control, flows, **more)

    with rules("made"):
        instance = make()
    scenario = scenario_of(FLOWS)
    with rules("answers"):
        before = _arrays_of(scenario)
        wanted = instance.run(scenario)
        _check_answers(wanted, scenario, instance.name)
    with rules("scenario left alone"):
        for (name, old), new in zip(before.items(), _arrays_of(scenario).values(), strict=True):
            expect_equal(new, old, f"{name} of the scenario as it was")
    with rules("lone flow"):
        for size in _LONE_SIZES:
            _check_lone(instance.run(scenario_of([(0, 3, size, 500)])), tolerance, size)
    with rules("not too fast"):
        _check_speed(wanted)
    with rules("same bits"):
        expect_equal(instance.run(scenario).fct_ns, wanted.fct_ns, "the same times twice")
        expect_equal(make().run(scenario).fct_ns, wanted.fct_ns, "the same from a new instance")
    _check_invariance(rules, instance, wanted, tolerance)
    with rules("no flows"):
        nothing = instance.run(scenario_of([]))
        expect(len(nothing.fct_ns) == 0, "no times where there are no flows", nothing.fct_ns)
    with rules("batch"):
        both = instance.run_batch([scenario, scenario_of([(1, 2, 5000, 0)])])
        expect(len(both) == 2, "2 results for 2 scenarios", len(both))
        _expect_close(
            both[0].fct_ns, wanted.fct_ns, "in a batch the times of a single run", _ROUNDING
        )
    with rules("progress"):
        _check_progress(instance, scenario)
    with rules("faults"):
        dead = {"link": [0, 4], "kind": "down", "at_us": 0}
        _check_faults(instance, scenario_of([(0, 3, 5000, 1000)], faults=[dead]))
    with rules("closed loop"):
        _check_closed_loop(instance, scenario)
    with rules("sessions"):
        if type(instance).open_session is Simulator.open_session:
            refused = "a session to be refused, as it has none"
            expect_refused(partial(instance.open_session, scenario), refused, ConfigError)
        else:
            check_session(make, wanted, tolerance)
    return rules.report


def _arrays_of(scenario: Scenario) -> dict[str, NDArray[Any]]:
    workload, routes, arrays = scenario.workload, scenario.routes, scenario.arrays
    return {
        "src": workload.src.copy(),
        "size_bytes": workload.size_bytes.copy(),
        "data_links": routes.data_links.copy(),
        "ideal_fct_ns": scenario.ideal_fct_ns.copy(),
        "link_rate_bps": arrays.link_rate_bps.copy(),
    }


def _check_answers(result: SimulationResult, scenario: Scenario, name: str) -> None:
    expect(isinstance(result, SimulationResult), "a SimulationResult", type(result).__name__)
    expect(result.simulator == name, f"a result of {name!r}", repr(result.simulator))
    expect_equal(result.flow_id, scenario.workload.id, "flow_id in the workload's order")
    expect(result.fct_ns.dtype == np.int64, "fct_ns in int64", result.fct_ns.dtype)
    expect_equal(result.ideal_fct_ns, scenario.ideal_fct_ns, "the scenario's ideal_fct_ns")
    unfinished = result.flow_id[~result.finished].tolist()
    expect(not unfinished, "every flow to finish", f"flows {unfinished} unfinished")
    num_events = 2 * scenario.num_flows
    expect(result.num_events == num_events, f"{num_events} events", result.num_events)
    expect(result.wall_s >= 0, "wall_s of 0 or above", result.wall_s)
    rows = len(result.to_frame())
    expect(rows == scenario.num_flows, f"a table of {scenario.num_flows} rows", rows)
    result.summary()


def _check_lone(result: SimulationResult, tolerance: float, size_bytes: int) -> None:
    got, ideal = int(result.fct_ns[0]), int(result.ideal_fct_ns[0])
    margin = max(1.0, tolerance * ideal)
    expected = f"a lone flow of {size_bytes} bytes to take {ideal} +- {margin:.0f} ns"
    expect(abs(got - ideal) <= margin, expected, got)


def least_fct_ns(scenario: Scenario) -> NDArray[np.int64]:
    """What no flow can beat: all delays of its route, and its payload over the slowest link; less
    a nanosecond for each packet, which ns-3 truncates.
    """
    arrays, routes = scenario.arrays, scenario.routes
    first, links = routes.data_ptr[:-1], routes.data_links
    delay_ns = np.add.reduceat(arrays.link_delay_ns[links], first)
    slowest_bps = np.minimum.reduceat(arrays.link_rate_bps[links], first)
    size_bytes = scenario.workload.size_bytes
    packets = -(-size_bytes // scenario.config.payload_bytes)
    least: NDArray[np.int64] = delay_ns + size_bytes * 8 * 10**9 // slowest_bps - packets
    return least


def _check_speed(result: SimulationResult) -> None:
    least = least_fct_ns(result.scenario)
    slow = np.flatnonzero(result.fct_ns < least)
    if len(slow):
        flow = slow[0]
        expected = f"flow {result.flow_id[flow]} to take {least[flow]} ns at least, on the wire"
        expect(False, expected, int(result.fct_ns[flow]))


def _check_invariance(
    rules: Rules, instance: Simulator, wanted: SimulationResult, tolerance: float
) -> None:
    flows = wanted.scenario.workload
    assert isinstance(flows, Workload)

    def times(ids: NDArray[np.int64], start_ns: NDArray[np.int64]) -> NDArray[np.int64]:
        moved = dataclasses.replace(flows, id=ids, start_ns=start_ns)
        return instance.run(wanted.scenario.replace(workload=moved)).fct_ns

    with rules("names of flows"):
        got = times(1000 + 7 * flows.id, flows.start_ns)
        expect_equal(got, wanted.fct_ns, "the same times for flows of other ids")
    with rules("origin of time"):
        got = times(flows.id, flows.start_ns + _LATER_NS)
        _expect_close(got, wanted.fct_ns, f"the same times {_LATER_NS} ns later", tolerance)


def _expect_close(
    got: NDArray[np.int64], wanted: NDArray[np.int64], expected: str, tolerance: float
) -> None:
    close = np.abs(got - wanted) <= np.maximum(tolerance * wanted, 1)
    expect(bool(close.all()), f"{expected}, {wanted.tolist()}", got.tolist())


def _check_progress(instance: Simulator, scenario: Scenario) -> None:
    seen: list[tuple[int, int]] = []
    instance.run(scenario, lambda done, total: seen.append((done, total)))
    what = instance.counted
    for done, total in seen:
        expect(0 <= done <= total, f"progress of 0 to all {what}", f"{done} of {total}")
        if what == "flows":
            expected = f"progress of 0 to {scenario.num_flows} flows"
            expect(total == scenario.num_flows, expected, f"{done} of {total}")
    counts = [done for done, _ in seen]
    expect(counts == sorted(counts), "progress that never goes back", counts)


def _check_closed_loop(instance: Simulator, scenario: Scenario) -> None:
    """Each rack has one flow under way: as many are answered, or the loop is refused."""
    flows = scenario.workload
    assert isinstance(flows, Workload)
    looped = scenario.replace(workload=closed_loop(flows, limit_per_rack=1))
    run = partial(instance.run, looped)
    try:
        result = run()
    except InputError:
        expect_refused(run, "a closed loop to be refused")
        return
    unfinished = result.flow_id[~result.finished].tolist()
    expect(not unfinished, "every flow of a closed loop to finish", f"flows {unfinished} left")
    starts = bool((result.start_ns >= flows.start_ns).all())
    expect(starts, "no flow of a closed loop to start early", result.start_ns.tolist())


def _check_faults(instance: Simulator, scenario: Scenario) -> None:
    run = partial(instance.run, scenario)
    try:
        result = run()
    except InputError:
        expect_refused(run, "faults to be refused")
        return
    expected = "no answer over a dead cable, or faults refused by m4graph.simulators.refuse_faults"
    expect(result.num_finished == 0, expected, f"{result.fct_ns.tolist()} ns")
