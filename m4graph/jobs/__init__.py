"""Training jobs: what the ranks of a cluster compute and send, simulated for one iteration."""

from __future__ import annotations

from m4graph.jobs.files import load_job
from m4graph.jobs.job import Job
from m4graph.jobs.result import JobResult
from m4graph.jobs.simulate import simulate_job

__all__ = ["Job", "JobResult", "load_job", "simulate_job"]
