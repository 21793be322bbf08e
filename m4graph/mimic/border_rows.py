"""Packets that cross the borders of a pod, put together from what taps saw."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from m4graph.mimic.clusters import Pods
from m4graph.mimic.shape import AGG_DOWN, AGG_UP, CORE_DOWN, HOST_UP, RACK_DOWN, RACK_UP
from m4graph.routing import Routes
from m4graph.simulators.packet.layout import DATA, DROP, ENTER, LEAVE

EGRESS, INGRESS = 0, 1

BORDER_ROW = np.dtype(
    [
        ("enter_ticks", "i8"),
        ("middle_ticks", "i8"),  # complete at the second switch; -1: was not, or is not known
        ("exit_ticks", "i8"),  # start of the last transmission; -1: dropped
        ("flow", "i8"),  # its id
        ("wire_bytes", "i4"),
        ("host", "i2"),  # numbers inside the pod
        ("agg", "i2"),
        ("spine", "i2"),
        ("direction", "i1"),
        ("kind", "i1"),  # 0: data, 1: ACK
        ("marked_in", "b1"),
        ("marked_out", "b1"),
        ("dropped", "b1"),
    ]
)

_ENTRIES, _MIDDLES, _EXITS = (HOST_UP, CORE_DOWN), (RACK_UP, AGG_DOWN), (AGG_UP, RACK_DOWN)
"""Roles of egress and of ingress."""


class Crossing:
    """Finds the packets that cross a pod among the rows of taps."""

    def __init__(
        self, pods: Pods, pod: int, src: NDArray[np.int32], dst: NDArray[np.int32]
    ) -> None:
        self._pods = pods
        self._role = np.where(pods.link_pod == pod, pods.link_role, -1)
        self._sends = pods.host_pod[src] == pod
        self._crosses = self._sends != (pods.host_pod[dst] == pod)

    def collect(
        self, taps: NDArray[np.void], routes: Routes
    ) -> tuple[NDArray[np.void], NDArray[np.int64]]:
        """Rows of :data:`BORDER_ROW`, and what cores dropped."""
        taps = taps[taps["flow"] >= 0]
        taps = taps[self._crosses[taps["flow"]]]
        is_ingress = self._sends[taps["flow"]] != (taps["kind"] == DATA)
        role, event = self._role[taps["link"]], taps["event"]

        def at(roles: tuple[int, ...], what: np.int64) -> NDArray[np.void]:
            chosen = (event == what) & (role == np.where(is_ingress, roles[1], roles[0]))
            return np.asarray(taps[chosen])

        entered, left, passed = at(_ENTRIES, ENTER), at(_EXITS, LEAVE), at(_MIDDLES, ENTER)
        dropped = taps[(event == DROP) & (role >= 0) & (role != CORE_DOWN)]
        rows = np.zeros(len(entered), BORDER_ROW)
        rows["enter_ticks"] = entered["time_ticks"]
        rows["marked_in"] = entered["marked"]
        for name in ("flow", "wire_bytes"):
            rows[name] = entered[name]
        rows["kind"] = entered["kind"] != DATA
        rows["direction"] = self._sends[entered["flow"]] == rows["kind"]
        self._fill_ports(rows, routes)
        of_packet = _Finder(entered["packet"])
        for name in ("middle_ticks", "exit_ticks"):
            rows[name] = -1
        rows["middle_ticks"][of_packet(passed["packet"])] = passed["time_ticks"]
        rows["exit_ticks"][of_packet(left["packet"])] = left["time_ticks"]
        rows["marked_out"][of_packet(left["packet"])] = left["marked"]
        rows["dropped"][of_packet(dropped["packet"])] = True
        core_drops = taps[(event == DROP) & (role == CORE_DOWN) & is_ingress]
        places = _places(entered[rows["direction"] == INGRESS], core_drops)
        done = rows["dropped"] | (rows["exit_ticks"] >= 0)
        return rows[done], places

    def _fill_ports(self, rows: NDArray[np.void], routes: Routes) -> None:
        """Hosts, aggregation switches and spines of packets, from the routes of their flows."""
        local, shape = self._pods.link_local, self._pods.shape
        for kind, (ptr, links) in enumerate(
            ((routes.data_ptr, routes.data_links), (routes.ack_ptr, routes.ack_links))
        ):
            for direction in (EGRESS, INGRESS):
                chosen = (rows["kind"] == kind) & (rows["direction"] == direction)
                flow = rows["flow"][chosen]
                if direction == EGRESS:
                    host, uplink = links[ptr[flow]], links[ptr[flow] + 2]
                else:
                    host, uplink = links[ptr[flow + 1] - 1], links[ptr[flow + 1] - 3]
                rows["host"][chosen] = local[host]
                rows["agg"][chosen], rows["spine"][chosen] = np.divmod(local[uplink], shape.spines)


class _Finder:
    """Rows of packets, by their numbers."""

    def __init__(self, packet: NDArray[np.int64]) -> None:
        self._order = np.argsort(packet)
        self._sorted = packet[self._order]

    def __call__(self, packet: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows of packets that are all there."""
        return self._order[np.searchsorted(self._sorted, packet)]


def _places(entered: NDArray[np.void], dropped: NDArray[np.void]) -> NDArray[np.int64]:
    """Flow, kind and place of dropped packets, among those of their flow and kind."""
    both = np.concatenate([entered, dropped])
    is_dropped = np.arange(len(both)) >= len(entered)
    stream = 2 * both["flow"].astype(np.int64) + (both["kind"] != DATA)
    order = np.lexsort((both["packet"], stream))
    stream, is_dropped = stream[order], is_dropped[order]
    first = np.searchsorted(stream, stream)
    places = np.stack([stream // 2, stream % 2, np.arange(len(stream)) - first], axis=1)
    return places[is_dropped]
