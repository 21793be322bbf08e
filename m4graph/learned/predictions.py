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
            unknown = np.full((max(room - len(kept), 0), *values.shape[1:]), np.nan, np.float32)
            self._kept[name] = kept = np.concatenate((kept, unknown)) if len(unknown) else kept
            kept[flow_ids] = values

    def by_network(self, first_flow: Sequence[int]) -> list[Predictions]:
        """The predictions for the flows of each network.

        Args:
            first_flow (list of int): Where the flows of each network start, and the last ones end.
        """
        return [
            {name: kept[start:end] for name, kept in self._kept.items()}
            for start, end in itertools.pairwise(first_flow)
        ]
