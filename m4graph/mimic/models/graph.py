"""One mimic for many configurations: a network tells from a pod's graph what its ports are like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from m4graph.core.calls import plain_call
from m4graph.core.errors import ConfigError
from m4graph.mimic.boundary import BoundaryTrace
from m4graph.mimic.clusters import Pods
from m4graph.mimic.hetero import pod_graph
from m4graph.mimic.models.base import MimicModel, MimicStep
from m4graph.mimic.models.graph_curves import curves_of
from m4graph.mimic.models.graph_net import GraphNet
from m4graph.mimic.models.lindley import Lindley
from m4graph.mimic.pod_inputs import PodInputs
from m4graph.mimic.shape import HOST_UP
from m4graph.scenario import Scenario

_MARGIN = 0.05
"""Of the width of a range: so far outside is still taken, as the load of one draw differs from that
of another."""

Ranges = dict[str, tuple[float, float]]


@plain_call
class Graph(MimicModel):
    """Emits the curves of :class:`~m4graph.mimic.models.lindley.Lindley`, once a run.

    Nothing is fitted to a configuration: a graph of the pod holds rates, delays, queues, the load
    of each port and the algorithm, and message passing over it makes of that what packets will
    meet at the ports of each role. The step is that of ``lindley``.

    Args:
        net (GraphNet): The network.
        ranges (dict): By name of :meth:`~m4graph.mimic.hetero.PodInputs.quantities`, the lowest
            and the highest value in training.
        controls (dict): By kind, the parameters of the congestion control in training.
    """

    kind = "graph"
    takes = frozenset({"shape", "network.queue", "congestion_control"})

    def __init__(
        self, net: GraphNet, ranges: Ranges, controls: Mapping[str, Mapping[str, Any]]
    ) -> None:
        self.net, self.ranges, self.controls = net, ranges, controls

    @classmethod
    def fit(cls, trace: BoundaryTrace, seed: int, *_: Any, **options: Any) -> Self:
        """There is no fit to one trace.

        Raises:
            ConfigError: Always.
        """
        raise ConfigError(
            "graph: expected m4graph mimic train, as it learns from many runs (got one trace)"
        )

    @staticmethod
    def inputs_of(pods: Pods, scenario: Scenario) -> PodInputs:
        """What is known of the mimics of a network."""
        return PodInputs.of(pods, scenario, np.arange(1, pods.num_pods), pods.num_pods)

    def curves(self, pods: Pods, scenario: Scenario) -> NDArray[np.void]:
        """The curves for a configuration, records ``[NUM_ROLES, NUM_KINDS]``.

        Args:
            pods (Pods): Of the network.
            scenario (Scenario): Of all flows.

        Raises:
            ConfigError: If the training had nothing like it; names what differs.
        """
        inputs = self.inputs_of(pods, scenario)
        self._check(inputs, scenario)
        with torch.inference_mode():
            numbers = self.net(pod_graph(inputs))[0].numpy().astype(np.float64)
        curves = curves_of(numbers, inputs.packet_ticks(scenario.config.ticks_per_ns))
        curves["is_fitted"] = 1
        curves["is_fitted"][HOST_UP] = 0
        return curves

    def start(self, pods: Pods, scenario: Scenario, seed: int) -> MimicStep:
        """The step of ``lindley`` with the curves for this configuration."""
        return Lindley(pods.shape, self.curves(pods, scenario)).start(pods, scenario, seed)

    def settings(self) -> dict[str, Any]:
        """Sizes of the network, and what it was trained on."""
        return {
            "hidden_channels": self.net.hidden_channels,
            "num_layers": self.net.num_layers,
            "ranges": {name: list(ends) for name, ends in self.ranges.items()},
            "controls": {kind: dict(values) for kind, values in self.controls.items()},
        }

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The weights."""
        return {name: value.numpy() for name, value in self.net.state_dict().items()}

    @classmethod
    def from_saved(cls, settings: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The model again.

        Raises:
            ConfigError: If the arrays are not those of such a network.
        """
        net = GraphNet(settings["hidden_channels"], settings["num_layers"])
        weights = {name: torch.from_numpy(array) for name, array in arrays.items()}
        try:
            net.load_state_dict(weights)
        except RuntimeError as error:
            problem = " ".join(str(error).split())
            raise ConfigError(f"graph: expected weights of its network (got {problem})") from None
        ranges = {
            name: (float(low), float(high)) for name, (low, high) in settings["ranges"].items()
        }
        return cls(net, ranges, settings["controls"])

    def _check(self, inputs: PodInputs, scenario: Scenario) -> None:
        """Refuses what training had nothing like."""
        kind = inputs.protocol
        if kind not in self.controls:
            known = " or ".join(sorted(self.controls))
            raise ConfigError(
                f"congestion_control.kind: expected {known}, on which the mimic was trained "
                f"(got {kind})"
            )
        given = scenario.congestion_control.model_dump(mode="json")
        for name, value in self.controls[kind].items():
            if given[name] != value:
                raise ConfigError(
                    f"congestion_control.{name}: expected {value}, with which the mimic was "
                    f"trained (got {given[name]})"
                )
        for name, value in inputs.quantities().items():
            low, high = self.ranges[name]
            room = _MARGIN * (high - low)
            if not low - room <= value <= high + room:
                raise ConfigError(
                    f"{scenario.name}: expected {name} of {low:.4g} to {high:.4g}, on which the "
                    f"mimic was trained (got {value:.4g})"
                )


def ranges_of(quantities: Sequence[Mapping[str, float]]) -> Ranges:
    """The lowest and the highest of each quantity."""
    return {
        name: (min(each[name] for each in quantities), max(each[name] for each in quantities))
        for name in quantities[0]
    }
