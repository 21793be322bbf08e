"""Runs a closed-loop workload on a session of any simulator."""

from __future__ import annotations

import time
from collections.abc import Iterable

import numpy as np

from m4graph.core.progress import Progress
from m4graph.results import UNFINISHED, SimulationResult
from m4graph.scenario import Scenario
from m4graph.simulators.base import Simulator
from m4graph.simulators.session.release import FlowRelease
from m4graph.simulators.session.session import Session
from m4graph.workload import ClosedLoopWorkload

_FLOWS_A_REPORT = 500


def simulate_closed_loop(
    simulator: Simulator, scenario: Scenario, progress: Progress | None = None
) -> SimulationResult:
    """Simulates a scenario with a closed-loop workload until no flow is left that could start,
    or to its stop time.

    A flow that did not start, since one that it waits for did not finish, counts as unfinished.

    Args:
        simulator (Simulator): One that has sessions.
        scenario (Scenario): What to simulate.
        progress (Progress, optional): Called now and then. (default: ``None``)

    Raises:
        InputError: If the simulator has no sessions, or cannot do this scenario.
        SimulationError: If the run fails.
    """
    workload = scenario.workload
    assert isinstance(workload, ClosedLoopWorkload)
    session = simulator.open_session(scenario)
    session.announce(workload.src, workload.dst, workload.size_bytes, scenario.routes)
    rack_of_host = scenario.arrays.link_dst[scenario.arrays.host_uplink].astype(np.int64)
    release = FlowRelease(workload, rack_of_host[workload.src])
    began = time.perf_counter()
    _run(session, release, workload.num_flows, scenario.stop_ns, progress)
    wall_s = time.perf_counter() - began
    start_ns, finish_ns = session.start_ns, session.finish_ns
    finished = finish_ns >= 0
    return SimulationResult(
        simulator=simulator.name,
        flow_id=workload.id,
        fct_ns=np.where(finished, finish_ns - start_ns, UNFINISHED),
        ideal_fct_ns=scenario.ideal_fct_ns,
        num_events=int((start_ns >= 0).sum() + finished.sum()),
        wall_s=wall_s,
        compile_s=session.compile_s,
        packet_hops=session.packet_hops,
        scenario=scenario,
        extra=session.extra,
        start_ns=start_ns,
    )


def _run(
    session: Session,
    release: FlowRelease,
    num_flows: int,
    stop_ns: int | None,
    progress: Progress | None,
) -> None:
    num_completed = 0
    _start(session, release.begin())
    while True:
        wake_ns = _earlier(release.next_wake_ns, stop_ns)
        for done in session.run(wake_ns):
            _start(session, release.complete(done.flow_id, session.now_ns))
            num_completed += 1
            if progress is not None and num_completed % _FLOWS_A_REPORT == 0:
                progress(num_completed, num_flows)
            if _earlier(release.next_wake_ns, stop_ns) != wake_ns:
                break
        if _earlier(release.next_wake_ns, stop_ns) != wake_ns:
            continue
        if wake_ns is None or wake_ns == stop_ns:
            break
        _start(session, release.wake(session.now_ns))
    if progress is not None:
        progress(num_completed, num_flows)


def _earlier(wake_ns: int | None, stop_ns: int | None) -> int | None:
    times = [time_ns for time_ns in (wake_ns, stop_ns) if time_ns is not None]
    return min(times, default=None)


def _start(session: Session, flows: Iterable[tuple[int, int]]) -> None:
    for row, start_ns in flows:
        session.start(row, start_ns)
