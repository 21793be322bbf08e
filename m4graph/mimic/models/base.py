"""What a model of a pod's borders is: fitted on a trace, it gives a step for the event loop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from m4graph.core.calls import plain_call
from m4graph.core.progress import Progress
from m4graph.mimic.boundary import BoundaryTrace
from m4graph.mimic.clusters import Pods
from m4graph.mimic.models.random import first_state
from m4graph.scenario import Scenario
from m4graph.simulators.packet.link_hook import LinkStep


@plain_call
@dataclass(frozen=True, eq=False)
class MimicStep:
    """A model in a run: what :func:`~m4graph.mimic.compose.hook` needs.

    Args:
        step (LinkStep): Asked for each packet that enters a mimic. Its group is the pod, its
            direction :data:`~m4graph.mimic.border_rows.EGRESS` or INGRESS. It answers with the time
            from then to the start of the packet's transmission out of the pod.
        arrays (tuple): The step's own. By convention they begin with :func:`common_arrays`.
        gate (LinkStep, optional): Asked when a host of a mimic may send. (default: none)
    """

    step: LinkStep
    arrays: tuple[NDArray[Any], ...]
    gate: LinkStep | None = None


@plain_call
def common_arrays(pods: Pods, seed: int) -> tuple[NDArray[Any], ...]:
    """What the arrays of every model begin with.

    - 0: int64 ``[num_links]``, the number of each link inside its pod and role
    - 1: uint64 ``[1]``, the state of :func:`~m4graph.mimic.models.random.next_uniform`
    """
    return pods.link_local.astype(np.int64), first_state(seed)


class MimicModel(ABC):
    """A model of what happens to packets between the borders of a pod.

    A plug-in registers its class in :data:`~m4graph.mimic.models.MIMIC_MODELS`.
    """

    kind: ClassVar[str]
    """As it is registered."""

    takes: ClassVar[frozenset[str]] = frozenset()
    """Keys of a scenario, as ``network.ecn`` or ``shape.hosts``, that may differ from those of the
    model's fit: what the model reads in :meth:`start`. A key stands for all that are inside it."""

    @classmethod
    @abstractmethod
    def fit(cls, trace: BoundaryTrace, seed: int, *_: Any, **options: Any) -> Self:
        """Learns from what happened at the borders of a pod.

        Args:
            trace (BoundaryTrace): Of a pod of a small network.
            seed (int): Of everything random in it.
            **options: The model's own, arguments by name.

        Raises:
            ConfigError: If an option is bad, or the trace has too little in it.
        """

    def learn_at_size(
        self, scenario: Scenario, seed: int, progress: Progress | None = None
    ) -> bool:
        """Learns more in composed runs of the network in which the model is to be used.

        Most models do not, and know two pods only.

        Args:
            scenario (Scenario): Of all pods and flows.
            seed (int): Of everything random in it.
            progress (Progress, optional): Called with flows that are done. (default: ``None``)

        Returns:
            bool: Whether it has learned anything.

        Raises:
            ConfigError: If the scenario does not fit the model.
            SimulationError: If a run fails.
        """
        return False

    @abstractmethod
    def start(self, pods: Pods, scenario: Scenario, seed: int) -> MimicStep:
        """A step for one run, in which all pods but pod 0 are mimics.

        Args:
            pods (Pods): Of the run's network.
            scenario (Scenario): Of all flows, those between two mimics included; a step meets those
                of :func:`~m4graph.mimic.compose.visible`.
            seed (int): Of everything random in the run.

        Raises:
            ConfigError: If the model does not fit the scenario.
        """

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """What is not in arrays, as JSON takes it."""

    @abstractmethod
    def arrays(self) -> dict[str, NDArray[Any]]:
        """What was learned, by name; no Python objects."""

    @classmethod
    @abstractmethod
    def from_saved(cls, settings: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The model again, from its :meth:`settings` and :meth:`arrays`.

        Raises:
            InputError: If they are not those of such a model.
        """
