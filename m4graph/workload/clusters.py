"""Traffic between racks in the manner of three clusters of Meta, made from what is known of them.

The published matrices are samples of real traffic. Here stand synthetic ones with the same
statistics, so that nothing has to be downloaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from m4graph.core.calls import plain_call
from m4graph.core.errors import one_of
from m4graph.core.rng import generator
from m4graph.core.schema import KeyProblem, spell
from m4graph.workload.layout import HostLayout
from m4graph.workload.pairs import RackPairs

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

COARSE = (8, 64)
"""Numbers of racks, besides the full one, at which statistics of the clusters are known."""

_FITTING_ROUNDS = 60


@dataclass(frozen=True)
class ClusterStatistics:
    """What is known of a cluster's traffic between racks, from the full matrix and coarser ones.

    Args:
        num_racks (int): Racks, with those that have no traffic; a multiple of 64.
        num_idle (int): Racks without traffic.
        non_zero (tuple): Part of the pairs of racks with traffic, among 8, 64 and all racks; 1
            where everything that is not idle talks to everything.
        intra_rack (tuple): Part of the traffic inside racks, among 8, 64 and all racks.
        row_cv (float): Standard deviation over mean of what racks send.
        row_cv_racks (int): Among how many racks that is.
    """

    num_racks: int
    num_idle: int
    non_zero: tuple[float, float, float]
    intra_rack: tuple[float, float, float]
    row_cv: float
    row_cv_racks: int


# Li et al., arXiv 2503.01770, and the matrices of its data. What nobody published is chosen: the
# intra-rack part of B among 64 racks, and how unevenly the racks of C send.
CLUSTERS: Mapping[str, ClusterStatistics] = MappingProxyType(
    {
        "A": ClusterStatistics(192, 37, (0.67, 0.50, 0.33), (0.0, 0.0, 0.0), 0.9, 192),
        "B": ClusterStatistics(384, 60, (1.0, 1.0, 0.70), (0.039, 0.006, 0.001), 1.6, 64),
        "C": ClusterStatistics(384, 60, (1.0, 1.0, 0.71), (0.73, 0.34, 0.087), 0.6, 384),
    }
)


@plain_call
class ClusterMatrix:
    r"""Racks send to racks as in one of three clusters: A (databases), B (web), C (Hadoop).

    One synthetic matrix stands for each cluster, always the same: of 192 (A) or 384 racks, some of
    them idle. It is made of log-normal weights of rows, columns, groups of racks and single pairs,
    and then fitted to :data:`CLUSTERS`. For a network of fewer racks neighbours are joined, for one
    of more they are divided, either without change of the total. Within each pod, the rows are put
    on racks at random.

    What comes out (part of the pairs with traffic; part of the traffic inside racks; standard
    deviation over mean of what racks send), next to what was published, in brackets:

    ====  ==========================  ==========================  ==============================
    \\     8 racks                     64 racks                    all racks
    ====  ==========================  ==========================  ==============================
    A     67 % (67), 0 % (0), 0.11    50 % (50), 0 % (0), 0.57    33 % (33), 0 % (0), 0.90 (0.9)
    B     100 %, 3.9 % (3.9), 0.62    100 %, 0.6 %, 1.60 (1.6)    70 % (70), 0.1 % (0.1), 2.09
    C     100 %, 73 % (73), 0.07      100 %, 34 % (34), 0.24      71 % (71), 8.7 % (8.7), 0.60
    ====  ==========================  ==========================  ==============================

    No traffic stays inside a rack of one host; what would is left out, as it is from every rack of
    cluster A.

    Args:
        cluster (str): ``"A"``, ``"B"`` or ``"C"``.

    Reference:
        Matrices A to C of Li et al., "m4: A Learned Flow-level Network Simulator", arXiv
        2503.01770.

    Raises:
        KeyProblem: If the cluster is unknown, or the network has a single rack.
    """

    def __init__(self, cluster: str) -> None:
        if not isinstance(cluster, str) or cluster not in CLUSTERS:
            raise KeyProblem("cluster", f"expected {one_of(CLUSTERS)} (got {spell(cluster)})")
        self.cluster = cluster

    def place(self, layout: HostLayout, generator: np.random.Generator) -> RackPairs:
        """Resizes the matrix to the racks, and draws which row stands for which rack of a pod."""
        check_racks(layout)
        weight = cluster_weights(self.cluster, layout.num_racks)
        return RackPairs(layout, without_lone_hosts(layout, shuffled(layout, weight, generator)))


@plain_call
class ClientStorageMatrix:
    """The first quarter of the racks are clients, the others storage; both send.

    Each client draws as many partners among the storage racks as there are, with replacement, each
    with an intensity of 100 to 999; the storage sends back as much. Of 16 racks, 24 % of the pairs
    have traffic on average. Within each pod, the rows are put on racks at random.

    Reference:
        Matrix D of the closed loops in Li et al., arXiv 2503.01770: 16 racks, symmetric, 23 % of
        the pairs with traffic.

    Raises:
        KeyProblem: If the network has a single rack.
    """

    def place(self, layout: HostLayout, generator: np.random.Generator) -> RackPairs:
        """Draws partners and intensities, and which row stands for which rack of a pod."""
        check_racks(layout)
        num_racks = layout.num_racks
        num_clients = max(1, num_racks // 4)
        num_storage = num_racks - num_clients
        client = np.repeat(np.arange(num_clients), num_storage)
        storage = generator.integers(num_clients, num_racks, len(client))
        weight = np.zeros((num_racks, num_racks))
        np.add.at(weight, (client, storage), generator.integers(100, 1000, len(client)))
        return RackPairs(layout, shuffled(layout, weight + weight.T, generator))


def cluster_weights(cluster: str, num_racks: int) -> Floats:
    """The matrix of a cluster for a number of racks, adding up to 1, ``[num_racks, num_racks]``."""
    weight = _full_weights(cluster)
    if num_racks != len(weight):
        joins = _overlap(num_racks, len(weight))
        weight = joins @ weight @ joins.T
    if CLUSTERS[cluster].intra_rack[-1] == 0:
        weight = weight - np.diag(np.diag(weight))
    return np.asarray(weight / weight.sum())


def check_racks(layout: HostLayout) -> None:
    """Refuses a network of a single rack."""
    if layout.num_racks < 2:
        raise KeyProblem("", f"expected a network of two racks or more (got {layout.num_racks})")


def shuffled(layout: HostLayout, weight: Floats, generator: np.random.Generator) -> Floats:
    """Exchanges racks of the same pod at random."""
    row = np.empty(layout.num_racks, np.int64)
    for pod in np.unique(layout.pod_of_rack):
        racks = np.flatnonzero(layout.pod_of_rack == pod)
        row[racks] = generator.permutation(racks)
    return np.asarray(weight[np.ix_(row, row)])


def without_lone_hosts(layout: HostLayout, weight: Floats) -> Floats:
    """Leaves out what racks of one host would send to themselves."""
    return np.asarray(weight - np.diag(np.where(layout.rack_size == 1, np.diag(weight), 0.0)))


@cache
def _full_weights(cluster: str) -> Floats:
    known = CLUSTERS[cluster]
    draws = generator(0, "cluster matrix", cluster)
    size = known.num_racks
    scores = draws.standard_normal((3, size))
    blocks = draws.normal(0, 0.8, (COARSE[0], COARSE[0]))
    weight = np.exp(
        0.5 * scores[0, :, None]
        + 0.5 * scores[1]
        + np.kron(blocks, np.ones((size // COARSE[0],) * 2))
        + draws.normal(0, 1.0, (size, size))
    )
    weight[~_support(known, draws)] = 0.0
    active = np.flatnonzero(_row_sums(weight, known.row_cv_racks))
    target = np.zeros(known.row_cv_racks)
    target[active] = _log_normal(scores[2, active], known.row_cv, known.row_cv_racks)
    for _ in range(_FITTING_ROUNDS):
        _fit_intra_rack(weight, known)
        factor = np.divide(target, _row_sums(weight, len(target)), where=target > 0, out=target * 0)
        weight *= np.repeat(factor, size // len(target))[:, None]
    _fit_intra_rack(weight, known)
    weight /= weight.sum()
    weight.setflags(write=False)
    return np.asarray(weight)


def _support(known: ClusterStatistics, draws: np.random.Generator) -> Bools:
    """Which pairs of racks have traffic: first among 8 groups, then among 64, then among all."""
    size = known.num_racks
    idle = draws.choice(size, known.num_idle, replace=False)
    active = ~np.isin(np.arange(size), idle)
    pairs = np.outer(active, active)
    allowed = np.ones((1, 1), dtype=bool)
    for groups, share in zip((*COARSE, size), known.non_zero, strict=True):
        allowed = np.kron(allowed, np.ones((groups // len(allowed),) * 2, dtype=bool))
        if known.intra_rack[0] == 0:
            allowed &= ~np.eye(groups, dtype=bool)
        width = size // groups
        allowed &= pairs.reshape(groups, width, groups, width).any(axis=(1, 3))
        allowed = _thinned(allowed, round(share * groups**2), draws)
    return allowed


def _thinned(allowed: Bools, count: int, draws: np.random.Generator) -> Bools:
    """Keeps a number of the pairs, the diagonal before all others."""
    pairs = np.flatnonzero(allowed)
    order = draws.random(len(pairs)) + (pairs % (len(allowed) + 1) != 0)
    kept = np.zeros(allowed.size, dtype=bool)
    kept[pairs[np.argsort(order)[:count]]] = True
    return kept.reshape(allowed.shape)


def _fit_intra_rack(weight: Floats, known: ClusterStatistics) -> None:
    """Scales what stays inside racks, and inside groups of them, to its part of the whole."""
    size, inside = known.num_racks, np.zeros(weight.shape, dtype=bool)
    shares = [*reversed(known.intra_rack), 1.0]
    done = 0.0
    for groups, share in zip((size, *reversed(COARSE), 1), shares, strict=True):
        block = np.ones((size // groups,) * 2, dtype=bool)
        shell = np.kron(np.eye(groups, dtype=bool), block) & ~inside
        if share > done:
            weight[shell] *= (share - done) / weight[shell].sum()
        done, inside = share, inside | shell


def _row_sums(weight: Floats, num_groups: int) -> Floats:
    return np.asarray(weight.sum(axis=1).reshape(num_groups, -1).sum(axis=1))


def _log_normal(scores: Floats, row_cv: float, num_rows: int) -> Floats:
    """Log-normal values with the given coefficient of variation among all rows, idle ones too."""
    from scipy.optimize import brentq

    wanted = (1 + row_cv**2) * len(scores) / num_rows

    def excess(sigma: float) -> float:
        values = np.exp(sigma * scores)
        return float((values**2).mean() / values.mean() ** 2 - wanted)

    values = np.exp(brentq(excess, 0.0, 5.0) * scores)
    return np.asarray(values / values.sum())


def _overlap(num_racks: int, full: int) -> Floats:
    """What part of each of the full racks (columns) falls into each of the others (rows)."""
    new = np.arange(num_racks + 1) * full
    old = np.arange(full + 1) * num_racks
    upper = np.minimum(new[1:, None], old[1:])
    lower = np.maximum(new[:-1, None], old[:-1])
    return np.asarray(np.maximum(upper - lower, 0) / num_racks)
