"""Checks of what a user gives to a session; messages name the flow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from m4graph.core.errors import ConfigError, RoutingError, TopologyError, WorkloadError
from m4graph.core.integers import is_integer
from m4graph.core.schema import spell
from m4graph.routing import Routes, check_routes
from m4graph.scenario import Scenario
from m4graph.scenario.congestion import MAX_BYTES
from m4graph.simulators.base import refuse_spraying
from m4graph.simulators.session.types import FOREVER_NS
from m4graph.topology import NetworkArrays


def check_scenario(scenario: Scenario, sprays: bool) -> None:
    """Refuses what no session has, and what that of a simulator has not.

    Args:
        scenario (Scenario): Of the session.
        sprays (bool): Whether its simulator spreads the packets of a flow over paths.

    Raises:
        ConfigError: If there are faults, or packets to spread.
    """
    if scenario.faults:
        raise ConfigError(
            f"faults: expected none in a session or a closed loop (got {len(scenario.faults)})"
        )
    if not sprays:
        refuse_spraying("the simulator of this session", scenario)


def check_no_window(flow: int, window_bytes: int | None) -> None:
    """Refuses a window of a single flow.

    Raises:
        WorkloadError: If there is one.
    """
    if window_bytes is not None:
        raise WorkloadError(
            f"flow {flow}: expected no window_bytes in a session of this simulator; packet has "
            f"windows of single flows (got {window_bytes})"
        )


def checked_host(flow: int, name: str, value: int, num_hosts: int) -> int:
    """A host of the network.

    Raises:
        WorkloadError: If there is no such host.
    """
    host = _integer(flow, name, value)
    if not 0 <= host < num_hosts:
        raise WorkloadError(
            f"flow {flow}: expected {name} to be a host, 0 to {num_hosts - 1} (got {host})"
        )
    return host


def checked_size(flow: int, value: int, largest: int) -> int:
    """A flow's size.

    Raises:
        WorkloadError: If it is no integer of 1 to ``largest``.
    """
    size_bytes = _integer(flow, "size_bytes", value)
    if size_bytes < 1:
        raise WorkloadError(f"flow {flow}: expected a size of 1 byte or more (got {size_bytes})")
    if size_bytes > largest:
        raise WorkloadError(
            f"flow {flow}: expected a size of at most {largest} bytes (got {size_bytes})"
        )
    return size_bytes


def checked_window(flow: int, value: int) -> int:
    """A flow's window.

    Raises:
        WorkloadError: If it is no integer of 1 to :data:`~m4graph.scenario.congestion.MAX_BYTES`.
    """
    window_bytes = _integer(flow, "window_bytes", value)
    if not 1 <= window_bytes <= MAX_BYTES:
        raise WorkloadError(
            f"flow {flow}: expected window_bytes from 1 to {MAX_BYTES} (got {window_bytes})"
        )
    return window_bytes


def checked_time(flow: int | None, value: int, now_ns: int) -> int:
    """A start of a flow, or a time up to which a session is to run.

    Raises:
        WorkloadError: If it is in the past.
    """
    name = "until_ns" if flow is None else "start_ns"
    time_ns = _integer(flow, name, value)
    if not now_ns <= time_ns < FOREVER_NS:
        raise WorkloadError(
            f"{_prefix(flow)}expected {name} from now, {now_ns}, on (got {time_ns})"
        )
    return time_ns


def given_routes(
    arrays: NetworkArrays,
    flow: int,
    src: int,
    dst: int,
    route: Sequence[int],
    ack_route: Sequence[int] | None,
) -> Routes:
    """The routes of one flow, given as nodes.

    Raises:
        RoutingError: If one of them is no route of the network between the flow's hosts.
    """
    data = _links(arrays, flow, "route", route)
    ack = _links(arrays, flow, "ack_route", route[::-1] if ack_route is None else ack_route)
    routes = Routes(
        np.zeros(1, np.int32), np.array([0, len(data)]), data, np.array([0, len(ack)]), ack
    )
    check_routes(
        routes, arrays, np.array([flow]), np.array([src]), np.array([dst]), source="session"
    )
    return routes


def _integer(flow: int | None, name: str, value: object) -> int:
    if not is_integer(value):
        raise WorkloadError(f"{_prefix(flow)}expected {name} to be an integer (got {value!r})")
    return int(value)


def _prefix(flow: int | None) -> str:
    return "session: " if flow is None else f"flow {flow}: "


def _links(arrays: NetworkArrays, flow: int, name: str, route: Sequence[int]) -> NDArray[np.int32]:
    if isinstance(route, str) or not isinstance(route, Sequence | np.ndarray):
        raise RoutingError(
            f"flow {flow}: expected {name} to be a list of nodes (got {spell(route)})"
        )
    nodes = np.array([_integer(flow, "a route's node", node) for node in route], np.int64)
    if len(nodes) < 2:
        raise RoutingError(f"flow {flow}: expected a route of two nodes or more (got {len(nodes)})")
    try:
        return arrays.link_ids(nodes[:-1], nodes[1:]).astype(np.int32)
    except TopologyError as error:
        raise RoutingError(f"flow {flow}: {error}") from None
