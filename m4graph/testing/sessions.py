"""What the sessions of a simulator must keep."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from m4graph.core.errors import WorkloadError
from m4graph.results import SimulationResult
from m4graph.scenario import Scenario
from m4graph.simulators import Session, Simulator
from m4graph.testing.rules import expect, expect_refused


def check_session(
    make: Callable[[], Simulator], replayed: SimulationResult, tolerance: float
) -> None:
    """Expects of a session: what an open loop gives, the order of time, and causes before effects.

    Rules: the flows of a scenario, added with their starts, take what they took in
    :meth:`~m4graph.simulators.Simulator.run`; completions come in the order of time; stopping the
    clock changes nothing; a flow that is added at a completion starts then, and takes what one in a
    network as idle takes; starts in the past and hosts that do not exist are refused, and nothing
    has changed.

    Args:
        make (callable): Makes the simulator.
        replayed (SimulationResult): What :meth:`~m4graph.simulators.Simulator.run` gives of the
            scenario that is replayed.
        tolerance (float): By what part a flow may differ from an equal one before it.
    """
    simulator, scenario = make(), replayed.scenario
    for stop_ns in (None, 37_000):
        session = _opened(simulator, scenario)
        for row in range(scenario.num_flows):
            _add(session, scenario, row)
        done = [] if stop_ns is None else list(session.run(until_ns=stop_ns))
        if stop_ns is not None:
            expect(session.now_ns == stop_ns, f"the clock at {stop_ns} ns", session.now_ns)
            late = [each.finish_ns for each in done if each.finish_ns > stop_ns]
            expect(not late, f"no completion after {stop_ns} ns", late)
        done += session.run()
        finish_ns = [each.finish_ns for each in done]
        expect(finish_ns == sorted(finish_ns), "completions in the order of time", finish_ns)
        expect(not session.unfinished, "every flow to complete", session.unfinished)
        fct_ns = session.finish_ns - session.start_ns
        close = np.abs(fct_ns - replayed.fct_ns) <= np.maximum(1e-4 * replayed.fct_ns, 1)
        expected = f"in a session the times of an open loop, {replayed.fct_ns.tolist()}"
        expect(bool(close.all()), expected, fct_ns.tolist())
    _check_chain(_opened(simulator, scenario), tolerance)


def _opened(simulator: Simulator, scenario: Scenario) -> Session:
    session = simulator.open_session(scenario)
    expect(isinstance(session, Session), "a m4graph.Session", type(session).__name__)
    expect(session.num_flows == 0, "a session without flows", session.num_flows)
    assert isinstance(session, Session)
    return session


def _add(session: Session, scenario: Scenario, row: int) -> None:
    flows = scenario.workload
    src, dst = int(flows.src[row]), int(flows.dst[row])
    session.add_flow(src, dst, int(flows.size_bytes[row]), int(flows.start_ns[row]))


def _check_chain(session: Session, tolerance: float) -> None:
    session.add_flow(0, 3, 9000)
    first = session.next_completion()
    expect(first is not None, "a first completion", "none")
    assert first is not None
    past = "a start in the past to be refused"
    expect_refused(lambda: session.add_flow(0, 3, 9000, session.now_ns - 1), past, WorkloadError)
    expect_refused(lambda: session.add_flow(0, 99, 9000), "host 99 to be refused")
    later_ns = session.now_ns + 1_000_000
    session.add_flow(0, 3, 9000, start_ns=later_ns)
    second = session.next_completion()
    expect(second is not None, "a second completion", "none")
    assert second is not None
    expect(second.flow_id == 1, "refused flows to leave no number behind", second.flow_id)
    expect(second.start_ns == later_ns, f"a start at {later_ns} ns", second.start_ns)
    took = [each.finish_ns - each.start_ns for each in (first, second)]
    margin = max(1.0, tolerance * took[0])
    expect(abs(took[1] - took[0]) <= margin, f"{took[0]} ns in a network as idle", took[1])
