"""Laws of the gaps between flow starts, for the whole network together."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from m4graph.core.checks import MAX_SIGMA, check_positive
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
        "log_normal": "m4graph.workload.arrivals:LogNormalArrivals",
        "poisson": "m4graph.workload.arrivals:PoissonArrivals",
    },
)
"""Laws of the gaps between starts by name: classes that are an :class:`ArrivalLaw`."""


class PoissonArrivals:
    """Flows start independently of each other: exponential gaps."""

    def gaps(
        self, generator: np.random.Generator, num_gaps: int, mean_ns: float
    ) -> NDArray[np.float64]:
        """Draws gaps in ns, float64 ``[num_gaps]``."""
        return generator.exponential(mean_ns, num_gaps)


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
