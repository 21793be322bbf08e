"""The feeder: laws of gaps, what flows between mimics, and steps that stand for slots of time."""

from __future__ import annotations

import numpy as np
import pytest

import m4graph as m4
from m4graph.mimic.border_rows import EGRESS, INGRESS
from m4graph.mimic.clusters import Pods
from m4graph.mimic.features import packet_steps
from m4graph.mimic.feeder import feeder_schedule, fit_feeder, gap_shape, slotted_steps
from m4graph.mimic.feeder_kernels import next_packet
from m4graph.mimic.feeder_layout import ACK_SHARE, FEEDER_LAW, LOG_NORMAL, PARETO, PLACES, RATE
from m4graph.mimic.models.random import first_state
from m4graph.workload import Workload
from tests.mimic.drawn_trace import SHAPE, drawn_trace

SLOT = 1_000_000


def law_of(gap_law: int, shape: float):
    law = np.zeros(1, FEEDER_LAW)
    law["gap_law"], law["gap_shape"] = gap_law, shape
    return law[0]


def times(law, rates: np.ndarray, seed: int = 0) -> np.ndarray:
    random, found, now = first_state(seed), [], 0.0
    while True:
        now = next_packet(law, rates, SLOT, now, random)
        if now == np.inf:
            return np.array(found)
        found.append(now)


def rates_of(*packets_per_slot: float) -> np.ndarray:
    rates = np.zeros((len(packets_per_slot), PLACES), np.float32)
    rates[:, RATE] = np.array(packets_per_slot) / SLOT
    return rates


def test_shapes_are_found_again():
    rng = np.random.default_rng(0)
    assert gap_shape(np.exp(rng.normal(9, 1.3, 20_000)), "log_normal") == pytest.approx(
        1.3, rel=0.02
    )
    assert gap_shape(rng.pareto(3.0, 20_000) * 1e5, "pareto") == pytest.approx(3.0, rel=0.1)


@pytest.mark.parametrize(("gap_law", "shape"), [(LOG_NORMAL, 1.1), (PARETO, 3.5)])
def test_the_mean_is_that_of_the_rate(gap_law, shape):
    """20 000 packets, whose gaps deviate by about their mean."""
    found = times(law_of(gap_law, shape), rates_of(*[20] * 1000))
    assert len(found) == pytest.approx(20_000, rel=0.04)
    gaps = np.diff(found)
    name = {LOG_NORMAL: "log_normal", PARETO: "pareto"}[gap_law]
    assert gap_shape(gaps, name) == pytest.approx(shape, rel=0.15)


def test_nothing_comes_at_no_rate():
    found = times(law_of(LOG_NORMAL, 1.0), rates_of(0, 100, 0, 0, 300, 0))
    slot, count = np.unique(found // SLOT, return_counts=True)
    assert slot.tolist() == [1, 4]
    assert count.tolist() == pytest.approx([100, 300], rel=0.3)


def test_fit():
    trace = drawn_trace(8000)
    laws = fit_feeder(trace, "log_normal")
    for way in (EGRESS, INGRESS):
        rows = trace.rows[trace.rows["direction"] == way]
        assert laws[way]["data_bytes"] == 1518
        assert laws[way]["ack_bytes"] == 60
        assert laws[way]["data_per_byte"] == pytest.approx(1 / 1518)
        back = trace.rows[(trace.rows["direction"] != way) & (trace.rows["kind"] == 0)]
        acks = np.count_nonzero(rows["kind"])
        assert laws[way]["acks_per_byte"] == pytest.approx(acks / back["wire_bytes"].sum())


def scenario_of(*flows: tuple[int, int, int, int]) -> m4.Scenario:
    network = m4.topology.clos(
        pods=4, racks=2, hosts=4, planes=2, spines=2,
        host_gbps=0.1, fabric_gbps=0.1, delay_ns=500_000,
    )  # fmt: skip
    src, dst, size, start = (np.array(column) for column in zip(*flows, strict=True))
    workload = Workload.from_arrays(np.arange(len(flows)), src, dst, size, start)
    return m4.Scenario(network, workload, "newreno")


def test_schedule():
    """Of four flows one is between mimics, one inside a mimic, two are simulated."""
    scenario = scenario_of(
        (9, 22, 250_000, 3_000_000), (9, 14, 10**6, 0), (0, 9, 10**6, 0), (30, 7, 10**6, 0)
    )
    pods = Pods.of(scenario.network, scenario.arrays)
    laws = np.zeros(2, FEEDER_LAW)
    laws["data_per_byte"], laws["acks_per_byte"] = 1 / 1500, 1 / 3000
    schedule = feeder_schedule(pods, scenario, laws, SLOT).astype(np.float64)
    volume = schedule[..., RATE].sum(1) * SLOT
    data, acks = 250_000 / 1500, 250_000 / 3000
    assert volume == pytest.approx([0, 0, data, acks, acks, data, 0, 0], rel=1e-4)
    rows = [2 * 1 + EGRESS, 2 * 1 + INGRESS, 2 * 2 + EGRESS, 2 * 2 + INGRESS]
    assert (schedule[rows, :3] == 0).all()
    for row, host, is_ack in zip(rows, (1, 1, 6, 6), (False, True, True, False), strict=True):
        slots = schedule[row, schedule[row, :, RATE] > 0]
        assert (slots[:, ACK_SHARE] == is_ack).all()
        places = slots[:, PLACES:]
        assert (places[:, host // 4] == 1).all()
        assert (places[:, 2 + host % 4] == 1).all()
        for columns in (slice(0, 2), slice(2, 6), slice(6, 8), slice(8, 10)):
            assert places[:, columns].sum(1) == pytest.approx(np.ones(len(slots)))


def test_more_pods_feed_more():
    """No flow is between mimics if there is one."""
    scenario = scenario_of((9, 3, 10**6, 0))
    pods = Pods.of(scenario.network, scenario.arrays)
    laws = np.ones(2, FEEDER_LAW)
    assert feeder_schedule(pods, scenario, laws, SLOT).shape[1] == 0


def test_slotted_steps():
    """All packets are there once, alone or in their slot."""
    trace = drawn_trace(3000)
    rows = trace.rows[trace.rows["direction"] == EGRESS]
    table, plain = slotted_steps(rows, SHAPE, 0.3, SLOT, 0), packet_steps(rows, SHAPE)
    steps = table.steps
    assert (np.diff(steps["ticks"]) >= 0).all()
    slots = steps[steps["mix"] >= 0]
    assert (slots["ticks"] % SLOT == 0).all()
    assert 0.15 < (len(steps) - len(slots)) / len(rows) < 0.45
    for name in ("packets", "drops", "marked", "markable"):
        assert steps[name].sum() == plain.steps[name].sum()
    assert (steps["wire_bytes"] * steps["packets"]).sum() == pytest.approx(rows["wire_bytes"].sum())
    delivered = steps["packets"] - steps["drops"]
    total = plain.steps["latency_ticks"].sum()
    assert (steps["latency_ticks"] * delivered).sum() == pytest.approx(total)
    for columns in (slice(0, 2), slice(2, 6), slice(6, 8), slice(8, 10)):
        assert table.mixes[:, columns].sum(1) == pytest.approx(np.ones(len(slots)))


def test_all_seen_is_no_slot():
    rows = drawn_trace(500).rows[:100]
    table, plain = slotted_steps(rows, SHAPE, 1.0, SLOT, 0), packet_steps(rows, SHAPE)
    assert (table.steps == plain.steps).all()
