"""A workload from a block of a configuration."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import networkx as nx
from pydantic import Field

from m4graph.core.blocks import build
from m4graph.core.calls import plain_call
from m4graph.core.registry import Registry
from m4graph.core.schema import KeyProblem, StrictModel, keys_inside, spell
from m4graph.core.units import NS_PER_US
from m4graph.workload.closed_loop import ClosedLoopWorkload, closed_loop
from m4graph.workload.generate import MAX_FLOWS, generate
from m4graph.workload.workload import Workload

AnyWorkload = Workload | ClosedLoopWorkload
"""The flows of a scenario: an open or a closed loop."""


class WorkloadBlock(StrictModel):
    """The keys of a ``workload`` block of one kind, without ``kind`` itself."""

    @abstractmethod
    def build(self, network: nx.Graph, seed: int) -> AnyWorkload:
        """Makes the workload.

        Args:
            network (networkx.Graph): The network.
            seed (int): The scenario's, for whatever is random.

        Raises:
            InputError: If a value does not fit the network, or a file is bad. The keys of a
                ``KeyProblem`` are those inside the block.
        """


WORKLOADS: Registry[type[WorkloadBlock]] = Registry(
    "workload",
    {
        "all_to_all": "m4graph.workload.collectives.blocks:AllToAllBlock",
        "closed_loop": "m4graph.workload.config:ClosedLoopBlock",
        "collective": "m4graph.workload.collectives.blocks:CollectiveBlock",
        "file": "m4graph.workload.config:FileBlock",
        "generated": "m4graph.workload.config:GeneratedBlock",
        "mixed": "m4graph.workload.mixed:MixedBlock",
        "request_response": "m4graph.workload.collectives.blocks:RequestResponseBlock",
        "ring_all_reduce": "m4graph.workload.collectives.blocks:RingAllReduceBlock",
        "tree_all_reduce": "m4graph.workload.collectives.blocks:TreeAllReduceBlock",
    },
)
"""Kinds of workloads by name, each the model of its block."""


class FileBlock(WorkloadBlock):
    """``workload: {file: flows.csv}``.

    Args:
        file (str): A table of flows.
    """

    file: str

    def build(self, network: nx.Graph, seed: int) -> Workload:
        """Reads the flows; the seed changes nothing."""
        return Workload.from_file(self.file, num_hosts=num_hosts(network))


class GeneratedBlock(WorkloadBlock):
    """``workload: {kind: generated, ...}``, the arguments of :func:`m4graph.workload.generate`.

    Args:
        seed (int, optional): Of the workload. (default: the scenario's)
        until_us (float, optional): Instead of ``num_flows``: all flows that start before this time.
    """

    sizes: Any = "web_search"
    load: float = Field(default=0.5, gt=0, le=1)
    num_flows: int | None = Field(default=None, ge=1, le=MAX_FLOWS)
    seed: int | None = Field(default=None, ge=0, le=2**63 - 1)
    arrivals: Any = "poisson"
    matrix: Any = "uniform"
    start_ns: int = Field(default=0, ge=0, le=2**62)
    until_us: float | None = Field(default=None, gt=0, le=2**62 / NS_PER_US)

    def build(self, network: nx.Graph, seed: int) -> Workload:
        """Draws the flows, from this block's seed if it has one."""
        arguments = {name: getattr(self, name) for name in type(self).model_fields}
        arguments["seed"] = seed if self.seed is None else self.seed
        until_us = arguments.pop("until_us")
        until_ns = None if until_us is None else round(until_us * NS_PER_US)
        if until_ns is not None and until_ns <= self.start_ns:
            raise KeyProblem(
                "until_us", f"expected a time after start_ns, {self.start_ns} (got {until_us:g})"
            )
        return generate(network, **arguments, until_ns=until_ns)


class ClosedLoopBlock(WorkloadBlock):
    """``workload: {kind: closed_loop, flows: {...}, limit_per_rack: 5}``, or with ``file``.

    Args:
        flows (dict, optional): A block of open-loop flows, as of :func:`closed_loop`.
        file (str, optional): Instead, a table as :meth:`ClosedLoopWorkload.from_file` reads.
        limit_per_rack (int, optional): Flows that a rack has under way at most.
        backlog (bool): All of ``flows`` are ready when the first one starts. (default: ``False``)
    """

    flows: dict[str, Any] | None = None
    file: str | None = None
    limit_per_rack: int | None = Field(default=None, ge=1)
    backlog: bool = False

    def build(self, network: nx.Graph, seed: int) -> ClosedLoopWorkload:
        """Reads or draws the flows."""
        if (self.flows is None) == (self.file is None):
            got = "neither" if self.flows is None else "both"
            raise KeyProblem("", f"expected one of the keys flows, file (got {got})")
        if self.flows is None:
            if self.backlog:
                raise KeyProblem("backlog", "expected it with flows (got it with file)")
            assert self.file is not None
            hosts = num_hosts(network)
            return ClosedLoopWorkload.from_file(self.file, self.limit_per_rack, hosts)
        flows = from_config(self.flows, network, seed, key="flows")
        if not isinstance(flows, Workload):
            raise KeyProblem(
                "flows.kind",
                f"expected a kind of open-loop flows (got {spell(self.flows.get('kind'))})",
            )
        return closed_loop(flows, self.limit_per_rack, self.backlog)


@plain_call
def from_config(
    config: str | Mapping[str, Any], network: nx.Graph, seed: int = 0, key: str = "workload"
) -> AnyWorkload:
    """Makes a workload from ``{"file": path}`` or ``{"kind": name, **parameters}``.

    Args:
        config (str or Mapping): The block, or only a name; paths are used as they stand.
        network (networkx.Graph): The network.
        seed (int): For a random workload whose block has none. (default: ``0``)
        key (str): Dotted path of the block, for messages. (default: ``"workload"``)

    Raises:
        InputError: If the kind or a key is unknown, or a value or a file is bad.
    """
    block = build(WORKLOADS, config, key, WorkloadBlock)
    with keys_inside(key):
        return block.build(network, seed)


def num_hosts(network: nx.Graph) -> int:
    """Number of hosts of a network."""
    return sum(kind == "host" for _, kind in network.nodes(data="kind"))
