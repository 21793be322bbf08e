"""Compiles kernels in an order, then runs flows free; prints a hash of the times that they took.

python free_run.py SIMULATOR FIRST SECOND ...
"""

from __future__ import annotations

import hashlib
import sys

import numpy as np
from numba import njit

import m4graph as m4
from m4graph.graph import FlowTracker
from m4graph.graph.advance import advance
from m4graph.graph.step import no_events
from m4graph.graph.survey import warm_up
from m4graph.learned import LearnedSimulator
from m4graph.runs.sample import two_flows


def scenario(num_flows: int, seed: int) -> m4.Scenario:
    """TIMELY goes by whether a delay has grown, so that a last bit decides."""
    network = m4.topology.leaf_spine(
        num_leaves=4,
        hosts_per_leaf=4,
        num_spines=2,
        host_gbps=10,
        fabric_gbps=10,
        delay_ns=1000,
    )
    workload = m4.workload.generate(
        network, sizes="web_search", load=0.6, num_flows=num_flows, seed=seed
    )
    return m4.Scenario(network, workload, "timely")


@njit(fastmath=True)
def advance_fast(state, events):
    """A caller that wants its own arithmetic fast."""
    advance(state, events)


def from_fast_code() -> None:
    tracker = FlowTracker([two_flows()])
    advance_fast(tracker._state, no_events(1))


SIMULATORS = {
    "fluid": lambda: "fluid",
    "torch": lambda: LearnedSimulator(engine="torch"),
    "compiled": lambda: LearnedSimulator(engine="compiled"),
}
WAYS = {"survey": warm_up, "from_fast_code": from_fast_code}


def fct_ns(simulator: str, num_flows: int, seed: int) -> np.ndarray:
    return m4.simulate(scenario(num_flows, seed), SIMULATORS[simulator]()).fct_ns


if __name__ == "__main__":
    simulators, *order = sys.argv[1:]
    for each in order:
        if each in WAYS:
            WAYS[each]()
        else:
            fct_ns(each, 2, 0)
    for each in simulators.split(","):
        print(each, hashlib.sha256(fct_ns(each, 300, 1).tobytes()).hexdigest())
