"""The two forms that a traffic matrix takes on a network: pairs of racks, or pairs of hosts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from m4graph.core.calls import plain_call
from m4graph.workload.layout import HostLayout

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@plain_call
@dataclass(frozen=True, eq=False)
class PairShares:
    """What part of all flows goes where, in expectation; what
    :func:`m4graph.routing.expected_link_shares` takes.

    Fields:
        - send, receive: float64 ``[num_hosts]``, each adding up to 1
        - between: float64 ``[num_edge_switches, num_edge_switches]``, from the hosts of one switch
          (row) to those of another (column); the diagonal has no meaning
    """

    send: Floats
    receive: Floats
    between: Floats


class Pairs(Protocol):
    """A traffic matrix on a given network."""

    def draw(self, generator: np.random.Generator, num_flows: int) -> tuple[Ints, Ints]:
        """Draws sending and receiving hosts, each int64 ``[num_flows]``."""

    def shares(self) -> PairShares:
        """The expected part of the flows between hosts, exact."""


@plain_call
class RackPairs:
    """Draws a pair of racks by weight, then hosts inside them uniformly, never a host twice.

    Args:
        layout (HostLayout): The hosts.
        weight (numpy.ndarray): float64 ``[num_racks, num_racks]``, from row to column; 0 or above,
            with a sum above 0, and 0 on the diagonal where a rack has one host.
    """

    def __init__(self, layout: HostLayout, weight: Floats) -> None:
        self._layout = layout
        self._weight = weight / weight.sum()

    def draw(self, generator: np.random.Generator, num_flows: int) -> tuple[Ints, Ints]:
        """Draws sending and receiving hosts, each int64 ``[num_flows]``."""
        layout = self._layout
        level = np.cumsum(self._weight)
        last = np.flatnonzero(self._weight)[-1]
        drawn = np.searchsorted(level, level[-1] * generator.random(num_flows), side="right")
        src_rack, dst_rack = np.divmod(np.minimum(drawn, last), layout.num_racks)
        same = src_rack == dst_rack
        src = generator.integers(0, layout.rack_size[src_rack])
        dst = generator.integers(0, layout.rack_size[dst_rack] - same)
        dst += same & (dst >= src)
        first = layout.rack_ptr[:-1]
        return layout.hosts[first[src_rack] + src], layout.hosts[first[dst_rack] + dst]

    def shares(self) -> PairShares:
        """The expected part of the flows between hosts, exact."""
        layout, size = self._layout, self._layout.rack_size
        rack = layout.rack_of_host
        num_pairs = np.outer(size, size) - np.diag(size)
        of_each_pair = self._weight / np.maximum(num_pairs, 1)
        return PairShares(
            send=self._weight.sum(axis=1)[rack] / size[rack],
            receive=self._weight.sum(axis=0)[rack] / size[rack],
            between=_over_hosts(layout, _over_hosts(layout, of_each_pair).T).T,
        )


@plain_call
class HostPairs:
    """Goes through a list of host pairs round by round, each round in a new random order; every
    pair hence has its exact share.

    Args:
        layout (HostLayout): The hosts.
        src (numpy.ndarray): Sending hosts ``[num_pairs]``.
        dst (numpy.ndarray): Receiving hosts ``[num_pairs]``.
    """

    def __init__(self, layout: HostLayout, src: Ints, dst: Ints) -> None:
        self._layout = layout
        self._src = src
        self._dst = dst

    def draw(self, generator: np.random.Generator, num_flows: int) -> tuple[Ints, Ints]:
        """Draws sending and receiving hosts, each int64 ``[num_flows]``."""
        num_pairs = len(self._src)
        rounds = np.tile(np.arange(num_pairs), (-(-num_flows // num_pairs), 1))
        pair = generator.permuted(rounds, axis=1).ravel()[:num_flows]
        return self._src[pair], self._dst[pair]

    def shares(self) -> PairShares:
        """The expected part of the flows between hosts, exact."""
        layout, num_pairs = self._layout, len(self._src)
        between = np.zeros((layout.num_edge_switches, layout.num_edge_switches))
        ends = layout.switch_of_host[self._src], layout.switch_of_host[self._dst]
        np.add.at(between, ends, 1 / num_pairs)
        return PairShares(
            send=np.bincount(self._src, minlength=layout.num_hosts) / num_pairs,
            receive=np.bincount(self._dst, minlength=layout.num_hosts) / num_pairs,
            between=between,
        )


def _over_hosts(layout: HostLayout, of_rack: Floats) -> Floats:
    """Sums rows of racks over the hosts of each edge switch: ``[num_edge_switches, ...]``."""
    cell = layout.switch_of_host * layout.num_racks + layout.rack_of_host
    met, num_hosts = np.unique(cell, return_counts=True)
    switch, rack = np.divmod(met, layout.num_racks)
    total = np.zeros((layout.num_edge_switches, *of_rack.shape[1:]))
    np.add.at(total, switch, num_hosts[:, None] * of_rack[rack])
    return total
