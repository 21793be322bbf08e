"""Laws of the gaps between flow starts, for the whole network together."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from m4graph.core.calls import plain_call
from m4graph.core.checks import MAX_SIGMA, check_count, check_positive
from m4graph.core.registry import Registry


@runtime_checkable
class ArrivalLaw(Protocol):
    """A law of gaps; the load sets their mean, the law their shape."""

    def gaps(
        self, generator: np.random.Generator, num_gaps: int, mean_ns: float
    ) -> NDArray[np.float64]:
        """Draws gaps in ns, 0 or above, float64 ``[num_gaps]``, of the given mean."""


ARRIVAL_LAWS: Registry[Any] = Registry(
    "arrival law",
    {
        "batch": "m4graph.workload.arrivals:BatchArrivals",
        "log_normal": "m4graph.workload.arrivals:LogNormalArrivals",
        "poisson": "m4graph.workload.arrivals:PoissonArrivals",
    },
)
"""Laws of the gaps between starts by name: classes that are an :class:`ArrivalLaw`."""


@plain_call
class PoissonArrivals:
    """Flows start independently of each other: exponential gaps."""

    def gaps(
        self, generator: np.random.Generator, num_gaps: int, mean_ns: float
    ) -> NDArray[np.float64]:
        """Draws gaps in ns, float64 ``[num_gaps]``."""
        return generator.exponential(mean_ns, num_gaps)


@plain_call
class BatchArrivals:
    """Flows start together, so many at the same instant; the instants as in a Poisson process.

    Args:
        size (int, optional): Flows that start together. (default: ``8``)

    Raises:
        KeyProblem: If it is not 1 or above.
    """

    def __init__(self, size: int = 8) -> None:
        self.size = check_count("size", size)

    def gaps(
        self, generator: np.random.Generator, num_gaps: int, mean_ns: float
    ) -> NDArray[np.float64]:
        """Draws gaps in ns, float64 ``[num_gaps]``: all 0 but those between two batches."""
        between = generator.exponential(mean_ns * self.size, num_gaps // self.size)
        gaps = np.zeros(num_gaps)
        gaps[self.size - 1 :: self.size] = between
        return gaps


@plain_call
class LogNormalArrivals:
    """Flows start in bursts: log-normal gaps, in the manner of Parsimon and m4.

    Args:
        sigma (float, optional): Standard deviation of the natural logarithm of the gaps; the
            larger, the burstier. m4 draws it from 1 and 2. (default: ``1.0``)

    Raises:
        KeyProblem: If it is not above 0, or above 100.
    """

    def __init__(self, sigma: float = 1.0) -> None:
        self.sigma = check_positive("sigma", sigma, maximum=MAX_SIGMA)

    def gaps(
        self, generator: np.random.Generator, num_gaps: int, mean_ns: float
    ) -> NDArray[np.float64]:
        """Draws gaps in ns, float64 ``[num_gaps]``."""
        return mean_ns * generator.lognormal(-(self.sigma**2) / 2, self.sigma, num_gaps)
