"""How much work a scenario is, before it is begun: what has no end is refused."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np

from m4graph.core.errors import ConfigError
from m4graph.core.units import BITS_PER_BYTE, NS_PER_S
from m4graph.scenario import Scenario
from m4graph.scenario.cautions import Caution
from m4graph.workload import ClosedLoopWorkload

MAX_HOURS = 24.0
"""Longer runs are refused, unless one asks for them."""

_LONG_HOURS = 0.1
S_PER_HOUR = 3600


class EventSpeed(NamedTuple):
    """How fast a simulator is that looks, at every start and end of a flow, at those beside it.

    Fields:
        - events_per_s (float): of flows that are alone
        - touched_per_s (float): flows looked at, where there are many at each event
    """

    events_per_s: float
    touched_per_s: float


def check_hours(simulator: str, hours: float, work: str, max_hours: float) -> None:
    """Refuses work that would take too long, and tells of what takes long.

    Args:
        simulator (str): Its name.
        hours (float): How long it would take.
        work (str): How much that is, and why it takes so long, in words.
        max_hours (float): The limit.

    Raises:
        ConfigError: If it would take longer.
    """
    if hours > max_hours:
        raise ConfigError(
            f"max_hours: expected at most {max_hours:g} hours of work (got about {work}); "
            "make flows smaller or fewer, set stop_us, or raise max_hours"
        )
    if hours > _LONG_HOURS:
        warnings.warn(f"{simulator}: a long run: about {work}", Caution, stacklevel=4)


def check_events(simulator: str, scenario: Scenario, speed: EventSpeed, max_hours: float) -> None:
    """As :func:`check_hours`, of a simulator whose work is the events of flows.

    Args:
        simulator (str): Its name.
        scenario (Scenario): What is to be simulated.
        speed (EventSpeed): How fast the simulator is.
        max_hours (float): The limit.

    Raises:
        ConfigError: If it would take longer.
    """
    num_events = 2 * scenario.num_flows
    # No event can touch more than all flows: nearly all scenarios are done with here.
    if _hours(num_events, num_events * scenario.num_flows, speed) < min(_LONG_HOURS, max_hours):
        return
    touched = forecast_touched_flows(scenario)
    hours = _hours(num_events, touched, speed)
    work = f"{num_events:.2g} events that touch {touched:.2g} flows, {hours:.2g} hours"
    check_hours(simulator, hours, work, max_hours)


def forecast_touched_flows(scenario: Scenario) -> float:
    """About how many flows share a link with the flow that starts or ends, over all events.

    Each link by itself is a queue that brings its flows the mean of their bytes. A flow counts its
    link with most others. This is less than what comes of sizes that differ, and of links that hold
    each other up. Flows of closed loops, whose starts are not known, count as alone.
    """
    workload, routes = scenario.workload, scenario.routes
    if isinstance(workload, ClosedLoopWorkload) or not scenario.num_flows:
        return 2.0 * scenario.num_flows
    flow = np.repeat(np.arange(scenario.num_flows), np.diff(routes.data_ptr))
    rows = np.lexsort((workload.start_ns[flow], routes.data_links))
    first = np.flatnonzero(np.diff(routes.data_links[rows], prepend=-1))
    together = np.empty(len(rows), np.int64)
    for on_link in np.split(rows, first[1:]):
        rate_bps = scenario.arrays.link_rate_bps[routes.data_links[on_link[0]]]
        flows = flow[on_link]
        each_ns = workload.size_bytes[flows].mean() * BITS_PER_BYTE * NS_PER_S / rate_bps
        together[on_link] = _together(workload.start_ns[flows].astype(np.float64), each_ns)
    return 2.0 * float(np.maximum.reduceat(together, routes.data_ptr[:-1]).sum(dtype=np.float64))


def _together(start_ns: np.ndarray, each_ns: float) -> np.ndarray:
    """How many customers of a queue are in it when one comes, itself included."""
    number = np.arange(len(start_ns))
    end_ns = each_ns * (number + 1) + np.maximum.accumulate(start_ns - each_ns * number)
    return number - np.searchsorted(end_ns, start_ns, side="right") + 1


def _hours(num_events: float, touched: float, speed: EventSpeed) -> float:
    seconds = num_events / speed.events_per_s + touched / speed.touched_per_s
    return seconds / S_PER_HOUR
