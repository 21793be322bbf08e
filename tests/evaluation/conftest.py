from __future__ import annotations

import numpy as np
import pytest

import m4graph as m4
from m4graph.results import SimulationResult

SIZES = [100, 2_000, 40_000, 1_000_000]


@pytest.fixture
def result():
    """Makes a result of given slowdowns (NaN: not finished); ideal times are 1000 ns."""

    def make(simulator, slowdown, name="case", **fields):
        slowdown = np.asarray(slowdown, dtype=float)
        count = len(slowdown)
        workload = m4.workload.Workload.from_arrays(
            id=np.arange(count),
            src=np.zeros(count, dtype=np.int64),
            dst=np.ones(count, dtype=np.int64),
            size_bytes=np.resize(SIZES, count),
            start_ns=np.arange(count),
        )
        network = m4.topology.star(num_hosts=2)
        fct_ns = np.where(np.isnan(slowdown), -1, np.nan_to_num(slowdown) * 1000)
        given = {"num_events": 2 * count, "wall_s": 0.5, "compile_s": 0.0, "packet_hops": None}
        return SimulationResult(
            simulator=simulator,
            flow_id=workload.id,
            fct_ns=np.rint(fct_ns).astype(np.int64),
            ideal_fct_ns=np.full(count, 1000),
            scenario=m4.Scenario(network, workload, "dctcp", name=name),
            **(given | fields),
        )

    return make


@pytest.fixture
def comparison(result):
    """Makes a comparison of four flows: truth 1, 2, 4, 8; fluid all 1; learned all right."""

    def make(name="case", num_repeats=1):
        truth = np.tile([1.0, 2.0, 4.0, 8.0], num_repeats)
        return m4.compare(
            result("packet", truth, name, packet_hops=1_000_000),
            result("fluid", np.ones_like(truth), name),
            result("learned", truth, name),
        )

    return make
