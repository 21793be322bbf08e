from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

import m4graph as m4
from m4graph.workload.collectives import Collective
from m4graph.workload.programs import Communicator, JobPrograms, ProgramBuilder

PAYLOAD, HEADER = 9000, 48


def chunk_ns(size_bytes: int, gbps: int, delay_ns: int) -> int:
    """A flow alone between two hosts of a star."""
    packets = -(-size_bytes // PAYLOAD)
    first = min(size_bytes, PAYLOAD)
    return (
        2 * delay_ns
        + 2 * ((first + HEADER) * 8 // gbps)
        + (size_bytes - first) * 8 // gbps
        + (packets - 1) * (HEADER * 8 // gbps)
    )


def star(num_hosts: int, gbps: int = 400, delay_ns: int = 500, servers: bool = False) -> nx.Graph:
    network = m4.topology.star(num_hosts, gbps=gbps, delay_ns=delay_ns)
    if servers:
        nx.set_node_attributes(network, dict.fromkeys(range(num_hosts), 0), "server")
    return network


def once(collective: Collective, num_ranks: int, groups: int = 1) -> JobPrograms:
    """All ranks of each group do one thing."""
    builder = ProgramBuilder()
    builder.collective("only", collective, "all")
    size = num_ranks // groups
    communicators = [
        {
            "all": Communicator(
                "all", tuple(range(rank // size * size, (rank // size + 1) * size)), "dp"
            )
        }
        for rank in range(num_ranks)
    ]
    return JobPrograms((builder.finish(),), np.zeros(num_ranks, int), communicators)


@pytest.fixture
def job():
    def make(programs: JobPrograms, network: nx.Graph | None = None, **keys):
        chosen = star(programs.num_ranks) if network is None else network
        return m4.Job(chosen, programs, "dcqcn", config={"payload_bytes": PAYLOAD}, **keys)

    return make
