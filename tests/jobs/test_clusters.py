"""Jobs on servers with NVLink and rails: what SimAI publishes, and what must be equal."""

from __future__ import annotations

import numpy as np
import pytest

import m4graph as m4
from m4graph.workload import training_job
from m4graph.workload.collectives import Collective
from m4graph.workload.programs import Communicator, JobPrograms, ProgramBuilder

from .conftest import once

MIB, GIB = 2**20, 2**30
US = 1000


def one_layer(parallel, kind, group, size_bytes, **keys):
    collective = {"kind": kind, "group": group, "size_bytes": size_bytes, **keys}
    return training_job(parallel, [{"forward": collective}])


def run(network, programs, simulator="fluid", **keys):
    routing = {"kind": "simai", **keys.pop("routing", {})}
    config = {"payload_bytes": 9000} | keys.pop("config", {})
    made = m4.Job(network, programs, "dcqcn", config=config, routing=routing, **keys)
    return m4.simulate_job(made, simulator)


@pytest.mark.parametrize("algorithm", ["ring", "nvls"])
@pytest.mark.parametrize("step_after", ["receiver", "sender_ack"])
@pytest.mark.parametrize("kind", ["all_reduce", "all_gather", "all_to_all"])
def test_the_closed_form_is_the_simulation(kind, step_after, algorithm):
    keys = {"algorithm": algorithm} if kind == "all_reduce" else {}
    programs = one_layer({"tp": 8, "dp": 2}, kind, "tp", 3 * MIB, **keys)
    both = [
        run(m4.topology.rail(2), programs, nvlink=way, memo=False, step_after=step_after,
            latency_ns=700)
        for way in ("closed_form", "simulate")
    ]  # fmt: skip
    assert (both[0].num_simulated, both[1].num_simulated) == (0, both[1].num_flows)
    assert both[0].iteration_ns == pytest.approx(both[1].iteration_ns, rel=1e-3)


PUBLISHED = [
    # Rate in Gb/s, ranks, MiB, latency in us, and GiB/s of SimAI's tutorial.
    (1440, 8, 16, 2, 141.84),
    (1440, 8, 64, 2, 160.60),
    (1440, 8, 512, 2, 166.68),
    (400, 32, 16, 2, 33.10),
    (400, 32, 64, 2, 42.05),
    (400, 32, 512, 2, 45.65),
]


@pytest.mark.parametrize(("gbps", "num_ranks", "mib", "latency_us", "published"), PUBLISHED)
def test_all_reduces_that_simai_publishes(gbps, num_ranks, mib, latency_us, published):
    network = m4.topology.star(num_ranks, gbps=gbps, delay_ns=25 if gbps > 400 else 500)
    programs = once(Collective("all_reduce", mib * MIB, channels=1), num_ranks)
    keys = {"step_after": "sender_ack", "latency_ns": latency_us * US}
    table = run(network, programs, **keys).collectives
    assert table["busbw_gibs"][0] == pytest.approx(published, rel=0.01)


def test_the_quick_start_of_simai():
    """1604 us plus 28 latencies: 16 and 64 MiB over 8 GPUs, and 2 x 556 us of computing."""
    layers = [
        {"forward_ns": 556 * US, "forward": {"kind": "all_reduce", "group": "tp",
                                             "size_bytes": size * MIB}}
        for size in (16, 64)
    ]  # fmt: skip
    network = m4.topology.star(8, gbps=2400, delay_ns=25)
    for latency_us in (0, 12):
        keys = {"step_after": "sender_ack", "latency_ns": latency_us * US}
        result = run(network, training_job({"tp": 8}, layers), **keys)
        assert result.iteration_ns == pytest.approx((1604 + 28 * latency_us) * US, rel=2e-3)


def by_rail(num_servers, size_bytes, rails):
    """An all-reduce of each rail that takes part, over all servers."""
    builder, idle = ProgramBuilder(), ProgramBuilder()
    builder.collective("rail", Collective("all_reduce", size_bytes), "own")
    idle.compute("nothing", 0)
    ranks = np.arange(8 * num_servers)
    communicators = [
        {"own": Communicator("own", tuple(range(rank % 8, len(ranks), 8)), "dp")} for rank in ranks
    ]
    working = np.isin(ranks % 8, rails)
    return JobPrograms((builder.finish(), idle.finish()), 1 - working.astype(int), communicators)


@pytest.mark.parametrize("memo", [True, False])
def test_eight_rings_on_rails_are_as_fast_as_one(memo):
    network = m4.topology.rail(4)
    one, eight = (
        run(network, by_rail(4, 64 * MIB, rails), memo=memo, nvlink="simulate")
        for rails in ([0], range(8))
    )
    assert one.iteration_ns == eight.iteration_ns
    assert eight.num_flows == 8 * one.num_flows
    assert eight.num_simulated == (one.num_flows if memo else eight.num_flows)


def test_without_rails_they_share_cables():
    network = m4.topology.rail(4, rail=False, gpus_per_tor=8, spines=4)
    alone = run(network, by_rail(4, 64 * MIB, [0])).iteration_ns
    assert run(network, by_rail(4, 64 * MIB, range(8))).iteration_ns > 1.5 * alone


def test_all_flows_through_one_plane_take_twice_as_long():
    network = m4.topology.rail(4, tors=2)
    programs = by_rail(4, 256 * MIB, [0])
    one_nic = run(network, programs, routing={"nic": "given", "nics": [0] * 32})
    both = run(m4.topology.rail(4, nic_gbps=400), programs)
    assert one_nic.iteration_ns == pytest.approx(2 * both.iteration_ns, rel=0.01)


def test_hierarchical_all_reduce_keeps_its_rails():
    programs = one_layer({"dp": 32}, "all_reduce", "dp", 64 * MIB, algorithm="hierarchical")
    result = run(m4.topology.rail(4), programs)
    links = result.links
    to_spine = links[(links["b"] >= 32 + 4 + 8) & (links["bytes"] > 0)]
    assert to_spine.empty
    # Two phases in the server, at 360 bytes a ns, and between them two in the rail.
    expected = 2 * 7 / 8 * 64 * MIB / 360 + 2 * 3 / 4 * 8 * MIB / 50
    assert result.iteration_ns == pytest.approx(expected, rel=0.03)


def test_an_all_to_all_by_rail_avoids_the_spines():
    size = 32 * MIB
    times = {}
    for algorithm in ("direct", "rail"):
        programs = one_layer({"dp": 32}, "all_to_all", "dp", size, algorithm=algorithm)
        result = run(m4.topology.rail(4), programs)
        links = result.links
        spines = links[(links["b"] >= 32 + 4 + 8) & (links["bytes"] > 0)]
        times[algorithm] = len(spines), result.iteration_ns
    assert times["rail"][0] == 0 < times["direct"][0]
    # Three quarters of the buffer cross the NIC.
    assert times["rail"][1] == pytest.approx(0.75 * size / 50 + 31 / 32 * size / 360, rel=0.1)
