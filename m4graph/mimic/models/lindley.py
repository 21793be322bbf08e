"""Ports of mimics as queues that are fed by what is simulated and by a level of all that is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from m4graph.core.checks import check_count
from m4graph.core.errors import ConfigError
from m4graph.core.progress import Progress
from m4graph.core.rng import generator
from m4graph.mimic.boundary import BoundaryTrace
from m4graph.mimic.calibrate import calibrate
from m4graph.mimic.clusters import Pods
from m4graph.mimic.models.base import MimicModel, MimicStep, common_arrays
from m4graph.mimic.models.lindley_curve import NUM_KINDS, NUM_ROLES, PORT_CURVE
from m4graph.mimic.models.lindley_fit import fit_curves
from m4graph.mimic.models.lindley_step import PORT_STATE, link_times, normals, wait_at_ports
from m4graph.mimic.port_waits import PORTS_INSIDE, PortWaits, inside
from m4graph.mimic.shape import CORE_DOWN, PodShape, shape_of
from m4graph.mimic.symmetry import runs_at_size
from m4graph.scenario import Scenario

_RARE = 1e-4
"""Drops that are as rare as this are not told from none."""

_LONGEST = 0.999
"""The quantile of waits that stands for a full queue."""


class Lindley(MimicModel):
    r"""Each port is a queue with a state of its own.

    A packet that comes :math:`g` after one that waited :math:`W`, and took :math:`T` to send, waits

    .. math::
        W' = \max(W + T - g, X)

    so nothing overtakes on a path. :math:`X` is drawn from what packets waited for in a small run:
    by the level of the port, a normal number that remembers its past for as long as the waits of
    the small run did, and by the load that visible packets have just put on the port. Drops and
    marks go by the same level; drops come in rows, as a queue that is full stays full for a while.

    Args:
        shape (PodShape): Of the pods.
        curves (np.ndarray): Records of
            :data:`~m4graph.mimic.models.lindley_curve.PORT_CURVE`, ``[NUM_ROLES, NUM_KINDS]``.

    Reference:
        Lindley, "The Theory of Queues with a Single Server", Proc. Cambridge Philosophical Society
        48(2), 1952.
    """

    kind = "lindley"

    def __init__(self, shape: PodShape, curves: NDArray[np.void]) -> None:
        self.shape, self.curves = shape, curves

    @classmethod
    def fit(cls, trace: BoundaryTrace, seed: int, num_pods: int = 2) -> Self:
        """Learns the ports of a pod.

        Args:
            trace (BoundaryTrace): Of a pod of a small network.
            seed (int): Of the groups of flows, and of the runs that calibrate.
            num_pods (int, optional): Those of the network in which it is to be used: of the flows
                that cross a mimic there, one in ``num_pods - 1`` is visible. (default: ``2``)

        Raises:
            ConfigError: If nothing crossed the pod, or the number is below 2.
        """
        num_pods = check_count("num_pods", num_pods, 2)
        model = cls(trace.shape, np.zeros((NUM_ROLES, NUM_KINDS), PORT_CURVE))
        ports = {role: inside(trace, role) for role in PORTS_INSIDE}
        load_ticks = max(longest_wait(waits) for waits in ports.values())
        for role, waits in ports.items():
            model.learn(role, waits, num_pods, load_ticks, seed)
        return model

    def learn(
        self, role: int, waits: PortWaits, num_pods: int, load_ticks: float, seed: int
    ) -> None:
        """Learns the ports of one role."""
        group = groups(waits, num_pods, seed)
        curves = fit_curves(waits, group, load_ticks)
        self.curves[role] = calibrate(curves, waits, group, seed)

    def learn_at_size(
        self, scenario: Scenario, seed: int, progress: Progress | None = None
    ) -> bool:
        """Learns all ports anew from the simulated pod, by symmetry; of two pods nothing is new.

        The core ports come first: while nothing waits at the cores in front of mimics, the ports of
        the simulated pod have more to do than theirs. The last run shows how often mimics drop of
        what they were taught to drop: less, as who lost a packet sends little while the queue is
        long, and a trace cannot tell what would have come.
        """
        num_pods = Pods.of(scenario.network, scenario.arrays).num_pods
        if num_pods == 2:
            return False
        load_ticks = float(self.curves["load_ticks"].max())
        pod_drops = []
        for index, run in enumerate(runs_at_size(self, scenario, seed, progress)):
            for role in (CORE_DOWN, *PORTS_INSIDE) if index > 0 else (CORE_DOWN,):
                self.learn(role, run.ports[role], num_pods, load_ticks, seed)
            pod_drops.append(run.pod_drops())
        # What the last run's mimics had been taught, over what they did.
        more = (pod_drops[-2] + _RARE) / (run.mimic_drops + _RARE)
        by_direction = self.curves.reshape(2, 3, NUM_KINDS)
        by_direction["drop"] = np.minimum(by_direction["drop"] * more[:, None, :, None, None], 1)
        return True

    def start(self, pods: Pods, scenario: Scenario, seed: int) -> MimicStep:
        """All queues are empty at first."""
        self.shape.check_equal(pods.shape, "the mimic", scenario.name)
        times = link_times(
            pods, scenario.config.ticks_per_ns, scenario.congestion_control.ack_priority
        )
        return MimicStep(
            step=wait_at_ports,
            arrays=(
                *common_arrays(pods, seed),
                np.zeros(NUM_KINDS * pods.arrays.num_links, PORT_STATE),
                self.curves.copy(),
                normals(),
                times,
            ),
        )

    def settings(self) -> dict[str, Any]:
        """The shape."""
        return {"shape": asdict(self.shape)}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The curves."""
        return {"curves": self.curves}

    @classmethod
    def from_saved(cls, settings: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The model again."""
        curves = arrays["curves"]
        if curves.dtype != PORT_CURVE or curves.shape != (NUM_ROLES, NUM_KINDS):
            raise ConfigError(
                f"lindley, curves: expected [{NUM_ROLES}, {NUM_KINDS}] curves of ports "
                f"(got {list(curves.shape)} of other records)"
            )
        return cls(shape_of(settings["shape"]), curves)


def groups(waits: PortWaits, num_pods: int, seed: int) -> NDArray[np.int64]:
    """The group of each packet's flow: as many as there are pods for hidden flows to go to."""
    flows, index = np.unique(waits.flow, return_inverse=True)
    drawn = generator(seed, "mimic", "groups").integers(num_pods - 1, size=len(flows))
    return np.asarray(drawn[index])


def longest_wait(waits: PortWaits) -> float:
    """What a packet waits in a queue that is full, in ticks.

    Raises:
        ConfigError: If no packet came through.
    """
    came = waits.wait_ticks[~waits.dropped]
    if len(came) == 0:
        raise ConfigError("trace: expected packets at each port of the pod (got none)")
    return max(float(np.quantile(came, _LONGEST)), float(waits.tx_ticks.max()))
