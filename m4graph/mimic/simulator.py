"""One pod by packet and the others as mimics, as a :class:`~m4graph.simulators.base.Simulator`."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from m4graph.core.calls import plain_call
from m4graph.core.checks import check_count
from m4graph.core.errors import ConfigError
from m4graph.core.progress import Progress
from m4graph.mimic.clusters import Pods
from m4graph.mimic.compose import SIMULATED_POD, hook, visible
from m4graph.mimic.conditions import check_scenario, conditions_of
from m4graph.mimic.folder import ARRAYS_FILE, MIMIC_FILE, Mimic
from m4graph.mimic.models.constant import Constant
from m4graph.mimic.shipped import find_mimic
from m4graph.results import NUM_NOT_SIMULATED, SimulationResult
from m4graph.scenario import Scenario
from m4graph.scenario.scenario import MAX_SEED
from m4graph.simulators.base import Simulator, refuse_spraying
from m4graph.simulators.packet.congestion import CONGESTION_KERNELS
from m4graph.simulators.packet.observe.host_meter import EndToEndWatcher
from m4graph.simulators.packet.simulator import PacketSimulator
from m4graph.topology import clos
from m4graph.workload import generate


@plain_call
class MimicSimulator(Simulator):
    """Simulates pod 0 by packet; a model says what happens to its packets in all other pods.

    The result has the flows with an end in pod 0; the others are not simulated, and counted in
    ``extra["num_not_simulated"]``. What hosts of pod 0 see, round-trip times and throughput, stands
    in ``extra["end_to_end"]``.

    Args:
        model (str, Path or Mimic): The folder that ``m4graph mimic fit`` wrote, the name of a mimic
            that comes with the package, or a mimic.
        seed (int, optional): Of everything random in mimics. (default: the scenario's)

    Reference:
        Zhang et al., "MimicNet: Fast Performance Estimates for Data Center Networks with Machine
        Learning", SIGCOMM 2021, for composing models of pods that were learned from two.

    Not modelled:
        Flows that pod 0 does not see, but for what the model has learned of them; faults outside
        pod 0; PFC at the borders of mimics.

    Raises:
        InputError: If there is no such mimic, or it is damaged.
    """

    name = "mimic"
    colour = "#D55E00"
    is_deterministic = True

    def __init__(
        self, model: str | os.PathLike[str] | Mimic | None = None, seed: int | None = None
    ) -> None:
        if model is None:
            raise ConfigError(
                "model: expected the folder of a mimic, as m4graph mimic fit writes it (got none)"
            )
        self._mimic = model if isinstance(model, Mimic) else Mimic.load(find_mimic(model))
        self._seed = None if seed is None else check_count("seed", seed, 0, MAX_SEED)

    @classmethod
    def input_files(cls, options: Mapping[str, Any]) -> Iterable[Path]:
        """The files of the mimic."""
        return [find_mimic(options["model"]) / name for name in (MIMIC_FILE, ARRAYS_FILE)]

    @classmethod
    def warm_ups(cls, every: bool) -> dict[str, Callable[[], object]]:
        """As :meth:`Simulator.warm_ups`: NewReno with drop-tail queues, or all algorithms.

        Args:
            every (bool): All algorithms that mimics know, with each kind of queue.
        """
        kinds = [kind for kind, kernel in CONGESTION_KERNELS.loadable() if not kernel.keeps_routes]
        queues = ("drop_tail", "shared")
        chosen = product(kinds, queues) if every else [("newreno", "drop_tail")]
        return {f"mimic/{kind}/{queue}": partial(_warm_up, kind, queue) for kind, queue in chosen}

    def run(self, scenario: Scenario, progress: Progress | None = None) -> SimulationResult:
        """Simulates until the last visible flow is complete.

        Raises:
            ConfigError: If the network has no pods, the mimic was fitted for something else, or the
                scenario is a closed loop or has faults outside pod 0.
            SimulationError: If memory for packets in flight runs out.
        """
        refuse_spraying("the mimic simulator", scenario)
        pods = Pods.of(scenario.network, scenario.arrays)
        check_scenario(scenario, pods)
        self._mimic.check(scenario, pods)
        small = visible(scenario, pods)
        seed = scenario.seed if self._seed is None else self._seed
        step = self._mimic.model.start(pods, scenario, seed)
        hosts = np.flatnonzero(pods.host_pod == SIMULATED_POD)
        watchers = [hook(pods, step), EndToEndWatcher(hosts)]
        result = PacketSimulator(watchers=watchers).run(small, progress)
        left_out = {NUM_NOT_SIMULATED: scenario.num_flows - small.num_flows}
        return dataclasses.replace(result, simulator=self.name, extra=result.extra | left_out)


def _warm_up(kind: str, queue: str) -> object:
    network = clos(pods=2, racks=1, hosts=1, planes=1, spines=1)
    workload = generate(network, sizes="web_server", num_flows=1)
    scenario = Scenario(network, workload, kind, config={"queue": {"kind": queue}})
    conditions = conditions_of(scenario, Pods.of(network, scenario.arrays))
    return MimicSimulator(Mimic(Constant(), conditions, {})).run(scenario)
