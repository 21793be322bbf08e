"""What comes of a job: the times of operations and ranks, the bytes of links."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from m4graph.core.calls import plain_call
from m4graph.core.errors import ConfigError
from m4graph.core.provenance import peak_rss_bytes, provenance
from m4graph.core.table import write_table
from m4graph.core.units import BITS_PER_BYTE, NS_PER_S
from m4graph.jobs.job import Job
from m4graph.jobs.layout import JobLayout
from m4graph.jobs.state import JobState
from m4graph.simulators import Completion
from m4graph.workload.collectives import KINDS
from m4graph.workload.programs.program import COMPUTE, CPU

GIB_PER_GB = 10**9 / 2**30


@plain_call
@dataclass(frozen=True, eq=False)
class JobResult:
    """The result of :func:`.simulate_job`.

    Fields:
        - job, simulator: what ran
        - state, layout: all times, and what they belong to
        - link_bytes: int64 ``[num_links]``, payload over each link
        - num_flows: flows of all operations; num_simulated: flows that the simulator ran, those of
          equal operations once, those of an operation that was begun anew twice
        - packet_hops: packets sent over a link; ``None`` where there are no packets
        - wall_s, compile_s: seconds
        - completed: operation and completion of each flow, if they were asked for
    """

    job: Job
    simulator: str
    state: JobState
    layout: JobLayout
    link_bytes: NDArray[np.int64]
    num_flows: int
    num_simulated: int
    packet_hops: int | None
    wall_s: float
    compile_s: float
    completed: list[tuple[int, Completion]] | None = None

    @property
    def iteration_ns(self) -> int:
        """From the start to the end of the last rank."""
        return int(self.state.ranks["end_ns"].max())

    @property
    def compute_ns(self) -> float:
        """What a rank computes, in the mean over ranks."""
        return float(self.state.ranks["compute_ns"].mean())

    @property
    def exposed_communication_ns(self) -> dict[str, float]:
        """What a rank does nothing but wait for, by dimension, in the mean over ranks."""
        mean = self.state.exposed_ns.mean(axis=0).tolist()
        return dict(zip(self.layout.dimensions, mean, strict=True))

    @cached_property
    def collectives(self) -> pd.DataFrame:
        """A row for each operation, in the order of starts.

        ``step`` is its number in its group. ``bytes`` and the bandwidths are those of nccl-tests:
        GB is 10^9 bytes, GiB 2^30.
        """
        operations, layout = self.state.operations, self.layout
        order = np.lexsort((np.arange(len(operations)), operations["start_ns"]))
        operations, which = operations[order], layout.collective_of[order]
        group = operations["group"]
        first = self.state.groups["first_operation"]
        kinds = np.array([one.kind for one in layout.collectives])
        sizes = np.array([one.size_bytes for one in layout.collectives], np.int64)[which]
        ranks = self.state.groups["num_ranks"][group]
        factor = np.array(
            [KINDS[kind].bus_factor(n) for kind, n in zip(kinds[which], ranks, strict=True)]
        )
        duration_ns = operations["end_ns"] - operations["start_ns"]
        algbw = sizes / np.maximum(duration_ns, 1)
        return pd.DataFrame(
            {
                "step": order - first[group],
                "kind": kinds[which],
                "group": np.array([self._called(number) for number in range(len(layout.groups))])[
                    group
                ],
                "ranks": ranks,
                "bytes": sizes,
                "start_ns": operations["start_ns"],
                "end_ns": operations["end_ns"],
                "algbw_gbs": algbw,
                "busbw_gbs": algbw * factor,
                "busbw_gibs": algbw * factor * GIB_PER_GB,
            }
        )

    @property
    def flows(self) -> pd.DataFrame:
        """A row for each flow, in the order of their numbers; ``operation`` -1 is background.

        Raises:
            ConfigError: If flows were not kept.
        """
        if self.completed is None:
            raise ConfigError("flows: expected a run with keep_flows=True (got one without)")
        rows = [
            (each.flow_id, operation, each.src, each.dst, each.size_bytes, each.start_ns,
             each.fct_ns, each.ideal_fct_ns, each.slowdown)
            for operation, each in self.completed
        ]  # fmt: skip
        names = "id operation src dst bytes start_ns fct_ns ideal_fct_ns slowdown".split()
        return pd.DataFrame(rows, columns=names).sort_values("id", ignore_index=True)

    @cached_property
    def ranks(self) -> pd.DataFrame:
        """A row for each rank; what is left of the iteration it was idle."""
        ranks, layout = self.state.ranks, self.layout
        tenant = np.repeat(np.arange(len(layout.tenants)), np.diff(layout.first_rank))
        exposed = {
            f"exposed_{name}_ns": self.state.exposed_ns[:, column]
            for column, name in enumerate(layout.dimensions)
        }
        return pd.DataFrame(
            {
                "tenant": np.array([one.name for one in layout.tenants])[tenant],
                "rank": np.arange(len(ranks)) - layout.first_rank[tenant],
                "host": layout.hosts,
                "end_ns": ranks["end_ns"],
                "compute_ns": ranks["compute_ns"],
                **exposed,
            }
        )

    @cached_property
    def links(self) -> pd.DataFrame:
        """A row for each directed link: payload, and its share of what fits into the iteration."""
        arrays = self.job.scenario.arrays
        room = arrays.link_rate_bps / (BITS_PER_BYTE * NS_PER_S) * max(self.iteration_ns, 1)
        return pd.DataFrame(
            {
                "a": arrays.link_src,
                "b": arrays.link_dst,
                "bytes": self.link_bytes,
                "load": self.link_bytes / room,
            }
        )

    def summary(self) -> dict[str, Any]:
        """The content of ``summary.json``."""
        tenants = {
            tenant.name: int(self.state.ranks["end_ns"][first:end].max())
            for tenant, (first, end) in zip(
                self.layout.tenants, pairwise(self.layout.first_rank), strict=True
            )
        }
        job = self.job
        return {
            "name": job.name,
            "simulator": self.simulator,
            "congestion_control": job.scenario.congestion_control.kind,
            "num_ranks": len(self.state.ranks),
            "iteration_ns": self.iteration_ns,
            "compute_ns": self.compute_ns,
            "exposed_communication_ns": self.exposed_communication_ns,
            "iteration_ns_of_tenants": tenants if len(tenants) > 1 else None,
            "num_operations": len(self.state.operations),
            "num_flows": self.num_flows,
            "num_simulated": self.num_simulated,
            "packet_hops": self.packet_hops,
            "nvlink": job.nvlink,
            "memo": job.memo,
            "step_after": job.step_after,
            "latency_ns": job.latency_ns,
            "wall_s": self.wall_s,
            "compile_s": self.compile_s,
            "peak_rss_bytes": peak_rss_bytes(),
            "seed": job.scenario.seed,
            **provenance(),
        }

    def write_tables(self, folder: Path) -> None:
        """Writes ``collectives.csv``, ``ranks.csv``, ``links.csv`` and ``summary.json``.

        With flows that were kept, ``fct.csv``, too.
        """
        tables = {"collectives": self.collectives, "ranks": self.ranks, "links": self.links}
        if self.completed is not None:
            tables["fct"] = self.flows
        for name, table in tables.items():
            columns = {str(column): table[column].to_numpy() for column in table}
            write_table(folder / f"{name}.csv", columns)
        text = json.dumps(self.summary(), indent=2) + "\n"
        (folder / "summary.json").write_text(text, encoding="utf-8")

    def computations(self, rank: int) -> NDArray[np.int64]:
        """Start and end of what a rank computes, and the node, int64 ``[n, 3]``."""
        nodes, instances = self._of_rank(rank)
        own = np.flatnonzero((nodes["kind"] == COMPUTE) & (nodes["duration_ns"] > 0))
        return np.stack((instances["start_ns"][own], instances["end_ns"][own], own), axis=1)

    def operations_of(self, rank: int) -> NDArray[np.int64]:
        """Operations of a rank: start, end, node and operation, int64 ``[n, 4]``."""
        nodes, _ = self._of_rank(rank)
        own = np.flatnonzero(nodes["kind"] > CPU)
        slots = self.state.ranks["first_slot"][rank] + nodes["slot"][own]
        group = self.state.group_of_slot[slots]
        own, group = own[group >= 0], group[group >= 0]
        number = self.state.groups["first_operation"][group] + nodes["step"][own]
        table = self.state.operations[number]
        return np.stack((table["start_ns"], table["end_ns"], own, number), axis=1)

    def exposed_of(self, rank: int) -> NDArray[np.int64]:
        """What a rank does nothing but wait for at each node, int64 ``[num_nodes]``."""
        return np.asarray(self._of_rank(rank)[1]["exposed_ns"])

    def _of_rank(self, rank: int) -> tuple[np.ndarray, np.ndarray]:
        """The nodes of a rank, counted through all tenants, and their times."""
        record = self.state.ranks[rank]
        num = self.program_of(rank)[1].num_nodes
        first, begin = int(record["first_node"]), int(record["first_instance"])
        return self.state.nodes[first : first + num], self.state.instances[begin : begin + num]

    def program_of(self, rank: int) -> tuple[int, Any]:
        """The tenant of a rank, counted through all tenants, and the rank's program."""
        first = self.layout.first_rank
        tenant = int(np.searchsorted(first, rank, side="right")) - 1
        return tenant, self.layout.tenants[tenant].programs.program(rank - int(first[tenant]))

    def _called(self, group: int) -> str:
        communicator, tenant = self.layout.groups[group]
        name = self.layout.tenants[tenant].name
        label = f"{communicator.name}:{communicator.ranks[0]}"
        return f"{name}/{label}" if name else label

    def __repr__(self) -> str:
        return (
            f"JobResult({self.simulator!r}, {self.job.name!r}, iteration_ns={self.iteration_ns}, "
            f"num_flows={self.num_flows}, num_simulated={self.num_simulated})"
        )
