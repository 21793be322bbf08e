"""Runs to make reports of, without the packet simulator: what it would say is made up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

import m4graph as m4
from m4graph.results import SimulationResult

NAME = "</script><script>window.hurt = 1</script><img src=x onerror='window.hurt = 1'>"


@dataclass(frozen=True)
class Recorded:
    """Time series, as a recording has them."""

    scenario: m4.Scenario
    links: pd.DataFrame
    flows: pd.DataFrame


def scenario_of(num_flows, k=4, name=NAME):
    network = m4.topology.fat_tree(k=k, host_gbps=10, fabric_gbps=40, delay_ns=1000)
    workload = m4.workload.generate(
        network, sizes="web_server", load=0.5, num_flows=num_flows, seed=0
    )
    return m4.Scenario(network, workload, "dctcp", name=name)


def result_of(scenario, simulator, seed, records=None):
    """Slowdowns of 1 to some 10, by chance; the first flow did not finish."""
    slowdown = 1 + np.random.default_rng(seed).exponential(1.5, scenario.num_flows)
    fct_ns = (slowdown * scenario.ideal_fct_ns).astype(np.int64)
    fct_ns[0] = -1
    return SimulationResult(
        simulator=simulator,
        flow_id=scenario.workload.id,
        fct_ns=fct_ns,
        ideal_fct_ns=scenario.ideal_fct_ns,
        num_events=2 * scenario.num_flows,
        wall_s=1.0,
        compile_s=0.0,
        packet_hops=None,
        scenario=scenario,
        extra={} if records is None else {"recording": records},
    )


def recorded_of(scenario, num_samples=50):
    """Each link sends its number in bytes in each sample; the queue of one is long once."""
    arrays = scenario.arrays
    step_ns = int(scenario.workload.start_ns.max()) // num_samples + 1
    links = pd.DataFrame(
        {
            "time_ns": np.repeat(np.arange(1, num_samples + 1) * step_ns, arrays.num_links),
            "a": np.tile(arrays.link_src, num_samples),
            "b": np.tile(arrays.link_dst, num_samples),
            "queue_bytes": 0,
            "sent_bytes": np.tile(np.arange(arrays.num_links), num_samples),
            "paused_fraction": 0.0,
            "pauses": 0,
            "drops": 0,
        }
    )
    links.loc[links.index[3], ["queue_bytes", "paused_fraction"]] = 5000, 0.5
    ids = scenario.workload.id[1:4]
    flows = pd.DataFrame(
        {
            "time_ns": np.repeat(np.arange(1, num_samples + 1) * step_ns, len(ids)),
            "flow": np.tile(ids, num_samples),
            "remaining_bytes": np.repeat(np.arange(num_samples)[::-1] * 1000, len(ids)),
        }
    )
    return Recorded(scenario, links, flows)


@pytest.fixture(scope="session")
def comparison():
    """Three simulators on 400 flows, links and some flows recorded."""
    scenario = scenario_of(400)
    truth = result_of(scenario, "packet", 0, recorded_of(scenario))
    return m4.compare(truth, result_of(scenario, "fluid", 1), result_of(scenario, "learned", 2))
