"""What both simulators share: each flow's slowdown is predicted once, and nothing is simulated but
fluids.
"""

from __future__ import annotations

import os
import time
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import nn

import m4graph as m4
from m4graph.core.announced import announced_compilation
from m4graph.core.errors import ConfigError
from m4graph.datasets import flow_table
from m4graph.simulators import Progress, Simulator
from m4graph.simulators.base import refuse_faults
from m4graph.zoo import checkpoint_files

WEIGHTS = Path(__file__).parent / "weights"
"""Checkpoints that come with this package, in folders of the simulators' names."""


class StaticSimulator(Simulator):
    """Reads all slowdowns off the network under fluid departures.

    Args:
        model (str, Path or nn.Module, optional): A checkpoint's folder, or a model.
            (default: the checkpoint that comes with this package)

    Raises:
        CheckpointError: If there is no such checkpoint.
        ConfigError: If it holds a model of another kind.
    """

    kind: ClassVar[type[nn.Module]]
    """Class of the model."""

    @classmethod
    def resolve_options(cls, options: Mapping[str, Any]) -> dict[str, Any]:
        """All options; the model is this package's own where none is given."""
        resolved = super().resolve_options(options)
        if resolved["model"] is None:
            resolved["model"] = str(WEIGHTS / cls.name)
        return resolved

    @classmethod
    def input_files(cls, options: Mapping[str, Any]) -> Iterable[Path]:
        """The files of the model."""
        return checkpoint_files(options["model"])

    def __init__(self, model: str | os.PathLike[str] | nn.Module | None = None) -> None:
        given = WEIGHTS / self.name if model is None else model
        loaded = given if isinstance(given, nn.Module) else m4.load_model(given)
        if not isinstance(loaded, self.kind):
            raise ConfigError(
                f"model: expected a {self.kind.__name__} for simulator {self.name!r} "
                f"(got a {type(loaded).__name__})"
            )
        self.model = loaded.eval()

    @abstractmethod
    def log_slowdown(self, scenario: m4.Scenario) -> NDArray[np.float64]:
        """The log of each flow's slowdown, float64 ``[num_flows]``."""

    def run(self, scenario: m4.Scenario, progress: Progress | None = None) -> m4.SimulationResult:
        """Predicts a scenario's completion times.

        Args:
            scenario (Scenario): What to simulate.
            progress (Progress, optional): Called at the end. (default: ``None``)

        Raises:
            ConfigError: If the scenario has faults.
            WorkloadError: If its workload is a closed loop, of which a static view knows no starts.
        """
        refuse_faults(self.name, scenario)
        compile_s = warm_up()
        started = time.perf_counter()
        slowdown = np.exp(np.maximum(self.log_slowdown(scenario), 0.0))
        fct_ns = np.rint(slowdown * scenario.ideal_fct_ns).astype(np.int64)
        wall_s = time.perf_counter() - started
        if progress is not None:
            progress(scenario.num_flows, scenario.num_flows)
        return m4.SimulationResult(
            simulator=self.name,
            flow_id=scenario.workload.id,
            fct_ns=fct_ns,
            ideal_fct_ns=scenario.ideal_fct_ns,
            num_events=2 * scenario.num_flows,
            wall_s=wall_s,
            compile_s=compile_s,
            packet_hops=None,
            scenario=scenario,
        )


def warm_up() -> float:
    """Compiles m4graph's kernels, or loads them, if this process has not yet; gives the seconds."""
    return 0.0 if _warm_up.cache_info().currsize else _warm_up()


@cache
def _warm_up() -> float:
    network = m4.topology.star(num_hosts=3)
    workload = m4.workload.generate(network, num_flows=2)
    scenario = m4.Scenario(network, workload, "dctcp")
    return announced_compilation("event graph", lambda: flow_table(scenario))[1]
