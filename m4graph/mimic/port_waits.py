"""What packets met at ports: how long each waited there, or that it was dropped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from m4graph.core.units import BITS_PER_BYTE, NS_PER_S
from m4graph.mimic.border_rows import INGRESS
from m4graph.mimic.boundary import BoundaryTrace
from m4graph.mimic.shape import AGG_DOWN, AGG_UP, CORE_DOWN, RACK_DOWN, RACK_UP, PodShape

PORTS_INSIDE = (RACK_UP, AGG_UP, AGG_DOWN, RACK_DOWN)
"""Roles of the ports between the borders of a pod."""

DROPPED = -1
"""The wait of a packet that found no room."""


@dataclass(frozen=True, eq=False)
class PortWaits:
    """Packets at the ports of one role, in the order of their arrival.

    Fields, all ``[num_packets]``:
        - arrive_ticks: int64, when a packet was complete at the port's switch
        - wait_ticks: int64, from then to the start of its transmission; :data:`DROPPED`
        - tx_ticks: int64, what its transmission takes
        - port, flow: int64
        - kind: int8, 0 data, 1 ACK
        - marked: bool, ECN's mark was set there
        - came_marked: bool, it had been set before, so that nothing is known of here
    """

    arrive_ticks: NDArray[np.int64]
    wait_ticks: NDArray[np.int64]
    tx_ticks: NDArray[np.int64]
    port: NDArray[np.int64]
    flow: NDArray[np.int64]
    kind: NDArray[np.int8]
    marked: NDArray[np.bool_]
    came_marked: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.arrive_ticks)

    def __getitem__(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> Self:
        """Some of the packets."""
        return type(self)(**{name: array[chosen] for name, array in vars(self).items()})

    @classmethod
    def pooled(cls, parts: Sequence[Self]) -> Self:
        """Those of ports of one role in several pods; no two pods share a port."""
        stride = max(int(part.port.max(initial=0)) for part in parts) + 1
        columns = {
            name: np.concatenate([getattr(part, name) for part in parts]) for name in vars(parts[0])
        }
        columns["port"] += np.repeat(np.arange(len(parts)) * stride, [len(part) for part in parts])
        pooled = cls(**columns)
        return pooled[np.argsort(pooled.arrive_ticks, kind="stable")]

    @property
    def dropped(self) -> NDArray[np.bool_]:
        """Which packets found no room."""
        return np.asarray(self.wait_ticks == DROPPED)


def inside(trace: BoundaryTrace, role: int) -> PortWaits:
    """What packets that crossed a pod met at its ports of one role.

    A mark is put down to the port at which the packet waited longer, as a trace does not tell.

    Args:
        trace (BoundaryTrace): With the times at which packets were complete at second switches.
        role (int): One of :data:`PORTS_INSIDE`.
    """
    is_first, is_ingress = role in (RACK_UP, AGG_DOWN), role in (AGG_DOWN, RACK_DOWN)
    rows = trace.rows[(trace.rows["direction"] == INGRESS) == is_ingress]
    shape, host = trace.shape, rows["host"].astype(np.int64)
    inner = host // shape.hosts * shape.aggs + rows["agg"]
    middle = rows["middle_ticks"]
    first_tx = transmission_ticks(trace, rows, RACK_UP)
    first_wait = middle - rows["enter_ticks"] - first_tx - shape.rack_delay_ns * trace.ticks_per_ns
    second_wait = rows["exit_ticks"] - middle
    marked_inside = rows["marked_out"] & ~rows["marked_in"]
    marked_first = marked_inside & (first_wait >= second_wait)
    if is_first:
        arrive, port, tx = rows["enter_ticks"], inner, first_tx
        wait = np.where(middle < 0, DROPPED, first_wait)
        marked, came_marked = marked_first, rows["marked_in"]
        came = np.ones(len(rows), np.bool_)
    else:
        uplink = rows["agg"].astype(np.int64) * shape.spines + rows["spine"]
        arrive, port = middle, host if is_ingress else uplink
        tx = transmission_ticks(trace, rows, role)
        wait = np.where(rows["exit_ticks"] < 0, DROPPED, second_wait)
        marked, came_marked = marked_inside & ~marked_first, rows["marked_in"] | marked_first
        came = middle >= 0
    known = (rows["flow"], rows["kind"], marked, came_marked)
    waits = PortWaits(arrive, wait, tx, port, *known)[came]
    return waits[np.argsort(waits.arrive_ticks, kind="stable")]


def role_rate_bps(shape: PodShape, role: int) -> int:
    """The rate of the links of a role."""
    if role in (AGG_UP, CORE_DOWN):
        return shape.agg_rate_bps
    return shape.rack_rate_bps if role in (RACK_UP, AGG_DOWN) else shape.host_rate_bps


def transmission_ticks(
    trace: BoundaryTrace, rows: NDArray[np.void], role: int
) -> NDArray[np.int64]:
    """What transmissions of packets take on links of a role."""
    bits = rows["wire_bytes"].astype(np.int64) * BITS_PER_BYTE
    return bits * NS_PER_S * trace.ticks_per_ns // role_rate_bps(trace.shape, role)
