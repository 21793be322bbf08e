"""m4graph predicts what happens to every flow in a data-centre network, fast.

The names below are imported on first use, so that ``import m4graph`` costs nothing.
"""

from __future__ import annotations

from typing import Any

from m4graph.core.lazy import lazy_names

_MODULES = (
    "checkpoint",
    "congestion",
    "convert",
    "core",
    "datasets",
    "estimate",
    "evaluation",
    "graph",
    "jobs",
    "learned",
    "metrics",
    "mimic",
    "nn",
    "report",
    "results",
    "rl",
    "routing",
    "runs",
    "scenario",
    "simulators",
    "sweeps",
    "testing",
    "topology",
    "training",
    "workload",
    "zoo",
)

_NAMES = {
    "Completion": "m4graph.simulators.session",
    "ExpectedTimes": "m4graph.scenario.expected",
    "Job": "m4graph.jobs",
    "JobResult": "m4graph.jobs",
    "M4GraphError": "m4graph.core.errors",
    "NetworkConfig": "m4graph.scenario",
    "Scenario": "m4graph.scenario",
    "Session": "m4graph.simulators.session",
    "SimulationResult": "m4graph.results",
    "Simulator": "m4graph.simulators",
    "Sweep": "m4graph.sweeps",
    "Workload": "m4graph.workload",
    "compare": "m4graph.evaluation",
    "load_job": "m4graph.jobs",
    "load_model": "m4graph.zoo",
    "load_scenario": "m4graph.scenario.files",
    "open_session": "m4graph.simulators.session",
    "save_scenario": "m4graph.scenario.files",
    "simulate": "m4graph.simulators",
    "simulate_batch": "m4graph.simulators",
    "simulate_job": "m4graph.jobs",
    "sweep": "m4graph.sweeps",
    "to_hetero_data": "m4graph.graph",
}

__all__ = sorted([*_MODULES, *_NAMES])

_lazy, _names = lazy_names(__name__, _NAMES | {name: f"m4graph.{name}" for name in _MODULES})


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from m4graph.core.provenance import package_version

        return package_version()
    return _lazy(name)


def __dir__() -> list[str]:
    return [*_names(), "__version__"]
