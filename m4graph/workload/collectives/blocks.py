"""The ``workload`` blocks of collective operations and of requests and responses."""

from __future__ import annotations

from typing import Annotated, Any

import networkx as nx
from pydantic import AfterValidator, Field

from m4graph.core.integers import is_integer, whole_as_integers
from m4graph.core.schema import KeyProblem, spell
from m4graph.workload.closed_loop import ClosedLoopWorkload
from m4graph.workload.collectives.closed_loops import (
    MAX_SIZE_BYTES,
    all_to_all,
    collective_rounds,
    ring_all_reduce,
    tree_all_reduce,
)
from m4graph.workload.config import WorkloadBlock, num_hosts
from m4graph.workload.request_response import request_response


def _host_list(value: Any) -> Any:
    value = whole_as_integers(value)
    ids = isinstance(value, list) and all(map(is_integer, value))
    if not (value is None or is_integer(value) or ids):
        raise ValueError(f"expected a number of hosts, or a list of their ids (got {spell(value)})")
    return value


Hosts = Annotated[Any, AfterValidator(_host_list)]
"""Ids of hosts; a number ``n`` is hosts ``0 .. n - 1``, ``None`` is all of them."""


class _CollectiveBlock(WorkloadBlock):
    """Keys of every collective operation; see :func:`.ring_all_reduce`.

    Args:
        limit_per_rack (int, optional): Flows that a rack has under way at most.
    """

    hosts: Hosts = None
    size_bytes: int = Field(ge=1, le=MAX_SIZE_BYTES)
    num_rounds: int = Field(default=1, ge=1)
    compute_ns: int = Field(default=0, ge=0, le=2**61)
    start_ns: int = Field(default=0, ge=0, le=2**61)
    limit_per_rack: int | None = Field(default=None, ge=1)

    def arguments(self, network: nx.Graph) -> dict[str, Any]:
        """The keys as arguments, with the hosts as a list."""
        given = {name: getattr(self, name) for name in type(self).model_fields}
        del given["limit_per_rack"]
        return given | {"hosts": host_ids(self.hosts, network, "hosts")}


class RingAllReduceBlock(_CollectiveBlock):
    """``workload: {kind: ring_all_reduce, ...}``, the arguments of :func:`.ring_all_reduce`."""

    def build(self, network: nx.Graph, seed: int) -> ClosedLoopWorkload:
        """Lists the flows; the seed changes nothing."""
        return ring_all_reduce(**self.arguments(network)).with_limit(self.limit_per_rack)


class TreeAllReduceBlock(_CollectiveBlock):
    """``workload: {kind: tree_all_reduce, ...}``, the arguments of :func:`.tree_all_reduce`."""

    num_chunks: int = Field(default=1, ge=1)

    def build(self, network: nx.Graph, seed: int) -> ClosedLoopWorkload:
        """Lists the flows; the seed changes nothing."""
        return tree_all_reduce(**self.arguments(network)).with_limit(self.limit_per_rack)


class AllToAllBlock(_CollectiveBlock):
    """``workload: {kind: all_to_all, ...}``, the arguments of :func:`.all_to_all`."""

    window: int | None = Field(default=None, ge=1)

    def build(self, network: nx.Graph, seed: int) -> ClosedLoopWorkload:
        """Lists the flows; the seed changes nothing."""
        return all_to_all(**self.arguments(network)).with_limit(self.limit_per_rack)


class CollectiveBlock(_CollectiveBlock):
    """``workload: {kind: collective, ...}``, the arguments of :func:`.collective_rounds`.

    Servers are those of the network's hosts (the attribute ``server`` of a node, as the topology
    ``rail`` sets it); a host without one is a server by itself.
    """

    operation: str = "all_reduce"
    algorithm: str | None = None
    channels: int | None = Field(default=None, ge=1)
    chunks: int = Field(default=1, ge=1)

    def build(self, network: nx.Graph, seed: int) -> ClosedLoopWorkload:
        """Lists the flows; the seed changes nothing."""
        given = self.arguments(network)
        servers = [network.nodes[host].get("server", -1 - host) for host in given["hosts"]]
        return collective_rounds(**given, servers=servers).with_limit(self.limit_per_rack)


class RequestResponseBlock(WorkloadBlock):
    """``workload: {kind: request_response, ...}``, the arguments of :func:`.request_response`.

    Args:
        seed (int, optional): Of the workload. (default: the scenario's)
        limit_per_rack (int, optional): Flows that a rack has under way at most.
    """

    clients: Hosts = None
    servers: Hosts = None
    request_sizes: Any
    response_sizes: Any
    num_exchanges: int = Field(default=100, ge=1, le=10**7)
    concurrency: int = Field(default=1, ge=1)
    think_ns: int = Field(default=0, ge=0, le=2**61)
    service_ns: int = Field(default=0, ge=0, le=2**61)
    seed: int | None = Field(default=None, ge=0, le=2**63 - 1)
    start_ns: int = Field(default=0, ge=0, le=2**61)
    limit_per_rack: int | None = Field(default=None, ge=1)

    def build(self, network: nx.Graph, seed: int) -> ClosedLoopWorkload:
        """Draws servers and sizes, from this block's seed if it has one."""
        given = {name: getattr(self, name) for name in type(self).model_fields}
        limit = given.pop("limit_per_rack")
        for name in ("clients", "servers"):
            given[name] = host_ids(given[name], network, name)
        given["seed"] = seed if self.seed is None else self.seed
        return request_response(**given).with_limit(limit)


def host_ids(hosts: int | list[int] | None, network: nx.Graph, key: str) -> list[int]:
    """The ids that a value of :data:`Hosts` stands for.

    Raises:
        KeyProblem: If one of them is no host of the network, or there are none.
    """
    available = num_hosts(network)
    if hosts is None:
        return list(range(available))
    if isinstance(hosts, int):
        if not 1 <= hosts <= available:
            raise KeyProblem(key, f"expected 1 to {available} hosts (got {hosts})")
        return list(range(hosts))
    for host in hosts:
        if not 0 <= host < available:
            raise KeyProblem(key, f"expected hosts in 0 .. {available - 1} (got {host})")
    return hosts
