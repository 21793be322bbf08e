"""Labelled runs, small enough to train on in a second."""

from __future__ import annotations

import pytest

from m4graph import topology, workload
from m4graph.runs import LabelledRun
from m4graph.scenario import Scenario
from m4graph.simulators import simulate


@pytest.fixture(scope="session")
def runs() -> list[LabelledRun]:
    network = topology.leaf_spine(num_leaves=2, hosts_per_leaf=3, num_spines=1, fabric_gbps=10)
    labelled = []
    for seed in range(3):
        flows = workload.generate(network, sizes="web_server", load=0.6, num_flows=40, seed=seed)
        result = simulate(Scenario(network, flows, "dctcp"), "packet", labels=True)
        labelled.append(LabelledRun.from_result(result))
    return labelled
