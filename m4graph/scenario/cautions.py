"""What a user should know of a scenario before believing its results."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakValueDictionary

import numpy as np

from m4graph.core.units import BITS_PER_BYTE, GBPS, NS_PER_S
from m4graph.scenario.scenario import Scenario
from m4graph.scenario.windows import idle_pipes, waits_for_acks

MAX_NS_TICK_BPS = 2 * 10**12
"""On a faster link a packet takes so few ns that cutting off the rest makes it too fast."""


class Caution(UserWarning):
    """A scenario is simulated, but perhaps not as meant, or not to its end."""


@contextmanager
def without_cautions() -> Iterator[None]:
    """Has nothing of this kind warned of: for many scenarios that are meant as they are."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Caution)
        yield


_told: WeakValueDictionary[int, Scenario] = WeakValueDictionary()
"""Scenarios by their identity: one that is equal is another one."""


def warn_of(scenario: Scenario) -> None:
    """Warns of each of :func:`cautions`, once for a scenario, whoever simulates it."""
    if id(scenario) in _told:
        return
    _told[id(scenario)] = scenario
    for caution in cautions(scenario):
        warnings.warn(caution, Caution, stacklevel=4)


def cautions(scenario: Scenario) -> Iterator[str]:
    """One line for each thing that makes all simulators, or flows, faster or slower than the
    links are: a tick that is too coarse, a window that is too small.
    """
    yield from _coarse_tick(scenario)
    yield from _small_window(scenario)


def _coarse_tick(scenario: Scenario) -> Iterator[str]:
    arrays = scenario.arrays
    link = int(np.argmax(arrays.link_rate_bps))
    rate_bps = int(arrays.link_rate_bps[link])
    if scenario.config.tick == "ns" and rate_bps > MAX_NS_TICK_BPS:
        yield (
            f"link {arrays.link_src[link]}-{arrays.link_dst[link]}: with times cut to whole ns, "
            f"{rate_bps / GBPS:g} Gb/s make packets too fast; set network.tick: ps"
        )


def _small_window(scenario: Scenario) -> Iterator[str]:
    window_bytes = scenario.congestion_control.largest_window_bytes
    if window_bytes is None or not scenario.num_flows:
        return
    config = scenario.config
    pipes = idle_pipes(scenario.arrays, scenario.routes, config.payload_bytes, config.ticks_per_ns)
    waits = waits_for_acks(pipes, -(-window_bytes // config.payload_bytes))
    waits &= scenario.workload.size_bytes > window_bytes
    if not waits.any():
        return
    trip_ns = pipes.round_trip_ticks / config.ticks_per_ns
    pipe_bytes = np.where(waits, pipes.slowest_bps * trip_ns / (BITS_PER_BYTE * NS_PER_S), 0)
    flow = int(np.argmax(pipe_bytes))
    yield (
        f"congestion_control: a window of {window_bytes} bytes is below the bandwidth-delay "
        f"product of the routes of {np.count_nonzero(waits)} of {scenario.num_flows} flows, which "
        f"wait for ACKs even when alone (flow {scenario.workload.id[flow]}: "
        f"{round(pipe_bytes[flow])} bytes)"
    )
