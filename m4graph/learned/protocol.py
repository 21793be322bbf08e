"""What every engine of the learned simulator can do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from m4graph.core.errors import SimulationError
from m4graph.results import QUANTILES
from m4graph.runs import FlowNetwork

PREDICTIONS = "predictions"
"""The name in ``extra`` of what extra heads on flows have said last."""

Predictions = dict[str, NDArray[np.float32]]
"""By extra head, ``[num_flows]`` or ``[num_flows, k]``; NaN: of a flow that no event touched."""


Quantiles = dict[float, NDArray[np.float64]]
"""By level, what heads say of the slowdown of each flow, ``[num_flows]``; NaN as above."""


def as_slowdowns(log_slowdown: Mapping[float, NDArray[np.float32]]) -> Quantiles:
    """Slowdowns from their logarithms."""
    with np.errstate(over="ignore"):
        return {level: np.exp(values, dtype=np.float64) for level, values in log_slowdown.items()}


def what_was_said(predictions: Predictions, quantiles: Quantiles) -> dict[str, Any]:
    """What extra heads have said, as entries of a result's ``extra``; none without such heads."""
    said = {PREDICTIONS: predictions, QUANTILES: quantiles}
    return {name: values for name, values in said.items() if values}


class PredictionError(SimulationError):
    """A prediction that cannot be used.

    Args:
        network (int): Which of the engine's networks.
        flow (int): Row of the network's flows.
        log_slowdown (float): What the model predicts.
    """

    def __init__(self, network: int, flow: int, log_slowdown: float) -> None:
        super().__init__(
            f"network {network}, flow in row {flow}: expected the model to predict the logarithm "
            f"of a slowdown (got {log_slowdown})"
        )
        self.network, self.flow, self.log_slowdown = network, flow, log_slowdown


class Engine(Protocol):
    """Runs a model free, on the departures that it predicts itself.

    A flow leaves when its latest predicted FCT is over, which no prediction puts below the least
    FCT or before now, and no link carries more than it can (:mod:`.capacity`). Departures come
    before arrivals of the same nanosecond, and make others' no later (:mod:`.agenda`); flows leave
    in time (:mod:`.latest`), and those that an event does not touch follow their fair shares
    (:mod:`.bystanders`).
    """

    @property
    def now_ns(self) -> int:
        """Time of the last step of a single network."""

    @property
    def num_events(self) -> int:
        """Arrivals and departures so far."""

    @property
    def num_departed(self) -> int:
        """Flows that have left, in all networks."""

    def run(self, max_steps: int) -> bool:
        """Takes up to ``max_steps`` steps, an event of every network each.

        Returns:
            bool: Whether there is more to do.

        Raises:
            PredictionError: If the model predicts something that is not a finite number.
        """

    def admit_flows(
        self, flows: FlowNetwork, least_fct_ns: NDArray[np.int64] | None = None
    ) -> None:
        """Takes in more flows, of a single network, that :meth:`start_flows` will start.

        Args:
            flows (FlowNetwork): The new flows, on the same links; their starts do not matter.
            least_fct_ns (np.ndarray, optional): What they take at least. (default: ideal FCTs)
        """

    def start_flows(self, flow_ids: NDArray[np.int64], start_ns: NDArray[np.int64]) -> None:
        """Has admitted flows start, now or later, in this order where starts are equal."""

    def advance(self, max_steps: int, until_ns: int) -> tuple[int | None, bool]:
        """Takes up to ``max_steps`` steps of a single network, none later than ``until_ns``.

        Returns:
            tuple: The flow that has left at the last step, if one has; and whether there is more
            to do up to ``until_ns``.

        Raises:
            PredictionError: If the model predicts something that is not a finite number.
        """

    def fct_ns(self) -> list[NDArray[np.int64]]:
        """The time that each flow took, network by network; call it when nothing is left."""

    def predictions(self) -> list[Predictions]:
        """What each extra head on flows has said last of each flow, network by network."""

    def quantiles(self) -> list[Quantiles]:
        """What each quantile head has said last of each flow, network by network."""
