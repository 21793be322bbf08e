"""A fluid simulation behind a small class: add flows, run, ask, add more, run on."""

from __future__ import annotations

import math

import numpy as np

from m4graph.core.errors import ConfigError, SimulationError
from m4graph.estimate.maxmin.layout import NUM_ACTIVE, NUM_FILLED
from m4graph.estimate.maxmin.shares import SCOPES
from m4graph.simulators.fluid.events import BUDGET_SPENT, FINISHED, run
from m4graph.simulators.fluid.state import (
    NUM_ADDED,
    NUM_ARRIVALS,
    NUM_DEPARTURES,
    NUM_STARTING,
    grow_links,
    grow_state,
    make_state,
)


def parse_scope(scope: str) -> int:
    """The constant of a scope's name.

    Raises:
        ConfigError: If the scope is unknown.
    """
    if scope not in SCOPES:
        raise ConfigError(f"scope: expected one of {', '.join(SCOPES)} (got {scope!r})")
    return SCOPES[scope]


class FluidEngine:
    """A fluid simulation that can be stopped, asked, extended and run on.

    Flows are numbered in the order in which they are added.

    Args:
        link_rate (np.ndarray): Rate of each directed link, float64 ``[num_links]`` bytes/ns.
        scope (str, optional): Which flows are filled anew at an event: ``"affected"``,
            ``"component"`` or ``"full"``. The rates are the same. (default: ``"affected"``)

    Raises:
        ConfigError: If the scope is unknown.
    """

    def __init__(self, link_rate: np.ndarray, scope: str = "affected") -> None:
        self._scope = parse_scope(scope)
        self._state = make_state(link_rate)
        self._num_links = len(link_rate)

    def add_links(self, link_rate: np.ndarray) -> int:
        """Adds links, for flows to come.

        Args:
            link_rate (np.ndarray): Their rates, float64 ``[num_new]`` bytes/ns.

        Returns:
            int: Number of the first new link.
        """
        first, total = self._num_links, self._num_links + len(link_rate)
        room = len(self._state.shares.links)
        if total > room:
            self._state = grow_links(self._state, max(total, 2 * room))
        self._state.shares.links["rate"][first:total] = link_rate
        self._num_links = total
        return first

    def add_flows(
        self,
        start_ns: np.ndarray,
        volume_bytes: np.ndarray,
        latency_ns: np.ndarray,
        ideal_fct_ns: np.ndarray,
        route_ptr: np.ndarray,
        route_links: np.ndarray,
    ) -> int:
        """Adds flows that start now or later, as :meth:`admit_flows` and :meth:`start_flows`.

        Args:
            start_ns (np.ndarray): When each flow starts.
            volume_bytes (np.ndarray): Bytes that it drains at its fair rate.
            latency_ns (np.ndarray): What its FCT has on top of the time to drain.
            ideal_fct_ns (np.ndarray): The smallest FCT that is reported.
            route_ptr (np.ndarray): Where each route starts in ``route_links``.
            route_links (np.ndarray): Directed links of the routes, one or more for each flow.

        Shapes:
            - start_ns, ideal_fct_ns int64, volume_bytes, latency_ns float64 ``[num_new]``
            - route_ptr int64 ``[num_new + 1]``, route_links int32 ``[num_hops]``

        Returns:
            int: Number of the first new flow.

        Raises:
            SimulationError: If a flow starts in the past or has no link.
        """
        self._check_starts(np.arange(self.num_flows, self.num_flows + len(start_ns)), start_ns)
        first = self.admit_flows(volume_bytes, latency_ns, ideal_fct_ns, route_ptr, route_links)
        self.start_flows(np.arange(first, self.num_flows), start_ns)
        return first

    def admit_flows(
        self,
        volume_bytes: np.ndarray,
        latency_ns: np.ndarray,
        ideal_fct_ns: np.ndarray,
        route_ptr: np.ndarray,
        route_links: np.ndarray,
    ) -> int:
        """Takes in flows that :meth:`start_flows` will start; arguments as :meth:`add_flows`.

        Returns:
            int: Number of the first new flow.

        Raises:
            SimulationError: If a flow has no link.
        """
        self._check_routes(route_ptr)
        first, total = self.num_flows, self.num_flows + len(volume_bytes)
        old_hops = int(self._state.shares.route_ptr[first])
        hops = old_hops + len(route_links)
        self._reserve(total, hops)
        state = self._state
        times = state.times[first:total]
        times["start_ns"] = -1
        times["latency_ns"] = latency_ns
        times["ideal_fct_ns"] = ideal_fct_ns
        times["fct_ns"] = -1
        state.shares.flows["remaining"][first:total] = volume_bytes
        state.shares.route_ptr[first : total + 1] = np.asarray(route_ptr) + old_hops
        state.shares.route_links[old_hops:hops] = route_links
        state.counts[NUM_ADDED] = total
        return first

    def start_flows(self, flows: np.ndarray, start_ns: np.ndarray) -> None:
        """Starts flows that have not been started yet, now or later.

        Args:
            flows (np.ndarray): Their numbers.
            start_ns (np.ndarray): When they start.

        Raises:
            SimulationError: If a flow starts in the past.
        """
        self._check_starts(flows, start_ns)
        state = self._state
        begin = int(state.counts[NUM_STARTING])
        state.times["start_ns"][flows] = start_ns
        state.starting[begin : begin + len(flows)] = flows
        state.counts[NUM_STARTING] = begin + len(flows)

    def run(self, max_events: int) -> bool:
        """Runs about ``max_events`` arrivals and departures.

        Returns:
            bool: Whether there is more to run.
        """
        return bool(self._run(max_events, False) == BUDGET_SPENT)

    def next_completion(self, max_events: int = 100_000) -> int | None:
        """Runs until the next flow completes; completions come in the order of time.

        Args:
            max_events (int, optional): Events between two looks at Ctrl-C. (default: ``100000``)

        Returns:
            int or None: The flow's number, or None when no flow is left.
        """
        flow = BUDGET_SPENT
        while flow == BUDGET_SPENT:
            flow = self._run(max_events, True)
        return None if flow == FINISHED else flow

    def advance(self, max_events: int, until_ns: int) -> int:
        """Runs about ``max_events`` events, until the next flow completes or a time is over.

        Returns:
            int: The flow's number; ``FINISHED`` if all events up to and at ``until_ns`` are done,
            or ``BUDGET_SPENT``.
        """
        return self._run(max_events, True, np.nextafter(float(until_ns), np.inf))

    def _run(self, max_events: int, stop_at_report: bool, before_ns: float = np.inf) -> int:
        return int(run(self._state, self._scope, max_events, stop_at_report, before_ns))

    @property
    def num_flows(self) -> int:
        """Flows added so far."""
        return int(self._state.counts[NUM_ADDED])

    @property
    def num_completed(self) -> int:
        """Flows that have sent their last byte."""
        return int(self._state.counts[NUM_DEPARTURES])

    @property
    def now_ns(self) -> float:
        """Time of the last event."""
        return float(self._state.clock_ns[0])

    @property
    def num_events(self) -> int:
        """Arrivals and departures so far."""
        counts = self._state.counts
        return int(counts[NUM_ARRIVALS] + counts[NUM_DEPARTURES])

    @property
    def num_filled(self) -> int:
        """Flows that were filled anew so far, summed over all events: the work done."""
        return int(self._state.shares.counts[NUM_FILLED])

    @property
    def fct_ns(self) -> np.ndarray:
        """FCT of each flow, int64 ``[num_flows]``; -1 while it is not finished."""
        return self._state.times["fct_ns"][: self.num_flows]

    @property
    def active_flows(self) -> np.ndarray:
        """Numbers of the flows that are sending, ascending."""
        shares = self._state.shares
        return np.sort(shares.active[: shares.counts[NUM_ACTIVE]])

    @property
    def rates(self) -> np.ndarray:
        """Rate of each flow now, float64 ``[num_flows]`` bytes/ns; 0 if it is not active."""
        return self._state.shares.flows["rate"][: self.num_flows]

    def remaining_bytes(self, at_ns: float | None = None) -> np.ndarray:
        """Bytes that each flow has still to drain.

        Args:
            at_ns (float, optional): From the last event to the next one. (default: ``now_ns``)

        Returns:
            np.ndarray: float64 ``[num_flows]``.
        """
        at_ns = self.now_ns if at_ns is None else at_ns
        flows = self._state.shares.flows[: self.num_flows]
        left = flows["remaining"] - flows["rate"] * (at_ns - flows["settled_ns"])
        return np.asarray(np.maximum(left, 0.0))

    def _check_starts(self, flows: np.ndarray, start_ns: np.ndarray) -> None:
        early = np.asarray(start_ns) < math.floor(self.now_ns)
        if early.any():
            first = int(np.argmax(early))
            raise SimulationError(
                f"flow {flows[first]}: expected a start at {self.now_ns:.0f} ns "
                f"or later (got {start_ns[first]})"
            )

    def _check_routes(self, route_ptr: np.ndarray) -> None:
        empty = route_ptr[1:] <= route_ptr[:-1]
        if empty.any():
            flow = self.num_flows + int(np.argmax(empty))
            raise SimulationError(f"flow {flow}: expected a route of one link or more (got none)")

    def _reserve(self, num_flows: int, num_hops: int) -> None:
        flow_space, hop_space = len(self._state.times), len(self._state.shares.route_links)
        if num_flows > flow_space or num_hops > hop_space:
            if flow_space:  # not the first time: more may follow, so leave room for them
                num_flows, num_hops = 2 * max(num_flows, 512), 2 * max(num_hops, 4096)
            self._state = grow_state(
                self._state, max(num_flows, flow_space), max(num_hops, hop_space)
            )
