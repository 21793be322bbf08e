"""Times that are known exactly: collectives on an idle star, schedules of pipelines."""

from __future__ import annotations

import numpy as np
import pytest

import m4graph as m4
from m4graph.workload import training_job
from m4graph.workload.collectives import Collective

from .conftest import chunk_ns, once, star

RING = [("all_reduce", 2), ("all_gather", 1), ("reduce_scatter", 1)]
ACK_NS = 2 * 500 + 2 * (60 * 8 // 400)
WAYS = [
    {"memo": True},
    {"memo": False},
    {"memo": False, "nvlink": "simulate"},
    {"memo": True, "nvlink": "simulate"},
]


@pytest.mark.parametrize("n", [2, 5, 8])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("kind", "rounds"), RING)
def test_a_ring(job, kind, rounds, n, way):
    size = n * 1_000_000
    expected = rounds * (n - 1) * (2000 + chunk_ns(size // n, 400, 500))
    result = m4.simulate_job(job(once(Collective(kind, size), n), latency_ns=2000, **way))
    assert result.iteration_ns == expected
    waiting = {"dp": expected, "tp": 0, "ep": 0, "pp": 0}
    assert result.exposed_communication_ns == waiting


def test_a_ring_whose_steps_wait_for_acknowledgements(job):
    programs = once(Collective("all_reduce", 8_000_000), 8)
    expected = 14 * (2000 + chunk_ns(1_000_000, 400, 500) + ACK_NS)
    slow = job(programs, latency_ns=2000, step_after="sender_ack")
    assert m4.simulate_job(slow).iteration_ns == expected


@pytest.mark.parametrize("step_after", ["receiver", "sender_ack"])
def test_a_ring_packet_by_packet(job, step_after):
    """ACKs share the links with data: 60 bytes in 9048, and each step ends behind one at most."""
    made = job(once(Collective("all_reduce", 8_000_000), 8), step_after=step_after)
    expected = 14 * (chunk_ns(1_000_000, 400, 500) + ACK_NS * (step_after == "sender_ack"))
    simulated = m4.simulate_job(made, "packet").iteration_ns
    assert expected <= simulated <= 1.01 * expected


@pytest.mark.parametrize("n", [2, 6])
@pytest.mark.parametrize("way", WAYS)
def test_nvls(job, n, way):
    made = job(
        once(Collective("all_reduce", 4_000_000, "nvls"), n),
        star(n, servers=True),
        latency_ns=2000,
        **way,
    )
    part = chunk_ns(1_000_000, 400, 500) - 500 - 9048 * 8 // 400  # one link, not two
    assert m4.simulate_job(made).iteration_ns == 5 * (2000 + part)


@pytest.mark.parametrize("n", [2, 8])
def test_all_to_all(job, n):
    made = job(once(Collective("all_to_all", n * 1_000_000), n), latency_ns=2000)
    one = chunk_ns(1_000_000, 400, 500)
    latency = 1000 + 9048 * 8 // 400
    assert m4.simulate_job(made).iteration_ns == 2000 + latency + (n - 1) * (one - latency)


@pytest.mark.parametrize("channels", [1, 4])
def test_bus_bandwidth_is_the_links_whatever_the_number_of_ranks(job, channels):
    for n in (2, 4, 8):
        made = job(once(Collective("all_reduce", n << 28, channels=channels), n))
        table = m4.simulate_job(made).collectives
        # A header takes 0.96 ns, which whole nanoseconds cut off.
        assert table["busbw_gbs"][0] == pytest.approx(50, rel=1e-3)
        assert table["busbw_gibs"][0] == pytest.approx(table["busbw_gbs"][0] / 1.073741824)
        assert table["algbw_gbs"][0] * 2 * (n - 1) / n == pytest.approx(table["busbw_gbs"][0])


def test_equal_groups_are_simulated_once(job):
    programs = once(Collective("all_reduce", 4_000_000), 16, groups=4)
    result = m4.simulate_job(job(programs))
    assert (result.num_flows, result.num_simulated) == (4 * 24, 24)
    in_full = m4.simulate_job(job(programs, memo=False))
    assert (in_full.num_flows, in_full.num_simulated) == (4 * 24, 4 * 24)
    assert (result.collectives == in_full.collectives).all(axis=None)
    assert (result.links == in_full.links).all(axis=None)


def pipeline(kind: str, micro_batches: int, pp: int):
    layer = {"forward_ns": 1_000_000, "input_grad_ns": 1_500_000, "weight_grad_ns": 500_000}
    schedule = {"kind": kind, "micro_batches": micro_batches, "message_bytes": 1}
    return training_job({"pp": pp}, [{"repeat": pp, "layers": [layer]}], schedule)


@pytest.mark.parametrize("kind", ["1f1b", "gpipe"])
@pytest.mark.parametrize(("micro_batches", "pp"), [(4, 2), (8, 4), (2, 4), (1, 3)])
def test_a_pipeline_has_a_bubble_of_its_stages_but_one(job, kind, micro_batches, pp):
    """The message takes next to nothing: what is left is (m + p - 1) times both passes."""
    result = m4.simulate_job(job(pipeline(kind, micro_batches, pp)))
    busy, message = 3_000_000, chunk_ns(1, 400, 500)
    passes = micro_batches + pp - 1
    assert passes * busy <= result.iteration_ns <= passes * busy + 2 * passes * message
    assert result.compute_ns == micro_batches * busy
    waited = result.ranks["exposed_pp_ns"] + result.ranks["compute_ns"]
    assert (waited == result.ranks["end_ns"]).all()


def test_1f1b_holds_fewer_micro_batches_than_gpipe(job):
    """The first stage begins its first backward pass before its last forward pass, or after."""
    firsts = {}
    for kind in ("1f1b", "gpipe"):
        result = m4.simulate_job(job(pipeline(kind, 8, 2)))
        names = result.layout.tenants[0].programs.program(0).names
        order = [names[node] for _, _, node in result.computations(0).tolist()]
        firsts[kind] = order.index("layer input_grad")
    assert firsts == {"1f1b": 2, "gpipe": 8}


def test_weights_are_communicated_beside_what_follows(job):
    layer = {
        "weight_grad_ns": 1_000_000,
        "weight_grad": {"kind": "all_reduce", "group": "dp", "size_bytes": 8_000_000},
    }
    result = m4.simulate_job(job(training_job({"dp": 8}, [layer, layer])))
    one = 14 * chunk_ns(1_000_000, 400, 500)
    assert one < 1_000_000  # so the first is over when the second begins
    assert result.iteration_ns == 2_000_000 + one
    assert result.exposed_communication_ns["dp"] == one


def test_links_carry_all_bytes(job):
    result = m4.simulate_job(job(once(Collective("all_gather", 8_000_000), 8)))
    assert set(result.links["bytes"]) == {7_000_000}
    assert np.allclose(result.links["load"], 7_000_000 / (50 * result.iteration_ns))
