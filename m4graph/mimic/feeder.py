"""The feeder: what a learned model is told of packets between two mimics, which are not simulated.

Such packets fill the queues of a pod, and there are more of them the more pods there are, but none
in the small network of the training. The feeder draws them: how many bytes flow between mimics is
taken from the fluid simulation of all flows; the packets of a pod and direction come at a rate in
proportion, with gaps by a law that was fitted to the training trace, at hosts and cores in
proportion to the flows there. The model makes a step for each (``packet``), which changes its state
and is answered by nothing; or one for all of a slot of time (``binned``), for which it is trained
on traces of which a part of the flows comes in slots, too.

Reference:
    Zhang et al., MimicNet, SIGCOMM 2021, section 6. The released code leaves the rate as it was
    fitted, whatever the number of pods, and shares out a pod's capacity with no regard to the
    hosts' own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from m4graph.core.rng import generator
from m4graph.mimic.border_rows import EGRESS, INGRESS
from m4graph.mimic.boundary import BoundaryTrace
from m4graph.mimic.clusters import Pods
from m4graph.mimic.feature_layout import MODEL_STEP
from m4graph.mimic.features import StepTable, num_places, packet_steps
from m4graph.mimic.feeder_kernels import start_clocks
from m4graph.mimic.feeder_layout import (
    ACK_SHARE,
    FEEDER_CLOCK,
    FEEDER_LAW,
    LOG_NORMAL,
    PARETO,
    PLACES,
    RATE,
)
from m4graph.mimic.shape import PodShape
from m4graph.results import SimulationResult
from m4graph.scenario import Scenario
from m4graph.simulators.fluid import FluidSimulator

_MOST_GAPS = 50_000
_LEAST_SHAPE = 1.05
_LAWS = {"log_normal": LOG_NORMAL, "pareto": PARETO}


def fit_feeder(trace: BoundaryTrace, gap_law: str) -> NDArray[np.void]:
    """Fits the laws of both directions, records of :data:`~.feeder_layout.FEEDER_LAW` ``[2]``.

    Args:
        trace (BoundaryTrace): Of a small network.
        gap_law (str): ``"log_normal"`` or ``"pareto"``; of type II, which begins at 0.
    """
    laws = np.zeros(2, FEEDER_LAW)
    ways = [trace.rows[trace.rows["direction"] == way] for way in (EGRESS, INGRESS)]
    data_bytes = [max(way["wire_bytes"][way["kind"] == 0].sum(), 1) for way in ways]
    for way, law in enumerate(laws):
        rows = ways[way]
        data, acks = rows[rows["kind"] == 0], rows[rows["kind"] != 0]
        law["gap_law"] = _LAWS[gap_law]
        law["gap_shape"] = gap_shape(np.diff(rows["enter_ticks"]), gap_law)
        law["data_bytes"] = data["wire_bytes"].mean() if len(data) else 0
        law["ack_bytes"] = acks["wire_bytes"].mean() if len(acks) else 0
        law["data_per_byte"] = len(data) / data_bytes[way]
        law["acks_per_byte"] = len(acks) / data_bytes[1 - way]
    return laws


def gap_shape(gaps: NDArray[np.number], gap_law: str) -> float:
    """The shape of a law of gaps: the deviation of their logarithm, or Pareto's tail index.

    Args:
        gaps (numpy.ndarray): Times between packets; those of 0 count as 1.
        gap_law (str): ``"log_normal"`` or ``"pareto"``.
    """
    gaps = np.maximum(gaps[:: max(len(gaps) // _MOST_GAPS, 1)], 1).astype(np.float64)
    if gap_law == "log_normal":
        return float(np.log(gaps).std())
    from scipy.stats import lomax

    return max(float(lomax.fit(gaps / gaps.mean(), floc=0)[0]), _LEAST_SHAPE)


def slotted_steps(
    rows: NDArray[np.void], shape: PodShape, share: float, slot_ticks: int, seed: int
) -> StepTable:
    """Steps of a direction of which a random part of the flows is seen, and the rest in slots.

    A slot's step stands at its end, and has the means of its packets.

    Args:
        rows (numpy.ndarray): As :func:`~m4graph.mimic.features.packet_steps` takes them.
        shape (PodShape): Of the pod.
        share (float): Of the flows that are seen packet by packet.
        slot_ticks (int): Length of a slot.
        seed (int): Decides which flows.
    """
    draw = generator(seed, "mimic", "feeder", f"{share:.6f}")
    seen = draw.random(int(rows["flow"].max(initial=-1)) + 1)[rows["flow"]] < share
    table = packet_steps(rows, shape)
    hidden = table.steps[~seen]
    slot, index = np.unique(hidden["ticks"] // slot_ticks, return_inverse=True)
    slots = np.zeros(len(slot), MODEL_STEP)
    slots["ticks"] = (slot + 1) * slot_ticks
    slots["mix"] = np.arange(len(slot))
    for name in ("packets", "drops", "marked", "markable"):
        slots[name] = np.bincount(index, hidden[name], len(slot))
    for name, counts in (
        ("wire_bytes", slots["packets"]),
        ("latency_ticks", slots["packets"] - slots["drops"]),
    ):
        slots[name] = np.bincount(index, hidden[name], len(slot)) / np.maximum(counts, 1)
    mixes = np.zeros((len(slot), num_places(shape)))
    for columns in _places(shape, hidden["host"], hidden["port"]):
        np.add.at(mixes, (index, columns), 1)
    mixes /= np.maximum(slots["packets"], 1)[:, None]
    steps = np.concatenate([slots, table.steps[seen]])
    order = np.argsort(steps["ticks"], kind="stable")
    return StepTable(steps[order], mixes.astype(np.float32))


def first_clocks(
    schedule: NDArray[np.float32],
    laws: NDArray[np.void],
    slot_ticks: int,
    random: NDArray[np.uint64],
) -> NDArray[np.void]:
    """Records of :data:`~.feeder_layout.FEEDER_CLOCK`, one for each row of a schedule."""
    clocks = np.zeros(len(schedule), FEEDER_CLOCK)
    start_clocks(clocks, laws, schedule, slot_ticks, random)
    return clocks


def feeder_schedule(
    pods: Pods, scenario: Scenario, laws: NDArray[np.void], slot_ticks: int
) -> NDArray[np.float32]:
    """What flows between mimics in each slot of time.

    Args:
        pods (Pods): Of the network.
        scenario (Scenario): Of all flows.
        laws (numpy.ndarray): As :func:`fit_feeder` gives them.
        slot_ticks (int): Length of a slot.

    Returns:
        numpy.ndarray: float32 ``[2 * num_pods, num_slots, 2 + num_places]``: of pod ``p`` and
        direction ``d`` in row ``2 p + d``; the columns of :mod:`.feeder_layout`.
    """
    src, dst = (pods.host_pod[ends] for ends in (scenario.workload.src, scenario.workload.dst))
    flows = np.flatnonzero((src != dst) & (src > 0) & (dst > 0))
    begin, end = _spans(FluidSimulator().run(scenario), scenario, flows, slot_ticks)
    rate = scenario.workload.size_bytes[flows] / ((end - begin) * slot_ticks)
    num_slots = int(np.ceil(end.max(initial=0.0)))
    schedule = np.zeros((2 * pods.num_pods, num_slots + 2, PLACES + num_places(pods.shape)))
    for way in (EGRESS, INGRESS):
        for is_ack in (False, True):
            per_byte = laws[way]["acks_per_byte" if is_ack else "data_per_byte"]
            # Data goes out at the sender's pod, ACKs at the receiver's.
            pod = (src if (way == EGRESS) != is_ack else dst)[flows]
            host, port = _ends(pods, scenario, flows, way, is_ack)
            places = _places(pods.shape, host, port)
            columns: list[Any] = [RATE, *(PLACES + place for place in places)]
            if is_ack:
                columns.append(ACK_SHARE)
            for column in columns:
                _add_ramps(schedule, 2 * pod + way, column, begin, end, rate * per_byte)
    volume = np.cumsum(schedule, axis=1)[:, :num_slots]
    volume[..., ACK_SHARE:] /= np.maximum(volume[..., :1], np.finfo(np.float64).tiny)
    return np.maximum(volume, 0).astype(np.float32)


def _places(
    shape: PodShape, host: NDArray[np.int64], port: NDArray[np.int64]
) -> list[NDArray[np.int64]]:
    """The columns of rack, host, aggregation switch and spine."""
    first_agg = shape.racks + shape.hosts
    return [
        host // shape.hosts,
        shape.racks + host % shape.hosts,
        first_agg + port // shape.spines,
        first_agg + shape.aggs + port % shape.spines,
    ]


def _spans(
    fluid: SimulationResult, scenario: Scenario, flows: NDArray[np.int64], slot_ticks: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """When flows begin and end, in slots."""
    slots_per_ns = scenario.config.ticks_per_ns / slot_ticks
    begin = np.asarray(scenario.workload.start_ns[flows] * slots_per_ns)
    last = scenario.stop_ns or int((scenario.workload.start_ns + fluid.fct_ns).max(initial=1))
    fct = np.where(fluid.finished, fluid.fct_ns, last - scenario.workload.start_ns)[flows]
    return begin, begin + np.maximum(fct, 1) * slots_per_ns


def _ends(
    pods: Pods, scenario: Scenario, flows: NDArray[np.int64], way: int, is_ack: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where packets of flows enter and leave the pod: the host and the core's port."""
    routes = scenario.routes
    if is_ack:
        ptr, links = routes.ack_ptr, routes.ack_links
    else:
        ptr, links = routes.data_ptr, routes.data_links
    if way == EGRESS:
        host, port = links[ptr[flows]], links[ptr[flows] + 2]
    else:
        host, port = links[ptr[flows + 1] - 1], links[ptr[flows + 1] - 3]
    return pods.link_local[host].astype(np.int64), pods.link_local[port].astype(np.int64)


def _add_ramps(
    schedule: NDArray[np.float64],
    rows: NDArray[np.integer],
    columns: Any,
    begin: NDArray[np.float64],
    end: NDArray[np.float64],
    rate: NDArray[np.float64],
) -> None:
    """Adds rates from ``begin`` to ``end`` as differences between slots; parts of slots in part.

    The column is one for all, or one of each.
    """
    for time, signed in ((begin, rate), (end, -rate)):
        slot = time.astype(np.int64)
        part = time - slot
        np.add.at(schedule, (rows, slot, columns), signed * (1 - part))
        np.add.at(schedule, (rows, slot + 1, columns), signed * part)
