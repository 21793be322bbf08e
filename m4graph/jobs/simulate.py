"""Simulates a job."""

from __future__ import annotations

import time
from typing import Any

from m4graph.core.calls import plain_call
from m4graph.core.errors import ConfigError
from m4graph.core.progress import Progress
from m4graph.jobs.job import Job
from m4graph.jobs.layout import build_state
from m4graph.jobs.result import JobResult
from m4graph.jobs.scheduler import run_programs
from m4graph.jobs.transport import Transport
from m4graph.scenario.cautions import warn_of
from m4graph.simulators import Completion, Simulator, build_simulator
from m4graph.simulators.base import check_sessions


@plain_call
def simulate_job(
    job: Job,
    simulator: str | type[Simulator] | Simulator = "fluid",
    *,
    progress: Progress | None = None,
    keep_flows: bool = False,
    **options: Any,
) -> JobResult:
    """Simulates one iteration of a job.

    Args:
        job (Job): What to simulate.
        simulator (str, type or Simulator): One that has sessions. (default: ``"fluid"``)
        progress (Progress, optional): Is told of nodes of programs that are done, and how many
            there are. (default: ``None``)
        keep_flows (bool): The result has all flows; only where all are simulated, with
            ``memo=False`` and ``nvlink="simulate"``. (default: ``False``)
        **options: The simulator's own, such as ``model`` of ``"learned"``.

    Raises:
        InputError: If the simulator has no sessions or cannot do this network, an operation cannot
            be done, or ranks wait for each other in a circle; names rank, node and step.
        SimulationError: If the run fails.
    """
    if keep_flows and (job.memo or job.nvlink != "simulate"):
        raise ConfigError(
            "flows: expected memo: false and nvlink: simulate, so that all flows are simulated "
            f"(got memo: {str(job.memo).lower()} and nvlink: {job.nvlink})"
        )
    check_sessions(simulator)
    chosen = build_simulator(simulator, **options)
    completed: list[tuple[int, Completion]] | None = [] if keep_flows else None
    warn_of(job.scenario)
    state, layout = build_state(job.tenants)
    transport = Transport(
        job.scenario,
        chosen,
        memo=job.memo,
        nvlink=job.nvlink,
        acknowledged=job.step_after == "sender_ack",
        latency_ns=job.latency_ns,
        completed=completed,
    )
    began = time.perf_counter()
    if job.background is not None:
        transport.start_background(job.background)
    run_programs(state, layout, transport, progress)
    wall_s = time.perf_counter() - began - transport.compile_s
    return JobResult(
        job=job,
        simulator=chosen.name,
        state=state,
        layout=layout,
        link_bytes=transport.link_bytes,
        num_flows=transport.num_flows,
        num_simulated=transport.num_simulated,
        packet_hops=transport.packet_hops or None,
        wall_s=wall_s,
        compile_s=transport.compile_s,
        completed=completed,
    )
