"""Tables that are fitted to small runs, with what was known of the pods: the data of a training."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from m4graph.core.array_file import read_arrays
from m4graph.core.errors import InputError
from m4graph.core.files import whole_file
from m4graph.core.units import NS_PER_US
from m4graph.mimic.boundary import BoundaryTrace, taps_of
from m4graph.mimic.clusters import AGG_UP, CORE_DOWN, Pods, shape_of
from m4graph.mimic.core_port import at_core
from m4graph.mimic.hetero import ROLES, PodConditions
from m4graph.mimic.models.lindley import Lindley, longest_wait
from m4graph.mimic.models.lindley_curve import NUM_KINDS, NUM_ROLES, PORT_CURVE
from m4graph.mimic.port_waits import PORTS_INSIDE, PortWaits, inside
from m4graph.results import SimulationResult
from m4graph.scenario.build import build_scenario
from m4graph.simulators.packet import PacketSimulator

_PODS = 2
"""Pods of a run that are looked at: the last ones."""


@dataclass(frozen=True, eq=False)
class FittedTable:
    """What was fitted to one small run.

    Args:
        conditions (PodConditions): What was known of its pods.
        curves (np.ndarray): Records of :data:`PORT_CURVE`, ``[NUM_ROLES, NUM_KINDS]``.
        counts (np.ndarray): int64 ``[NUM_ROLES, NUM_KINDS]``, packets that they are fitted to.
        ticks_per_ns (int): Of the run's clock.
    """

    conditions: PodConditions
    curves: NDArray[np.void]
    counts: NDArray[np.int64]
    ticks_per_ns: int

    @classmethod
    def of(cls, description: Mapping[str, Any], num_pods: int, warm_up_us: float) -> Self:
        """Simulates a small network packet by packet, and fits its last pods.

        Args:
            description (Mapping): Blocks of its scenario.
            num_pods (int): Pods of the network that it stands for.
            warm_up_us (float): What happens before is left out.
        """
        scenario = build_scenario(description)
        pods = Pods.of(scenario.network, scenario.arrays)
        fitted = np.arange(pods.num_pods)[-_PODS:]
        taps = [taps_of(pods, pod) for pod in fitted]
        taps.append(pods.links(AGG_UP, np.arange(pods.num_pods)))
        recording = {"taps": pods.ends(np.unique(np.concatenate(taps)))}
        result = PacketSimulator(recording=recording).run(scenario)
        ticks_per_ns = scenario.config.ticks_per_ns
        warm_up_ticks = round(warm_up_us * NS_PER_US) * ticks_per_ns
        waits = {
            role: at_role[at_role.arrive_ticks >= warm_up_ticks]
            for role, at_role in _waits(result, pods, fitted).items()
        }
        load_ticks = max(longest_wait(waits[role]) for role in PORTS_INSIDE)
        model = Lindley(pods.shape, np.zeros((NUM_ROLES, NUM_KINDS), PORT_CURVE))
        counts = np.zeros((NUM_ROLES, NUM_KINDS), np.int64)
        for role, at_role in waits.items():
            model.learn(role, at_role, num_pods, load_ticks, scenario.seed)
            counts[role] = np.bincount(at_role.kind, minlength=NUM_KINDS)
        conditions = PodConditions.of(pods, scenario, fitted, num_pods)
        return cls(conditions, model.curves, counts, ticks_per_ns)

    def save(self, path: str | Path) -> None:
        """Writes an ``.npz`` file."""
        known = vars(self.conditions).copy()
        load, external = (
            {f"{name}_{role}": values for role, values in known.pop(name).items()}
            for name in ("load", "external")
        )
        known["shape"] = asdict(self.conditions.shape)
        with whole_file(Path(path)) as half, half.open("wb") as file:
            np.savez_compressed(
                file,
                curves=self.curves,
                counts=self.counts,
                ticks_per_ns=self.ticks_per_ns,
                conditions=json.dumps(known),
                **load,
                **external,
            )

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Reads what :meth:`save` wrote; nothing is unpickled.

        Raises:
            InputError: If it is no such file, or damaged.
        """
        names = [f"{name}_{role}" for name in ("load", "external") for role in ROLES]
        names += ["curves", "counts", "ticks_per_ns", "conditions"]
        arrays = read_arrays(Path(path), names, "a table fitted to a small run")
        if arrays["curves"].dtype != PORT_CURVE:
            raise InputError(f"{path}, curves: expected curves of ports (got other records)")
        known = json.loads(str(arrays["conditions"]))
        known["shape"] = shape_of(known["shape"])
        for name in ("load", "external"):
            known[name] = {role: arrays[f"{name}_{role}"] for role in ROLES}
        ticks_per_ns = int(arrays["ticks_per_ns"])
        return cls(PodConditions(**known), arrays["curves"], arrays["counts"], ticks_per_ns)


def _waits(
    result: SimulationResult, pods: Pods, fitted: NDArray[np.int64]
) -> dict[int, PortWaits]:
    """What packets met at the ports of some pods and at the core ports towards them, by role."""
    traces = [BoundaryTrace.of(result, int(pod), pods) for pod in fitted]
    waits = {role: _together([inside(trace, role) for trace in traces]) for role in PORTS_INSIDE}
    waits[CORE_DOWN] = _together([at_core(result, pods, int(pod)) for pod in fitted])
    return waits


def _together(of_pods: list[PortWaits]) -> PortWaits:
    """One set of ports after the other; packets by time."""
    num_ports = 1 + max(int(waits.port.max(initial=0)) for waits in of_pods)
    columns = {
        name: np.concatenate([getattr(waits, name) for waits in of_pods]) for name in vars(of_pods[0])
    }
    columns["port"] += np.repeat(np.arange(len(of_pods)), [len(w) for w in of_pods]) * num_ports
    waits = PortWaits(**columns)
    return waits[np.argsort(waits.arrive_ticks, kind="stable")]
