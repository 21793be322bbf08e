"""The labels of a run as plain arrays, and the watcher that collects them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from m4graph.core.calls import plain_call
from m4graph.simulators.packet import layout
from m4graph.simulators.packet.driver import PacketRun, Watcher

_FIRST_ROWS = 1 << 12
_FLOWS_OF_EVENT = 16


@plain_call
@dataclass(frozen=True, eq=False)
class EventLabels:
    """What the network looked like at each flow arrival and departure, in the order of the events.

    Flows are rows of the workload. The flows concerned at event ``i`` are
    ``flows[flow_ptr[i]:flow_ptr[i + 1]]``: all active ones that share a link with the event's flow,
    itself included at its arrival, excluded at its departure. The links concerned are the event's
    flow's route, in order.

    Shapes:
        - ``time_ns`` int64, ``flow`` int32, ``kind`` int8 (0 arrival, 1 departure) ``[num_events]``
        - ``flow_ptr``, ``link_ptr`` int64 ``[num_events + 1]``
        - ``flows`` int32, ``remaining_bytes`` int64 ``[flow_ptr[-1]]``: not yet at the receiver
        - ``queue_bytes`` int64 ``[link_ptr[-1]]``: waiting, the packet on the wire excluded
    """

    time_ns: NDArray[np.int64]
    flow: NDArray[np.int32]
    kind: NDArray[np.int8]
    flow_ptr: NDArray[np.int64]
    flows: NDArray[np.int32]
    remaining_bytes: NDArray[np.int64]
    link_ptr: NDArray[np.int64]
    queue_bytes: NDArray[np.int64]

    @property
    def num_events(self) -> int:
        """Flow arrivals and departures."""
        return len(self.time_ns)


class Labels(Watcher):
    """A :class:`Watcher` that takes over what the loop notes at each arrival and departure."""

    def begin(self, run: PacketRun) -> None:
        """Lays out the lists of active flows, and buffers that hold at least one event."""
        self._parts: list[EventLabels] = []
        state, routes = run.state, run.scenario.routes
        link_load = np.bincount(routes.data_links, minlength=len(state.links))
        longest_route = int(np.max(np.diff(routes.data_ptr), initial=1))
        # An event concerns every flow at most.
        num_touched = max(_FIRST_ROWS * _FLOWS_OF_EVENT, 2 * run.scenario.workload.num_flows)
        state.links["active_start"] = np.concatenate(([0], np.cumsum(link_load)[:-1]))
        state.config["record_labels"] = True
        state.config["longest_route"] = longest_route
        run.state = state._replace(
            link_flows=np.zeros(len(routes.data_links), np.int32),
            label_events=np.zeros(_FIRST_ROWS, layout.LABEL_EVENT),
            label_flows=np.zeros(num_touched, np.int32),
            label_remaining_bytes=np.zeros(num_touched, np.int64),
            label_queue_bytes=np.zeros(_FIRST_ROWS * longest_route, np.int64),
        )

    def drain(self, run: PacketRun) -> None:
        """Takes the labels out of the buffers."""
        state, control = run.state, run.state.control[0]
        events = state.label_events[: control["label_events"]]
        num_flows, num_links = control["label_flows"], control["label_links"]
        self._parts.append(
            EventLabels(
                time_ns=events["time_ticks"] // state.config["ticks_per_ns"][0],
                flow=events["flow"].copy(),
                kind=events["kind"].astype(np.int8),
                flow_ptr=np.concatenate(([0], events["flow_end"])),
                flows=state.label_flows[:num_flows].copy(),
                remaining_bytes=state.label_remaining_bytes[:num_flows].copy(),
                link_ptr=np.concatenate(([0], events["link_end"])),
                queue_bytes=state.label_queue_bytes[:num_links].copy(),
            )
        )
        for name in ("label_events", "label_flows", "label_links"):
            state.control[name] = 0

    def finish(self, run: PacketRun) -> dict[str, Any]:
        """Gives all labels of the run."""
        self.drain(run)
        return {"labels": _join(self._parts)}


def _join(parts: list[EventLabels]) -> EventLabels:
    """Puts the labels of consecutive stretches of one run together."""
    joined: dict[str, NDArray[Any]] = {}
    for name in (field.name for field in fields(EventLabels)):
        arrays = [getattr(part, name) for part in parts]
        joined[name] = _join_ptr(arrays) if name.endswith("_ptr") else np.concatenate(arrays)
    return EventLabels(**joined)


def _join_ptr(pointers: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    ends = np.cumsum([0, *(pointer[-1] for pointer in pointers)])
    tails = [pointer[1:] + end for pointer, end in zip(pointers, ends, strict=False)]
    return np.concatenate(([0], *tails)).astype(np.int64)
