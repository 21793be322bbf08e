"""Tables that are fitted to small runs, with what was known of the pods: the data of a training."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from m4graph.core.array_checks import Checker
from m4graph.core.array_file import read_arrays
from m4graph.core.calls import plain_call
from m4graph.core.errors import InputError
from m4graph.core.files import whole_file
from m4graph.core.units import NS_PER_US
from m4graph.mimic.boundary import BoundaryTrace, taps_of
from m4graph.mimic.boundary_checks import check_shape
from m4graph.mimic.clusters import Pods
from m4graph.mimic.conditions import conditions_of
from m4graph.mimic.models.lindley import Lindley, longest_wait
from m4graph.mimic.models.lindley_curve import NUM_KINDS, NUM_ROLES, PORT_CURVE
from m4graph.mimic.pod_inputs import ROLES, PodInputs
from m4graph.mimic.port_waits import PORTS_INSIDE, PortWaits, inside
from m4graph.mimic.shape import (
    AGG_DOWN,
    AGG_UP,
    CORE_DOWN,
    HOST_UP,
    RACK_DOWN,
    RACK_UP,
    shape_of,
)
from m4graph.mimic.symmetry import at_cores
from m4graph.results import SimulationResult
from m4graph.scenario.build import build_scenario
from m4graph.simulators.packet import PacketSimulator

_OFFERED_US = 20_000_000.0
"""For so long flows are drawn to know what is offered."""

_MOST = 1e30


@plain_call
@dataclass(frozen=True, eq=False)
class FittedTable:
    """What was fitted to one small run.

    Args:
        inputs (PodInputs): What was offered to its pods.
        curves (np.ndarray): Records of :data:`PORT_CURVE`, ``[NUM_ROLES, NUM_KINDS]``.
        counts (np.ndarray): int64 ``[NUM_ROLES, NUM_KINDS]``, packets that they are fitted to.
        ticks_per_ns (int): Of the run's clock.
        conditions (dict): Of the run, as :func:`~m4graph.mimic.conditions.conditions_of` tells.
    """

    inputs: PodInputs
    curves: NDArray[np.void]
    counts: NDArray[np.int64]
    ticks_per_ns: int
    conditions: dict[str, Any]

    @classmethod
    def of(
        cls, description: Mapping[str, Any], num_pods: int, traced: int, warm_up_us: float
    ) -> Self:
        """Simulates a small network packet by packet, and fits its pods.

        Args:
            description (Mapping): Blocks of its scenario.
            num_pods (int): Pods of the network that it stands for.
            traced (int): So many of its pods are learned from.
            warm_up_us (float): What happens before is left out.
        """
        scenario = build_scenario(description)
        pods = Pods.of(scenario.network, scenario.arrays)
        taken = np.arange(min(traced, pods.num_pods))
        to_cores = pods.links(AGG_UP, np.arange(pods.num_pods))
        taps = np.unique(
            np.concatenate([to_cores, *(taps_of(pods, pod) for pod in taken.tolist())])
        )
        recording = {"taps": pods.ends(taps)}
        result = PacketSimulator(recording=recording).run(scenario)
        ticks_per_ns = scenario.config.ticks_per_ns
        warm_up_ticks = round(warm_up_us * NS_PER_US) * ticks_per_ns
        waits = {
            role: at_role[at_role.arrive_ticks >= warm_up_ticks]
            for role, at_role in _waits(result, pods, taken).items()
        }
        load_ticks = max(longest_wait(waits[role]) for role in PORTS_INSIDE)
        model = Lindley(pods.shape, np.zeros((NUM_ROLES, NUM_KINDS), PORT_CURVE))
        counts = np.zeros((NUM_ROLES, NUM_KINDS), np.int64)
        for role, at_role in waits.items():
            model.learn(role, at_role, num_pods, load_ticks, scenario.seed)
            counts[role] = np.bincount(at_role.kind, minlength=NUM_KINDS)
        inputs = _inputs(description, pods, num_pods)
        conditions = conditions_of(scenario, pods)
        return cls(inputs, model.curves, counts, ticks_per_ns, conditions)

    def save(self, path: str | Path) -> None:
        """Writes an ``.npz`` file."""
        known = vars(self.inputs).copy()
        load, external = (
            {f"{name}_{role}": values for role, values in known.pop(name).items()}
            for name in ("load", "external")
        )
        known["shape"] = asdict(self.inputs.shape)
        with whole_file(Path(path)) as half, half.open("wb") as file:
            np.savez_compressed(
                file,
                curves=self.curves,
                counts=self.counts,
                ticks_per_ns=self.ticks_per_ns,
                inputs=json.dumps(known),
                conditions=json.dumps(self.conditions),
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
        names += ["curves", "counts", "ticks_per_ns", "inputs", "conditions"]
        arrays = read_arrays(Path(path), names, "a table fitted to a small run")
        if arrays["curves"].dtype != PORT_CURVE:
            raise InputError(f"{path}, curves: expected curves of ports (got other records)")
        try:
            table = cls._of_arrays(arrays)
            table._check(Checker(str(path)))
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            raise InputError(
                f"{path}: expected a table fitted to a small run "
                f"(got {type(error).__name__}: {error})"
            ) from None
        return table

    @classmethod
    def _of_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        known = json.loads(str(arrays["inputs"]))
        known["shape"] = shape_of(known["shape"])
        for name in ("load", "external"):
            known[name] = {role: arrays[f"{name}_{role}"] for role in ROLES}
        return cls(
            inputs=PodInputs(**known),
            curves=arrays["curves"],
            counts=arrays["counts"],
            ticks_per_ns=int(arrays["ticks_per_ns"]),
            conditions=json.loads(str(arrays["conditions"])),
        )

    def _check(self, check: Checker) -> None:
        """Refuses ports that the shape does not have, and numbers that cannot be."""
        shape, curves = self.inputs.shape, self.curves
        check_shape(check, shape)
        num_ports = {role: shape.num_uplinks for role in (AGG_UP, CORE_DOWN)}
        num_ports |= {role: shape.num_hosts for role in (HOST_UP, RACK_DOWN)}
        num_ports |= {role: shape.racks * shape.aggs for role in (RACK_UP, AGG_DOWN)}
        for role in ROLES:
            for name, high in (("load", _MOST), ("external", 1)):
                values = getattr(self.inputs, name)[role]
                check.array(f"{name}_{role}", values, "f8", num_ports[role])
                check.values(f"{name}_{role}", values, 0, high)
        for name, array in (("curves", curves), ("counts", self.counts)):
            if array.shape != (NUM_ROLES, NUM_KINDS):
                check.refuse(name, f"[{NUM_ROLES}, {NUM_KINDS}]", [*array.shape])
        for name in PORT_CURVE.names or ():
            check.values(f"curves.{name}", curves[name].reshape(-1), 0, _MOST)
        check.array("counts", self.counts.reshape(-1), "i8", NUM_ROLES * NUM_KINDS)
        check.values("counts", self.counts.reshape(-1), 0, _MOST)
        for name, value in vars(self.inputs).items():
            if isinstance(value, int | float):
                check.values(name, np.array([value]), 0, _MOST)


def _inputs(description: Mapping[str, Any], pods: Pods, num_pods: int) -> PodInputs:
    """What is offered to pods in the mean, as flows that are drawn for longer than the run tell.

    The load of the run itself is off by some percent: a net that is told it takes a part of what
    load does for chance.
    """
    drawn = build_scenario(
        {
            **description,
            "workload": {**description["workload"], "until_us": _OFFERED_US},
            "stop_us": _OFFERED_US,
        }
    )
    return PodInputs.of(pods, drawn, np.arange(pods.num_pods), num_pods)


def _waits(result: SimulationResult, pods: Pods, taken: NDArray[np.int64]) -> dict[int, PortWaits]:
    """What packets met at the ports of some pods and at the core ports towards them, by role."""
    traces = [BoundaryTrace.of(result, pod, pods) for pod in taken.tolist()]
    waits = {role: [inside(trace, role) for trace in traces] for role in PORTS_INSIDE}
    waits[CORE_DOWN] = [at_cores(result, pods, pod) for pod in taken.tolist()]
    return {role: PortWaits.pooled(parts) for role, parts in waits.items()}
