"""Scenarios in the manner of m4's: how their parameters are drawn, and in which order.

The paper draws all parameters independently. Here the sizes, algorithms, oversubscriptions and
matrices of any few scenarios in a row are as different as they can be, so that a part of a suite is
a fair sample of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from m4graph.core.rng import generator

SIZES = ("cache_follower", "web_server", "hadoop")
ALGORITHMS = ("dctcp", "dcqcn", "timely")
OVERSUBSCRIPTIONS = (1, 2, 4)
CLUSTERS = ("A", "B", "C")
LOADS = (0.3, 0.8)
KIB = 1024
"""ns-3's unit of buffers; the other sizes are in units of 1000 bytes there."""

_GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True)
class Traits:
    """What a scenario is about.

    Args:
        sizes (str): Law of the flow sizes.
        algorithm (str): Congestion control.
        oversubscription (int): That many racks of a pod to one spine of a plane.
        cluster (str): Traffic matrix.
        sigma (float): Of the log-normal gaps.
        load (float): Of the most loaded link.
    """

    sizes: str
    algorithm: str
    oversubscription: int
    cluster: str
    sigma: float
    load: float

    @property
    def name(self) -> str:
        """A short name that tells the traits."""
        over = f"{self.oversubscription}to1"
        return f"{self.sizes}-{self.algorithm}-{over}-{self.cluster}-load{100 * self.load:.0f}"


def traits(count: int) -> Iterator[Traits]:
    """Traits of scenarios in a fair order.

    Three in a row have all sizes, all algorithms and all oversubscriptions. Nine in a row, from a
    multiple of nine on, have all pairs of values of any two of sizes, algorithm, oversubscription
    and matrix, once each. The loads follow the golden ratio, so they are spread over their range in
    every part of the sequence.

    Reference:
        The ranges are those of Li et al., arXiv 2503.01770: load 0.3 to 0.8, sigma 1 or 2.
    """
    for index in range(count):
        block, cell = divmod(index, 9)
        line, point = divmod(cell, 3)
        # Columns of the orthogonal array of nine rows, four factors and three levels: a point of
        # the plane over the field of three elements, and its line in each of four directions.
        first, second = point, (line - point) % 3
        turn = block % 3
        low, high = LOADS
        yield Traits(
            sizes=SIZES[first],
            algorithm=ALGORITHMS[(second + turn) % 3],
            oversubscription=OVERSUBSCRIPTIONS[(first + 2 * second + block // 3) % 3],
            cluster=CLUSTERS[line],
            sigma=1.0 + (index + block // 2) % 2,
            load=round(low + (high - low) * ((index + 0.5) * _GOLDEN % 1), 4),
        )


def describe(traits: Traits, network: dict[str, int], num_flows: int, seed: int) -> dict[str, Any]:
    """The blocks of a scenario on a Clos network with 10 Gb/s and 1 us everywhere.

    Args:
        traits (Traits): What it is about.
        network (dict): ``pods``, ``racks``, ``hosts`` and ``planes`` of the Clos network.
        num_flows (int): Number of flows.
        seed (int): The scenario's; the parameters that are not among its traits follow from it.
    """
    draws = generator(seed, "suite", "configuration")
    config, control = configuration(traits.algorithm, draws)
    return {
        "topology": clos(network, network["racks"] // traits.oversubscription),
        "workload": {
            "kind": "generated",
            "sizes": traits.sizes,
            "load": traits.load,
            "num_flows": num_flows,
            "arrivals": {"kind": "log_normal", "sigma": traits.sigma},
            "matrix": {"kind": "cluster", "cluster": traits.cluster},
        },
        "network": config,
        "congestion_control": control,
        "seed": seed,
    }


def clos(network: dict[str, int], spines: int) -> dict[str, Any]:
    """The ``topology`` block of a Clos network of 10 Gb/s and 1 us everywhere."""
    rates = {"host_gbps": 10, "fabric_gbps": 10, "delay_ns": 1000}
    return {"kind": "clos", **network, "spines": spines, **rates}


def configuration(
    algorithm: str, draws: np.random.Generator
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Draws the ``network`` and the ``congestion_control`` block of a scenario.

    Args:
        algorithm (str): ``"dctcp"``, ``"dcqcn"`` or ``"timely"``.
        draws (numpy.random.Generator): Where the numbers come from.

    Reference:
        Li et al., arXiv 2503.01770: a shared buffer of 100 to 160 KB with PFC, a window of 5 to
        15 KB that follows the rate; thresholds of DCTCP 10 to 30 KB, of DCQCN 10 to 30 and 30 to
        50 KB for 25 Gb/s; round trips of TIMELY 40 to 60 and 100 to 150 us.
    """

    def between(low: int, high: int) -> int:
        return int(draws.integers(low, high + 1))

    network: dict[str, Any] = {
        "buffer_bytes": between(10, 16) * 10 * KIB,
        "headroom_cap": 0.8,
        "pfc": True,
    }
    control: dict[str, Any] = {
        "kind": algorithm,
        "init_window_bytes": between(5, 15) * 1000,
        "min_rate_mbps": 1000.0,
    }
    if algorithm == "dctcp":
        threshold = between(10, 30) * 1000
        network["ecn"] = {"kmin_bytes": threshold, "kmax_bytes": threshold, "pmax": 1.0}
    elif algorithm == "dcqcn":
        network["ecn"] = {
            "kmin_bytes": between(10, 30) * 1000,
            "kmax_bytes": between(30, 50) * 1000,
            "pmax": 0.2,
            "reference_gbps": 25,
        }
    else:
        control |= {"t_low_us": between(40, 60), "t_high_us": between(100, 150)}
    return network, control
