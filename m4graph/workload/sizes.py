"""Laws of flow sizes, each with its exact mean."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from m4graph.core.calls import plain_call
from m4graph.core.checks import MAX_SIGMA, check_count, check_positive
from m4graph.core.registry import Registry
from m4graph.core.schema import KeyProblem, spell

MAX_SIZE_BYTES = 10**15
"""Larger draws of a heavy-tailed law are cut to this size."""

_WIDEST_GAUSSIAN = 10.0


@runtime_checkable
class SizeLaw(Protocol):
    """A law of flow sizes.

    A law that is continuous is drawn from, rounded to whole bytes and raised to 1 byte; its mean
    is that before rounding, from which the mean of the sizes differs by less than 1 byte.
    """

    @property
    def mean_bytes(self) -> float:
        """The mean of the law, exact."""

    def sample(self, generator: np.random.Generator, num_flows: int) -> NDArray[np.int64]:
        """Draws sizes of 1 byte or more, int64 ``[num_flows]``."""


SIZE_LAWS: Registry[Any] = Registry(
    "size law",
    {
        "cache_follower": "m4graph.workload.empirical:cache_follower",
        "empirical": "m4graph.workload.empirical:EmpiricalSizes",
        "exponential": "m4graph.workload.sizes:ExponentialSizes",
        "file": "m4graph.workload.empirical:sizes_from_file",
        "fixed": "m4graph.workload.sizes:FixedSizes",
        "gaussian": "m4graph.workload.sizes:GaussianSizes",
        "hadoop": "m4graph.workload.empirical:hadoop",
        "log_normal": "m4graph.workload.sizes:LogNormalSizes",
        "pareto": "m4graph.workload.sizes:ParetoSizes",
        "web_search": "m4graph.workload.empirical:web_search",
        "web_server": "m4graph.workload.empirical:web_server",
    },
)
"""Laws of flow sizes by name: classes and functions that give a :class:`SizeLaw`."""


def whole_bytes(sizes: NDArray[np.float64]) -> NDArray[np.int64]:
    """Rounds draws of a continuous law to whole bytes, 1 to :data:`MAX_SIZE_BYTES`."""
    return np.clip(np.rint(sizes), 1, MAX_SIZE_BYTES).astype(np.int64)


@plain_call
class FixedSizes:
    """All flows have one size.

    Args:
        size_bytes (int): The size.

    Raises:
        KeyProblem: If it is no integer of 1 or above.
    """

    def __init__(self, size_bytes: int) -> None:
        self.size_bytes = check_count("size_bytes", size_bytes, 1, MAX_SIZE_BYTES)

    @property
    def mean_bytes(self) -> float:
        """The size."""
        return float(self.size_bytes)

    def sample(self, generator: np.random.Generator, num_flows: int) -> NDArray[np.int64]:
        """Gives the size for each flow; draws nothing."""
        return np.full(num_flows, self.size_bytes, dtype=np.int64)


@plain_call
class _LawWithMean:
    """A law with its mean as a parameter."""

    def __init__(self, mean_bytes: float) -> None:
        self._mean_bytes = check_positive("mean_bytes", mean_bytes)

    @property
    def mean_bytes(self) -> float:
        """The mean of the law, before rounding to whole bytes."""
        return self._mean_bytes


@plain_call
class ExponentialSizes(_LawWithMean):
    """Exponential law.

    Args:
        mean_bytes (float): The mean.

    Raises:
        KeyProblem: If the mean is not above 0.
    """

    def sample(self, generator: np.random.Generator, num_flows: int) -> NDArray[np.int64]:
        """Draws sizes, int64 ``[num_flows]``."""
        return whole_bytes(generator.exponential(self.mean_bytes, num_flows))


@plain_call
class LogNormalSizes(_LawWithMean):
    """Log-normal law: the logarithm has mean ``ln(mean_bytes) - sigma**2 / 2`` and standard
    deviation ``sigma``.

    Args:
        mean_bytes (float): The mean of the sizes (not of the logarithm).
        sigma (float, optional): Standard deviation of the natural logarithm. (default: ``2.0``)

    Raises:
        KeyProblem: If a parameter is not above 0.
    """

    def __init__(self, mean_bytes: float, sigma: float = 2.0) -> None:
        super().__init__(mean_bytes)
        self.sigma = check_positive("sigma", sigma, maximum=MAX_SIGMA)

    def sample(self, generator: np.random.Generator, num_flows: int) -> NDArray[np.int64]:
        """Draws sizes, int64 ``[num_flows]``."""
        centre = np.log(self.mean_bytes) - self.sigma**2 / 2
        return whole_bytes(np.exp(generator.normal(centre, self.sigma, num_flows)))


@plain_call
class ParetoSizes(_LawWithMean):
    """Pareto law of type I: ``P(size > x) = (smallest / x)**shape`` from the smallest size on,
    which is ``mean_bytes * (shape - 1) / shape``.

    Args:
        mean_bytes (float): The mean.
        shape (float, optional): Tail index; the smaller, the heavier the tail. (default: ``1.5``)

    Raises:
        KeyProblem: If the mean is not above 0, or the shape not above 1 (no finite mean).
    """

    def __init__(self, mean_bytes: float, shape: float = 1.5) -> None:
        super().__init__(mean_bytes)
        self.shape = check_positive("shape", shape, above=1.0)

    def sample(self, generator: np.random.Generator, num_flows: int) -> NDArray[np.int64]:
        """Draws sizes, int64 ``[num_flows]``."""
        smallest = self.mean_bytes * (self.shape - 1) / self.shape
        return whole_bytes(smallest * (1 + generator.pareto(self.shape, num_flows)))


@plain_call
class GaussianSizes(_LawWithMean):
    """The positive part of a Gaussian law: sizes of 0 and below do not come.

    The Gaussian's centre is chosen such that the mean of what is left is :obj:`mean_bytes`. With a
    standard deviation well below the mean, nothing is left out, and the centre is the mean.

    Args:
        mean_bytes (float): The mean of the sizes.
        std_bytes (float): Standard deviation of the whole Gaussian, at most 10 times the mean.

    Raises:
        KeyProblem: If a parameter is not above 0, or the deviation is too large.
    """

    def __init__(self, mean_bytes: float, std_bytes: float) -> None:
        super().__init__(mean_bytes)
        self.std_bytes = check_positive("std_bytes", std_bytes)
        ratio = self.mean_bytes / self.std_bytes
        if ratio < 1 / _WIDEST_GAUSSIAN:
            raise KeyProblem(
                "std_bytes",
                f"expected at most {_WIDEST_GAUSSIAN:g} times mean_bytes (got {spell(std_bytes)})",
            )
        # Between the two lies the centre: leaving out can only add to the mean, and the positive
        # part of a Gaussian centred at -c is narrower than an exponential law of mean 1 / c.
        from scipy.optimize import brentq

        self._centre = brentq(lambda c: _positive_mean(c) - ratio, -1 / ratio, ratio, xtol=1e-13)

    def sample(self, generator: np.random.Generator, num_flows: int) -> NDArray[np.int64]:
        """Draws sizes by inversion, int64 ``[num_flows]``."""
        from scipy.special import ndtr, ndtri

        level = 1 - generator.random(num_flows)
        deviations = self._centre - ndtri(level * ndtr(self._centre))
        return whole_bytes(self.std_bytes * deviations)


def _positive_mean(centre: float) -> float:
    """Mean of the positive part of a Gaussian with standard deviation 1."""
    from scipy.special import log_ndtr

    log_density = -(centre**2) / 2 - np.log(2 * np.pi) / 2
    return float(centre + np.exp(log_density - log_ndtr(centre)))
