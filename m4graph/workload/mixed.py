"""Several workloads at the same time on one network: tenants, or jobs and background traffic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import networkx as nx
import numpy as np
from pydantic import Field

from m4graph.core.calls import plain_call
from m4graph.core.rng import generator
from m4graph.core.schema import KeyProblem, join_key
from m4graph.workload.closed_loop import ClosedLoopWorkload, closed_loop
from m4graph.workload.config import AnyWorkload, WorkloadBlock, from_config


@plain_call
def mixed(parts: Mapping[str, AnyWorkload]) -> ClosedLoopWorkload:
    """All flows of several workloads, none of which waits for a flow of another.

    The flows of the first one keep their ids; those of the next are counted on from the largest
    id so far.

    Args:
        parts (Mapping): One or more, by name; flows of open loops are ready at their starts.

    Raises:
        KeyProblem: If there are none, or one has a limit of flows under way.
    """
    if not parts:
        raise KeyProblem("parts", "expected at least one workload (got none)")
    columns: dict[str, list[Any]] = {name: [] for name in _COLUMNS}
    waits, counts, first_id = [], [], 0
    for name, part in parts.items():
        loop = part if isinstance(part, ClosedLoopWorkload) else closed_loop(part)
        if loop.limit_per_rack is not None:
            raise KeyProblem(
                f"parts.{name}.limit_per_rack",
                f"expected none, as all share the racks (got {loop.limit_per_rack})",
            )
        for column in _COLUMNS:
            columns[column].append(getattr(loop, column))
        ids = columns["id"][-1] = loop.id + first_id
        waits.append(ids[loop.after])
        counts.append(np.diff(loop.after_ptr))
        first_id = int(np.max(ids, initial=first_id - 1)) + 1
    joined: dict[str, Any] = {name: np.concatenate(each) for name, each in columns.items()}
    return ClosedLoopWorkload.from_arrays(
        **joined,
        after_ptr=np.concatenate(([0], np.cumsum(np.concatenate(counts)))),
        after=np.concatenate(waits),
    )


class MixedBlock(WorkloadBlock):
    """``workload: {kind: mixed, parts: {training: {...}, background: {...}}}``, see :func:`mixed`.

    Args:
        parts (dict): Blocks of workloads, under names of one's own. What is random in one is drawn
            from its own seed, or else from the scenario's and its name.
    """

    parts: dict[str, dict[str, Any]] = Field(min_length=1)

    def build(self, network: nx.Graph, seed: int) -> ClosedLoopWorkload:
        """Makes the parts, and puts them together."""
        parts = {}
        for name, block in self.parts.items():
            own = int(generator(seed, "workload", "part", name).integers(2**63))
            parts[name] = from_config(block, network, own, key=join_key("parts", name))
        return mixed(parts)


_COLUMNS = ("id", "src", "dst", "size_bytes", "ready_ns", "delay_ns")
