"""The graphs of all events of a run, read one by one from what changes and what stays the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch_geometric.data import HeteroData

from m4graph.core.array_checks import Checker
from m4graph.core.errors import InputError
from m4graph.graph.schema import (
    CROSSED_BY,
    CROSSES,
    EDGE_FEATURES,
    FLOW,
    FLOW_FEATURES,
    LINK,
    LINK_FEATURES,
)

Arrays = dict[str, NDArray[Any]]

RUN_COLUMNS = [i for i, name in enumerate(FLOW_FEATURES) if name.startswith("configuration_")]
"""Features of flows that are the same in a whole run."""
STATIC_COLUMNS = [
    LINK_FEATURES.index(name)
    for name in (
        "log_rate",
        "log_delay",
        "leaves_host",
        "enters_host",
        "log_pool",
        "log_pool_packets",
    )
]
"""Features of a link that are the same in a whole run."""
FLOW_COLUMNS = sorted({*range(len(FLOW_FEATURES))} - {*RUN_COLUMNS})
LINK_COLUMNS = sorted({*range(len(LINK_FEATURES))} - {*STATIC_COLUMNS})
_OF_FLOWS = ("y", "fluid_y", "ideal_fct_ns", "size_bytes")
_GAP = LINK_FEATURES.index("log_gap")
_EIGHTHS = 8.0
"""Unit of :data:`EDGE_FEATURES`, as in the tracker."""


def check_snapshots(arrays: Arrays) -> None:
    """Checks that pointers and ids lie inside of what they point to; features are not looked at.

    Args:
        arrays (dict): As :meth:`SnapshotForm.pack` gave them.

    Raises:
        InputError: For the first array that is wrong.
    """
    check = Checker("processed events")
    num_events, num_flows = len(arrays["event_time_ns"]), len(arrays["size_bytes"])
    num_links = len(arrays["link_static"])
    for name, dtype in (("event_kind", "i4"), ("event_flow", "i4"), ("num_updated", "i4")):
        check.array(name, arrays[name], dtype, num_events)
    for name in _OF_FLOWS:
        check.array(name, arrays[name], arrays[name].dtype.str, num_flows)
    check.values("event_flow", arrays["event_flow"], 0, num_flows - 1)
    check.pointers("route_ptr", arrays["route_ptr"], num_flows, len(arrays["route_links"]))
    check.values("route_links", arrays["route_links"], 0, num_links - 1)
    for ptr, ids, most in (("flow_ptr", "flow_id", num_flows), ("link_ptr", "link_id", num_links)):
        check.array(ids, arrays[ids], "i4", len(arrays[ids]))
        check.pointers(ptr, arrays[ptr], num_events, len(arrays[ids]))
        check.values(ids, arrays[ids], 0, most - 1)
    _check_tables(check, arrays)


def _check_tables(check: Checker, arrays: Arrays) -> None:
    num_touched, num_read = len(arrays["flow_id"]), len(arrays["link_id"])
    check.array("flow_gap", arrays["flow_gap"], "f4", num_touched)
    for name, shape in (
        ("flow_x", (num_touched, len(FLOW_COLUMNS))),
        ("configuration", (1, len(RUN_COLUMNS))),
        ("link_x", (num_read, len(LINK_COLUMNS))),
        ("link_static", (len(arrays["link_static"]), len(STATIC_COLUMNS))),
    ):
        if arrays[name].shape != shape or arrays[name].dtype != np.float32:
            check.refuse(name, f"float32 {[*shape]}", f"{arrays[name].dtype} {arrays[name].shape}")
    if "remaining_bytes" in arrays:
        check.array("remaining_bytes", arrays["remaining_bytes"], "f4", num_touched)
        num_queues, num_events = len(arrays["queue_bytes"]), len(arrays["event_time_ns"])
        check.pointers("queue_ptr", arrays["queue_ptr"], num_events, num_queues)
        links = np.diff(arrays["link_ptr"])
        check.rule("queue_ptr", np.diff(arrays["queue_ptr"]) <= links, "no more than link_ptr")


class StoredSnapshots:
    """The graphs of a run's events.

    Args:
        arrays (dict): As :meth:`SnapshotForm.pack` gave them.
    """

    def __init__(self, arrays: Arrays) -> None:
        check_snapshots(arrays)
        self._arrays = arrays
        self._num_links = len(arrays["link_static"])

    def __getitem__(self, index: int) -> HeteroData:
        data, arrays = HeteroData(), self._arrays
        flows = slice(*arrays["flow_ptr"][index : index + 2])
        links = slice(*arrays["link_ptr"][index : index + 2])
        flow_id = arrays["flow_id"][flows].astype(np.int64)
        link_id = arrays["link_id"][links].astype(np.int64)
        num_updated = int(arrays["num_updated"][index])
        self._add_flows(data[FLOW], flow_id, flows)
        self._add_links(data[LINK], link_id, links, num_updated)
        self._add_edges(data, flow_id, link_id, num_updated)
        data.event_time_ns = int(arrays["event_time_ns"][index])
        data.event_kind = int(arrays["event_kind"][index])
        data.event_flow = int(arrays["event_flow"][index])
        data.at_event = index
        self._add_labels(data, flow_id, flows, index)
        return data

    def _add_flows(self, flow: Any, flow_id: NDArray[np.int64], rows: slice) -> None:
        x = np.empty((len(flow_id), len(FLOW_FEATURES)), np.float32)
        x[:, FLOW_COLUMNS] = self._arrays["flow_x"][rows]
        x[:, RUN_COLUMNS] = self._arrays["configuration"]
        flow.x = torch.from_numpy(x)
        flow.gap = torch.from_numpy(self._arrays["flow_gap"][rows].copy())
        flow.n_id = torch.from_numpy(flow_id)
        flow.flow_id = flow.n_id.clone()

    def _add_links(
        self, link: Any, link_id: NDArray[np.int64], rows: slice, num_updated: int
    ) -> None:
        x = np.empty((len(link_id), len(LINK_FEATURES)), np.float32)
        x[:, LINK_COLUMNS] = self._arrays["link_x"][rows]
        x[:, STATIC_COLUMNS] = self._arrays["link_static"][link_id]
        link.x = torch.from_numpy(x)
        link.gap = link.x[:, _GAP].clone()
        link.n_id = torch.from_numpy(link_id)
        link.touched = torch.arange(len(link_id)) < num_updated

    def _add_edges(
        self,
        data: HeteroData,
        flow_id: NDArray[np.int64],
        link_id: NDArray[np.int64],
        num_updated: int,
    ) -> None:
        """Lists the routes of the flows, hop by hop, flow by flow."""
        ptr = self._arrays["route_ptr"]
        first, length = ptr[flow_id], ptr[flow_id + 1] - ptr[flow_id]
        flow_row = np.repeat(np.arange(len(flow_id)), length)
        hop = np.arange(len(flow_row)) - np.repeat(np.cumsum(length) - length, length)
        row_of_link = np.full(self._num_links, -1)
        row_of_link[link_id] = np.arange(len(link_id))
        link_row = row_of_link[self._arrays["route_links"][first[flow_row] + hop]]
        if (link_row < 0).any():
            raise InputError("link_id: expected the links of all flows of an event (got fewer)")
        x = np.empty((len(hop), len(EDGE_FEATURES)), np.float32)
        x[:, 0] = hop / _EIGHTHS
        x[:, 1] = (length[flow_row] - 1 - hop) / _EIGHTHS
        onto_updated = link_row < num_updated
        crosses, crossed_by = data[CROSSES], data[CROSSED_BY]
        crosses.edge_index = torch.from_numpy(np.stack((flow_row, link_row))[:, onto_updated])
        crosses.edge_attr = torch.from_numpy(x[onto_updated])
        crossed_by.edge_index = torch.from_numpy(np.stack((link_row, flow_row)))
        crossed_by.edge_attr = torch.from_numpy(x)
        touched = np.zeros(len(flow_id), np.bool_)
        touched[flow_row[onto_updated]] = True
        data[FLOW].touched = torch.from_numpy(touched)

    def _add_labels(
        self, data: HeteroData, flow_id: NDArray[np.int64], rows: slice, index: int
    ) -> None:
        arrays, flow, link = self._arrays, data[FLOW], data[LINK]
        for name in _OF_FLOWS:
            flow[name] = torch.from_numpy(arrays[name][flow_id])
        if "remaining_bytes" in arrays:
            flow.remaining_bytes = torch.from_numpy(arrays["remaining_bytes"][rows].copy())
            queue_bytes = np.full(len(link.n_id), np.nan, np.float32)
            start, end = arrays["queue_ptr"][index : index + 2]
            queue_bytes[: end - start] = arrays["queue_bytes"][start:end]
            link.queue_bytes = torch.from_numpy(queue_bytes)
