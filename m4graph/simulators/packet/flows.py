"""Flows of a packet run: their rows in the arrays, added before it starts or while it goes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from m4graph.core.errors import WorkloadError
from m4graph.routing import Paths, Routes
from m4graph.simulators.packet import layout
from m4graph.simulators.packet.events import request_event
from m4graph.simulators.packet.layout import MAX_TICKS, NONE
from m4graph.simulators.packet.memory import zeros
from m4graph.simulators.packet.sprayer import NewSprays
from m4graph.simulators.packet.state import State
from m4graph.simulators.session import Waits


@dataclass(frozen=True)
class NewFlows:
    """Flows to add, in the order of their rows.

    Shapes:
        - ``size_bytes`` int64 ``[num_flows]``
        - ``routes``: of as many flows
        - ``window_bytes`` int64 ``[num_flows]``, 0: none; ``None``: the run's own window
        - ``sprays``: of as many flows; ``None``: all packets of a flow take its route
    """

    size_bytes: NDArray[np.int64]
    routes: Routes
    window_bytes: NDArray[np.int64] | None = None
    sprays: NewSprays | None = None

    @property
    def num_flows(self) -> int:
        """Number of flows."""
        return len(self.size_bytes)


def append_flows(state: State, flows: NewFlows, congestion_state: tuple[Any, ...]) -> State:
    """The same state with more flows, none of which starts before :func:`queue_starts`.

    Arrays grow to exactly what the first flows need, and by doubling after that. Those of labels
    do not grow.

    Args:
        state (State): Of a run, at rest.
        flows (NewFlows): What to add.
        congestion_state (tuple): A new flow's record for the congestion control.
    """
    if flows.num_flows == 0:
        return state
    control = state.control[0]
    first = int(control["num_flows"])
    after = first + flows.num_flows
    state = _with_room(state, after)
    _fill_rows(state, first, after, flows)
    state.congestion[first:after] = congestion_state
    paths = None if flows.sprays is None else flows.sprays.paths
    state, positions = _with_ways(state, flows.routes, paths)
    for name, position in positions.items():
        state.flows[name][first:after] = position
    if flows.sprays is not None:
        state = _append_sprays(state, first, after, flows.sprays)
    state = _reserve_at_nics(state, state.flows["src"][first:after])
    control["num_flows"] = after
    return state


def queue_starts(state: State, rows: NDArray[np.int32], start_ns: NDArray[np.int64]) -> None:
    """Has flows start that have not been queued yet; those of one start in this order.

    Args:
        state (State): Of a run, at rest, with its clock at most at the first start.
        rows (np.ndarray): Rows of the flows.
        start_ns (np.ndarray): Their starts.

    Raises:
        WorkloadError: If a start time does not fit into 64 bits of ticks.
    """
    if len(rows) == 0:
        return
    control, order, start_ticks = state.control[0], state.start_order, state.flows["start_ticks"]
    start_ticks[rows] = _ticks(start_ns, int(state.config["ticks_per_ns"][0]))
    num_read, end = int(control["num_read"]), int(control["num_starts"])
    next_ticks = start_ticks[order[num_read]] if num_read < end else None
    if len(rows) > 1:
        rows = rows[np.argsort(start_ticks[rows], kind="stable")]
    first_ticks = int(start_ticks[rows[0]])
    after = end + len(rows)
    order[end:after] = rows
    if num_read < end and first_ticks < start_ticks[order[end - 1]]:
        unread = order[num_read:after]
        order[num_read:after] = unread[np.argsort(start_ticks[unread], kind="stable")]
    control["num_starts"] = after
    if next_ticks is None or first_ticks < next_ticks:
        request_event(state, first_ticks, layout.FLOWS_READ, 0, 0)


def let_wait(state: State, flows: range, waits: Waits) -> State:
    """The same state, in which flows that were added last wait for each other."""
    control = state.control[0]
    first = int(control["num_followers"])
    after = first + len(waits.followers)
    state = state._replace(
        waits=_longer(state.waits, flows.stop), followers=_longer(state.followers, after)
    )
    state.followers[first:after] = waits.followers + flows.start
    rows = state.waits[flows.start : flows.stop]
    rows["followers"] = waits.followers_ptr[:-1] + first
    rows["num_followers"] = np.diff(waits.followers_ptr)
    rows["num_open"], rows["lag_ns"], rows["ready_ns"] = (
        waits.num_open,
        waits.lag_ns,
        waits.ready_ns,
    )
    rows["first"], rows["waits"] = flows.start, True
    rows["num_left"][0] = len(flows)
    control["num_followers"] = after
    return state


def times_ns(state: State, rows: slice) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """When flows that have finished started and finished."""
    ticks_per_ns, flows = int(state.config["ticks_per_ns"][0]), state.flows[rows]
    start_ticks = flows["start_ticks"]
    fct_ticks = flows["finish_ticks"] - start_ticks
    start_ns = start_ticks // ticks_per_ns
    return start_ns, start_ns + (fct_ticks + ticks_per_ns // 2) // ticks_per_ns


def set_routes(
    state: State, rows: NDArray[np.int64], routes: Routes, paths: Paths | None = None
) -> tuple[State, NDArray[np.integer]]:
    """The same state with other routes for some flows; packets on their way keep theirs.

    Args:
        state (State): Of a run; at rest.
        rows (numpy.ndarray): The flows' rows.
        routes (Routes): Of these flows.
        paths (Paths, optional): Of these flows, where they are spread over paths.

    Returns:
        tuple: That state, and the NICs that flows have moved to: whoever runs it wakes them.
    """
    state, positions = _with_ways(state, routes, paths)
    for name, position in positions.items():
        state.flows[name][rows] = position
    state.flows["num_links"][rows] = np.diff(routes.data_ptr)
    if paths is not None:
        state.sprays["num_paths"][rows], state.sprays["path"][rows] = paths.count, paths.first
    return _move_to_nics(state, rows, state.links["src"][routes.data_links[routes.data_ptr[:-1]]])


def _move_to_nics(
    state: State, rows: NDArray[np.int64], nics: NDArray[np.integer]
) -> tuple[State, NDArray[np.integer]]:
    """Moves flows to the lists of other NICs, behind those that are there."""
    moved = state.flows["src"][rows] != nics
    rows, nics = rows[moved], nics[moved]
    started = np.isin(rows, state.start_order[: int(state.control["num_started"][0])])
    old = state.flows["src"][rows]
    for nic in np.unique(old):
        _take_out(state, nic, rows[old == nic])
    state.flows["src"][rows] = nics
    state = _reserve_at_nics(state, nics)
    nodes = state.nodes
    for nic in np.unique(nics):
        node, new = nodes[nic], rows[(nics == nic) & started]
        end = node["flows_start"] + node["num_flows"]
        state.host_flows[end : end + len(new)] = new
        node["num_flows"] += len(new)
    return state, np.unique(nics)


def _take_out(state: State, nic: int, rows: NDArray[np.int64]) -> None:
    """Takes flows off the list of a NIC, those that have not started, too."""
    node = state.nodes[nic]
    first, count = int(node["flows_start"]), int(node["num_flows"])
    listed = state.host_flows[first : first + count]
    kept = listed[~np.isin(listed, rows)]
    state.host_flows[first : first + len(kept)] = kept
    node["num_flows"] = len(kept)
    node["flows_reserved"] -= len(rows)


def _with_room(state: State, num_flows: int) -> State:
    return state._replace(
        flows=_longer(state.flows, num_flows),
        congestion=_longer(state.congestion, num_flows),
        retries=_longer(state.retries, num_flows),
        start_order=_longer(state.start_order, num_flows),
        timers=_longer(state.timers, num_flows),
    )


def _longer(array: np.ndarray, length: int) -> np.ndarray:
    if length <= len(array):
        return array
    longer = zeros((max(length, 2 * len(array)), *array.shape[1:]), array.dtype)
    longer[: len(array)] = array
    return longer


def _fill_rows(state: State, first: int, after: int, flows: NewFlows) -> None:
    config = state.config[0]
    rows = state.flows[first:after]
    rows["size_bytes"] = flows.size_bytes
    uplinks = state.links[flows.routes.data_links[flows.routes.data_ptr[:-1]]]
    rows["src"] = uplinks["src"]
    rows["num_links"] = np.diff(flows.routes.data_ptr)
    rows["finish_ticks"] = NONE
    rows["nack_seq"] = NONE
    rows["rate_bps"] = rows["line_rate_bps"] = uplinks["rate_bps"]
    rows["full_pace_ticks"] = uplinks["full_tx_ticks"]
    rows["window_bytes"] = config["window_bytes"]
    if flows.window_bytes is not None:
        rows["window_bytes"] = rows["full_window_bytes"] = flows.window_bytes


def _ticks(start_ns: NDArray[np.int64], ticks_per_ns: int) -> NDArray[np.int64]:
    latest_ns = int(start_ns.max())
    if latest_ns > MAX_TICKS // ticks_per_ns:
        raise WorkloadError(
            f"start_ns: expected at most {MAX_TICKS // ticks_per_ns}, "
            f"the last moment that network.tick can count to (got {latest_ns})"
        )
    return start_ns * ticks_per_ns


def _with_ways(
    state: State, routes: Routes, paths: Paths | None
) -> tuple[State, dict[str, NDArray[np.int64]]]:
    """Adds the links of flows' routes, or of their paths; gives where those of each flow begin."""
    data = routes.data_ptr[:-1], routes.data_links
    if paths is not None:
        data = paths.start, paths.links
    positions = {}
    for name, (start, links) in {
        "data_position": data,
        "ack_position": (routes.ack_ptr[:-1], routes.ack_links),
    }.items():
        used = int(state.control["num_route_links"][0])
        after = used + len(links)
        state = state._replace(route_links=_longer(state.route_links, after))
        state.route_links[used:after] = links
        state.control["num_route_links"] = after
        positions[name] = used + start
    return state, positions


def _append_sprays(state: State, first: int, after: int, new: NewSprays) -> State:
    packets = -(-state.flows["size_bytes"][first:after] // state.config["payload_bytes"][0])
    words = -(-packets // layout.WORD_BITS)
    used = int(state.control["packet_words"][0])
    state.control["packet_words"] += words.sum()
    state = state._replace(
        sprays=_longer(state.sprays, after),
        packet_bits=_longer(state.packet_bits, used + int(words.sum())),
    )
    rows = state.sprays[first:after]
    rows["random"] = new.random
    rows["last_ticks"] = NONE
    rows["first_word"] = used + np.cumsum(words) - words
    rows["num_paths"], rows["path"] = new.paths.count, new.paths.first
    return state


def _reserve_at_nics(state: State, nics: NDArray[np.integer]) -> State:
    """Makes room in the NICs' lists of flows; a list that is too short moves to the end."""
    nodes = state.nodes
    hosts, more = np.unique(nics, return_counts=True)
    nodes["flows_reserved"][hosts] += more.astype(np.int32)
    short = hosts[nodes["flows_reserved"][hosts] > nodes["flows_room"][hosts]]
    if len(short) == 0:
        return state
    room = np.maximum(nodes["flows_reserved"][short], 2 * nodes["flows_room"][short])
    used = int(state.control["host_flows_used"][0])
    starts = used + np.concatenate(([0], np.cumsum(room)))
    host_flows = _longer(state.host_flows, int(starts[-1]))
    for host, start in zip(short, starts, strict=False):
        node = nodes[host]
        old = slice(node["flows_start"], node["flows_start"] + node["num_flows"])
        host_flows[start : start + node["num_flows"]] = host_flows[old]
    nodes["flows_start"][short] = starts[:-1]
    nodes["flows_room"][short] = room
    state.control["host_flows_used"] = starts[-1]
    return state._replace(host_flows=host_flows)
