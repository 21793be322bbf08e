"""The arrays with which a run of the recurrent model begins."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from m4graph.core.units import BITS_PER_BYTE, NS_PER_S, NS_PER_US
from m4graph.mimic.clusters import Pods
from m4graph.mimic.feature_layout import first_tracks
from m4graph.mimic.features import num_features, num_places
from m4graph.mimic.feeder import feeder_schedule, first_clocks
from m4graph.mimic.feeder_layout import BINNED, NO_FEEDER, PACKET, PLACES
from m4graph.mimic.losses import calibration_shift
from m4graph.mimic.models.base import common_arrays
from m4graph.mimic.models.random import first_state
from m4graph.mimic.models.recurrent.config import RecurrentConfig
from m4graph.mimic.models.recurrent.network import width_of
from m4graph.mimic.models.recurrent.rollout import PLAN, Rollout
from m4graph.scenario import Scenario

_FEEDERS = {"none": NO_FEEDER, "packet": PACKET, "binned": BINNED}


def first_rollout(
    config: RecurrentConfig,
    specs: NDArray[np.void],
    laws: NDArray[np.void],
    weights: NDArray[np.float32],
    pods: Pods,
    scenario: Scenario,
    seed: int,
) -> Rollout:
    """A rollout in which nothing has come yet."""
    shape, rows = pods.shape, 2 * pods.num_pods
    slot_ticks = slot_of(config, scenario.config.ticks_per_ns)
    schedule = np.zeros((rows, 0, PLACES + num_places(shape)), np.float32)
    if config.feeder != "none":
        schedule = feeder_schedule(pods, scenario, laws, slot_ticks)
    plan = _plan(config, pods, scenario.config.ticks_per_ns, schedule.shape[1])
    width, paths = int(plan["width"][0]), (int(plan[key][0]) for key in ("num_hosts", "num_ports"))
    random = first_state(seed)
    return Rollout(
        plan=plan,
        specs=specs,
        weights=weights,
        laws=laws,
        schedule=schedule,
        random=random,
        tracks=first_tracks(rows),
        clocks=first_clocks(schedule, laws, slot_ticks, random),
        states=np.zeros((rows, config.num_layers, 2, width), np.float32),
        released=np.zeros((rows, *paths), np.int64),
        inputs=np.zeros(num_features(shape), np.float32),
        gates=np.zeros((1, 4 * width), np.float32),
        out=np.zeros(3, np.float32),
    )


def slot_of(config: RecurrentConfig, ticks_per_ns: int) -> int:
    """Length of the feeder's slots in ticks."""
    return max(int(config.slot_us * NS_PER_US * ticks_per_ns), 1)


def _plan(
    config: RecurrentConfig, pods: Pods, ticks_per_ns: int, num_slots: int
) -> NDArray[np.void]:
    shape = pods.shape
    plan = np.zeros(1, PLAN)
    values: dict[str, Any] = {
        "num_features": num_features(shape),
        "width": width_of(config, num_features(shape)),
        "num_layers": config.num_layers,
        "is_gru": config.cell == "gru",
        "marks": config.mark_share > 0,
        "samples": config.decision == "sample",
        "drop_shift": calibration_shift(config.drop_weight),
        "mark_shift": calibration_shift(config.mark_weight),
        "feeder": _FEEDERS[config.feeder],
        "slot_ticks": slot_of(config, ticks_per_ns),
        "num_slots": num_slots,
        "num_hosts": shape.racks * shape.hosts,
        "num_ports": shape.aggs * shape.spines,
        "delay_ticks": shape.rack_delay_ns * ticks_per_ns,
        "ticks_per_byte": BITS_PER_BYTE * NS_PER_S * ticks_per_ns / shape.rack_rate_bps,
    }
    for key, value in values.items():
        plan[key] = value
    return plan


def context_of(pods: Pods, rollout: Rollout) -> tuple[NDArray[Any], ...]:
    """The arrays of a step, as :func:`~.step.recurrent_step` finds them."""
    local, _ = common_arrays(pods, 0)
    others = [getattr(rollout, name) for name in Rollout._fields if name != "random"]
    return (local, rollout.random, *others)
