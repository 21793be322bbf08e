"""What a learned model of a pod predicts: latency in bins, drops and marks, and where each counts.

Reference:
    Zhang et al., "MimicNet: Fast Performance Estimates for Data Center Networks with Machine
    Learning", SIGCOMM 2021. There, a dropped packet carries a latency and a mark that it never had;
    here neither counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from m4graph.mimic.feature_kernels import fill_bins


@dataclass(frozen=True)
class Discretizer:
    """A range of values cut into bins of one width; a bin stands for its lower edge.

    Args:
        minimum (float): Lower edge of bin 0.
        step (float): Width of a bin, above 0.
        bins (int): Number of bins.
    """

    minimum: float
    step: float
    bins: int

    @classmethod
    def of(cls, values: NDArray[np.number], bins: int) -> Self:
        """Bins from the smallest value to the largest."""
        low, high = float(values.min()), float(values.max())
        return cls(low, (high - low) / bins or 1.0, bins)

    def encode(self, values: NDArray[np.float64]) -> NDArray[np.int64]:
        """The bin of each value; what lies outside goes to the first or the last one."""
        number = np.empty(len(values), np.int64)
        fill_bins(values, self.minimum, self.step, self.bins, number)
        return number

    def decode(self, number: NDArray[np.integer]) -> NDArray[np.float64]:
        """Lower edges of bins."""
        return self.minimum + number.astype(np.float64) * self.step


@dataclass(frozen=True, eq=False)
class Targets:
    """What is to be predicted for each step of a sequence.

    Args:
        latency (numpy.ndarray): float32 ``[num_steps]``: number of the bin over the number of bins.
        drop (numpy.ndarray): float32: 1 for a dropped packet, or the share of those dropped.
        mark (numpy.ndarray): float32: 1 for a packet that was marked inside the pod.
        is_delivered (numpy.ndarray): bool: where the latency counts.
        can_be_marked (numpy.ndarray): bool: where the mark counts.
    """

    latency: NDArray[np.float32]
    drop: NDArray[np.float32]
    mark: NDArray[np.float32]
    is_delivered: NDArray[np.bool_]
    can_be_marked: NDArray[np.bool_]
