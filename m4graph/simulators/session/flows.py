"""The flows of a session: checked as they are added, routed together when the session runs on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from m4graph.core.errors import RoutingError, WorkloadError
from m4graph.routing import Routes
from m4graph.scenario import Scenario
from m4graph.scenario.ideal import ideal_fct_ns
from m4graph.scenario.ranges import largest_flow_bytes
from m4graph.simulators.session.checks import (
    checked_host,
    checked_size,
    checked_time,
    checked_window,
    given_routes,
)
from m4graph.simulators.session.types import Completion, FlowBatch


class NewFlow(NamedTuple):
    """A flow whose arguments are right; see :meth:`Session.add_flow`."""

    src: int
    dst: int
    size_bytes: int
    start_ns: int
    routes: Routes | None
    window_bytes: int | None


class SessionFlows:
    """A row for each flow that was ever added; the last ones may still be without routes.

    Args:
        scenario (Scenario): Its network, configuration and routing.
    """

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        arrays, routing = scenario.arrays, scenario.routing
        self._largest_flow_bytes = largest_flow_bytes(arrays)
        self.router = None if isinstance(routing, Routes) else routing.router(arrays)
        self.src: list[int] = []
        self.dst: list[int] = []
        self.size_bytes: list[int] = []
        self.start_ns: list[int] = []  # -1: not known yet
        self.finish_ns: list[int] = []  # -1: has not
        self.ideal_fct_ns: list[int] = []  # of those that were taken in
        self._window_bytes: dict[int, int] = {}  # of flows not taken in yet that were given one

    def __len__(self) -> int:
        return len(self.src)

    def checked(
        self,
        now_ns: int,
        src: int,
        dst: int,
        size_bytes: int,
        start_ns: int | None,
        route: Sequence[int] | None,
        ack_route: Sequence[int] | None,
        window_bytes: int | None,
    ) -> NewFlow:
        """The next flow, if everything about it is right.

        Raises:
            InputError: As :meth:`Session.add_flow`.
        """
        flow, arrays = len(self), self._scenario.arrays
        src = checked_host(flow, "src", src, arrays.num_hosts)
        dst = checked_host(flow, "dst", dst, arrays.num_hosts)
        if src == dst:
            raise WorkloadError(f"flow {flow}: expected two hosts (got {src} for both)")
        size = checked_size(flow, size_bytes, self._largest_flow_bytes)
        start = now_ns if start_ns is None else checked_time(flow, start_ns, now_ns)
        window = None if window_bytes is None else checked_window(flow, window_bytes)
        routes = None
        if route is not None:
            routes = given_routes(arrays, flow, src, dst, route, ack_route)
        elif ack_route is not None:
            raise RoutingError(f"flow {flow}: expected a route with the ack_route (got none)")
        elif self.router is None:
            raise RoutingError(
                f"flow {flow}: expected a route, as the scenario's routing is not ECMP"
            )
        return NewFlow(src, dst, size, start, routes, window)

    def add(self, new: NewFlow) -> None:
        """A row for one flow."""
        if new.window_bytes is not None:
            self._window_bytes[len(self)] = new.window_bytes
        self.src.append(new.src)
        self.dst.append(new.dst)
        self.size_bytes.append(new.size_bytes)
        self.start_ns.append(new.start_ns)
        self.finish_ns.append(-1)

    def announce(
        self, src: NDArray[np.integer], dst: NDArray[np.integer], size_bytes: NDArray[np.int64]
    ) -> range:
        """Rows for many flows that have no start yet; their numbers."""
        flows = range(len(self), len(self) + len(src))
        self.src += src.tolist()
        self.dst += dst.tolist()
        self.size_bytes += size_bytes.tolist()
        self.start_ns += [-1] * len(src)
        self.finish_ns += [-1] * len(src)
        return flows

    def start(self, flow: int, start_ns: int | None, now_ns: int) -> None:
        """An announced flow has a start.

        Raises:
            WorkloadError: As :meth:`Session.start`.
        """
        if not 0 <= flow < len(self) or self.start_ns[flow] >= 0:
            raise WorkloadError(f"flow {flow}: expected an announced flow that has no start yet")
        self.start_ns[flow] = now_ns if start_ns is None else checked_time(flow, start_ns, now_ns)

    def unfinished(self) -> list[int]:
        """Those that have a start and have not completed."""
        times = zip(self.start_ns, self.finish_ns, strict=True)
        return [flow for flow, (start, finish) in enumerate(times) if finish < 0 <= start]

    def times_of(self, flows: range) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """When some flows start and complete."""
        own = slice(flows.start, flows.stop)
        return np.array(self.start_ns[own], np.int64), np.array(self.finish_ns[own], np.int64)

    def found_routes(self) -> Routes | None:
        """Those of the flows that were not taken in yet, by ECMP; ``None``: there are none."""
        first = len(self.ideal_fct_ns)
        if first == len(self):
            return None
        assert self.router is not None
        if first + 1 == len(self):
            return self.router.route_one(self.src[first], self.dst[first])
        return self.router.route(self.src[first:], self.dst[first:])

    def batch(self, routes: Routes) -> FlowBatch:
        """The flows that were not taken in yet, on these routes."""
        first = len(self.ideal_fct_ns)
        scenario, config = self._scenario, self._scenario.config
        sizes = _Sizes(np.array(self.size_bytes[first:], np.int64))
        ideal = ideal_fct_ns(
            scenario.arrays, sizes, routes, config.payload_bytes, config.ticks_per_ns
        )
        src = np.array(self.src[first:], np.int64)
        dst = np.array(self.dst[first:], np.int64)
        windows = None
        if self._window_bytes:
            flows = range(first, len(self))
            windows = np.array([self._window_bytes.pop(flow, 0) for flow in flows], np.int64)
        return FlowBatch(src, dst, sizes.size_bytes, ideal, routes, windows)

    def completion_of(self, flow: int) -> Completion:
        """A flow that has completed."""
        return Completion(
            flow,
            self.src[flow],
            self.dst[flow],
            self.size_bytes[flow],
            self.start_ns[flow],
            self.finish_ns[flow],
            self.ideal_fct_ns[flow],
        )


class _Sizes(NamedTuple):
    size_bytes: NDArray[np.int64]
