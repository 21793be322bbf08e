"""A workload from a block of a configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import networkx as nx
from pydantic import AfterValidator, Field

from m4graph.schema import KeyProblem, StrictModel, one_of, spell
from m4graph.workload.generate import generate
from m4graph.workload.workload import Workload

KINDS = ("file", "generated")


def _law(value: Any) -> Any:
    if not isinstance(value, str | Mapping):
        raise ValueError(f"expected a name or a block of keys (got {spell(value)})")
    return value


Law = Annotated[Any, AfterValidator(_law)]


class FileWorkload(StrictModel):
    """``workload: {file: flows.csv}``.

    Args:
        file (str): A table of flows.
    """

    kind: Literal["file"] = "file"
    file: str

    def build(self, network: nx.Graph, seed: int) -> Workload:
        """Reads the flows; the seed changes nothing."""
        hosts = sum(kind == "host" for _, kind in network.nodes(data="kind"))
        return Workload.from_file(self.file, num_hosts=hosts)


class GeneratedWorkload(StrictModel):
    """``workload: {kind: generated, ...}``, the arguments of :func:`m4graph.workload.generate`.

    Args:
        seed (int, optional): Of the workload. (default: the scenario's)
    """

    kind: Literal["generated"] = "generated"
    sizes: Law = "web_search"
    load: float = Field(default=0.5, gt=0, le=1)
    num_flows: int = Field(default=2000, ge=1, le=10**9)
    seed: int | None = Field(default=None, ge=0, le=2**63 - 1)
    arrivals: Law = "poisson"
    matrix: Law = "uniform"
    start_ns: int = Field(default=0, ge=0, le=2**62)

    def build(self, network: nx.Graph, seed: int) -> Workload:
        """Draws the flows, from this block's seed if it has one."""
        arguments = {name: getattr(self, name) for name in type(self).model_fields}
        del arguments["kind"]
        arguments["seed"] = seed if self.seed is None else self.seed
        return generate(network, **arguments)


def from_config(config: Mapping[str, Any], network: nx.Graph, seed: int = 0) -> Workload:
    """Makes a workload from ``{"file": path}`` or ``{"kind": "generated", **parameters}``.

    Args:
        config (Mapping): The block; paths are used as they stand.
        network (networkx.Graph): The network.
        seed (int): For a generated workload whose block has none. (default: ``0``)

    Raises:
        InputError: If the kind or a key is unknown, or a value or a file is bad.
    """
    kind = config.get("kind", "file" if "file" in config else None)
    if kind not in KINDS:
        raise KeyProblem("workload.kind", f"expected {one_of(KINDS)} (got {spell(kind)})")
    model = FileWorkload if kind == "file" else GeneratedWorkload
    return model.parse(config, "workload").build(network, seed)
