"""Jobs whose flows are spread over paths."""

from __future__ import annotations

import numpy as np
import pytest

import m4graph as m4
from m4graph.core.errors import ConfigError
from m4graph.workload import training_job

RACKS = m4.topology.rail(servers=4, gpus_per_server=2, rail=False, gpus_per_tor=4, spines=4)
"""GPUs 0-7; those of two servers hang on one ToR, with four spines above."""
BYTES = 8_000_000


def run(routing, memo=True):
    collective = {"kind": "all_to_all", "group": "dp", "size_bytes": BYTES}
    workload = training_job({"dp": 8}, [{"name": "all", "forward": collective}])
    config = {"payload_bytes": 9000, "tick": "ps"}
    job = m4.Job(RACKS, workload, "dcqcn", config, routing, memo=memo)
    return m4.simulate_job(job, "packet")


def test_the_bytes_of_a_job_are_spread_evenly():
    links = run({"kind": "spray"}).links
    up = links[(links["a"].isin([12, 13])) & (links["b"] > 13)]
    # Each GPU sends an eighth to each of the four in the other rack.
    assert len(up) == 8
    assert np.allclose(up["bytes"], 4 * 4 * BYTES / 8 / 4, atol=8)
    direct = run({"kind": "simai"}).links
    assert direct.equals(run({"kind": "flowlet", "gap_us": 10**6}).links)
    assert direct["bytes"].sum() == pytest.approx(links["bytes"].sum(), abs=len(links))


def test_spraying_is_faster_than_ecmp_where_flows_meet():
    ecmp = run({"kind": "simai"}).iteration_ns
    # Four GPUs at 400 Gb/s share four spines of 400 Gb/s: alone they never wait there.
    ideal_ns = 4 * (BYTES / 8) * 8 / 400
    for memo in (True, False):
        sprayed = run({"kind": "spray", "choice": "round_robin"}, memo).iteration_ns
        assert ideal_ns < sprayed < 0.9 * ecmp


def test_fluid_refuses_it():
    workload = training_job(
        {"dp": 8}, [{"forward": {"kind": "all_reduce", "group": "dp", "size_bytes": 8}}]
    )
    config = {"tick": "ps"}
    job = m4.Job(RACKS, workload, "dcqcn", config, routing={"kind": "spray"})
    with pytest.raises(ConfigError, match=r"routing.kind: .* one route; packet has others"):
        m4.simulate_job(job, "fluid")
