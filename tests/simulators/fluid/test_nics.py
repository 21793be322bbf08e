"""Hosts with several NICs as fluids: exact times on networks that one can reckon by hand."""

from __future__ import annotations

import numpy as np
import pytest

import m4graph as m4
from m4graph import topology

SIZE = 10**8
DUAL = {"servers": 2, "gpus_per_server": 2, "gpus_per_tor": 2, "tors": 2, "planes": 2, "spines": 2}


def times(routing, pairs, simulator="fluid", **keys):
    flows = np.arange(len(pairs))
    src, dst = np.array(pairs).T
    workload = m4.workload.Workload.from_arrays(
        id=flows, src=src, dst=dst, size_bytes=flows * 0 + SIZE, start_ns=flows * 0
    )
    config = {"tick": "ns" if simulator == "parsimon" else "ps", "payload_bytes": 9000}
    network, routing = topology.rail(**DUAL), {"kind": "simai", **routing}
    scenario = m4.Scenario(network, workload, "dcqcn", config, routing, **keys)
    return m4.simulate(scenario, simulator).fct_ns, scenario.ideal_fct_ns


@pytest.mark.parametrize("simulator", ["fluid", "parsimon"])
def test_all_on_one_plane_have_half_the_rate(simulator):
    """Two flows between the same GPUs: over both planes alone on each, over one by halves."""
    apart, ideal = times({"nic": "rail"}, [(0, 2)] * 2, simulator)
    assert apart.tolist() == pytest.approx(ideal.tolist(), rel=1e-3)
    together, _ = times({"nic": "given", "nics": [0] * 4}, [(0, 2)] * 2, simulator)
    assert together.max() == pytest.approx(2 * apart.max(), rel=1e-2)


def test_fluid_is_exact_on_both_planes():
    apart, ideal = times({"nic": "rail"}, [(0, 2)] * 2)
    assert apart.tolist() == ideal.tolist()


@pytest.mark.parametrize("convergence_us", [0, 10])
def test_a_dead_tor_doubles_the_time(convergence_us):
    """Its cables are down from the start, and routing knows."""
    routing = {"nic": "rail", "convergence_us": convergence_us}
    alive, _ = times(routing, [(0, 2), (0, 2)])
    first_tor = 6
    dead = [{"link": [gpu, first_tor], "kind": "down"} for gpu in (0, 2)]
    left, _ = times(routing, [(0, 2), (0, 2)], faults=dead)
    # But for what a packet takes over the second link, and the delays, which come once.
    once_ns = 9048 * 8 / 200 + 2 * 500
    assert left.max() == pytest.approx(2 * alive.max() - once_ns, abs=2)


def test_nvlink_and_nics_do_not_share():
    """Inside the server at NVLink's rate, outside at the NIC's, at once."""
    fct, ideal = times({"nic": "rail"}, [(0, 1), (0, 2), (2, 0), (3, 2)])
    assert fct.tolist() == ideal.tolist()
    assert fct[1] > 14 * fct[0]
