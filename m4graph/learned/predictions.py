"""What extra heads say of the flows while a model runs."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from m4graph.graph.schema import FLOW
from m4graph.learned.protocol import Predictions


class FlowPredictions:
    """The last prediction of each extra head that reads flows, for each flow.

    Args:
        model (nn.Module): The model; one without extra heads has nothing to keep.
    """

    def __init__(self, model: nn.Module) -> None:
        heads: Mapping[str, nn.Module] = getattr(model, "extra_heads", {})
        self.names = [name for name, head in heads.items() if head.reads == FLOW]
        self._kept: Predictions = {}

    def keep(self, flow_ids: NDArray[np.int64], extra: Mapping[str, Tensor], room: int) -> None:
        """Takes down what the heads say at a step.

        Args:
            flow_ids (np.ndarray): The flows that the step touches.
            extra (Mapping[str, Tensor]): The predictions, of links too.
            room (int): Flows that there may be.
        """
        for name in self.names:
            values = extra[name].cpu().numpy()
            kept = self._kept.get(name, np.zeros((0, *values.shape[1:]), np.float32))
            self._kept[name] = kept = _filled(kept, room)
            kept[flow_ids] = values

    def by_network(self, first_flow: Sequence[int]) -> list[Predictions]:
        """The predictions for the flows of each network.

        Args:
            first_flow (list of int): Where the flows of each network start, and the last ones end.
        """
        num_flows = first_flow[-1]
        kept = {name: _filled(values, num_flows) for name, values in self._kept.items()}
        return [
            {name: values[start:end] for name, values in kept.items()}
            for start, end in itertools.pairwise(first_flow)
        ]


def _filled(values: NDArray[np.float32], room: int) -> NDArray[np.float32]:
    """Values of so many flows at least, unknown ones NaN."""
    unknown = np.full((max(room - len(values), 0), *values.shape[1:]), np.nan, np.float32)
    return np.concatenate((values, unknown)) if len(unknown) else values
