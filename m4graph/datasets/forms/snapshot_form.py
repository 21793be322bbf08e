"""How the graphs of all events of a run are stored: what changes, event by event; the rest once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch_geometric.data import HeteroData

from m4graph.core.compilation import source_digest
from m4graph.core.errors import ConfigError
from m4graph.core.schema import one_of
from m4graph.datasets.forms.fluid import fluid_fct_ns
from m4graph.datasets.store.items import NUM_NODES, Tensors
from m4graph.graph.schema import (
    CROSSED_BY,
    CROSSES,
    EDGE_FEATURES,
    FLOW,
    FLOW_FEATURES,
    LINK,
    LINK_FEATURES,
)
from m4graph.graph.step import EventStep, FlowTracker
from m4graph.graph.survey import warm_up
from m4graph.runs.events import event_stream, true_stream
from m4graph.runs.labelled_run import LabelledRun

Departures = Literal["true", "fluid"]
Arrays = dict[str, NDArray[Any]]

_RUN_COLUMNS = [i for i, name in enumerate(FLOW_FEATURES) if name.startswith("configuration_")]
"""Features of flows that are the same in a whole run."""
_STATIC_COLUMNS = [
    LINK_FEATURES.index(name)
    for name in ("log_rate", "log_delay", "leaves_host", "enters_host", "log_pool")
]
"""Features of a link that are the same in a whole run."""
_FLOW_COLUMNS = sorted({*range(len(FLOW_FEATURES))} - {*_RUN_COLUMNS})
_LINK_COLUMNS = sorted({*range(len(LINK_FEATURES))} - {*_STATIC_COLUMNS})
_OF_FLOWS = ("y", "fluid_y", "ideal_fct_ns", "size_bytes")
_GAP = LINK_FEATURES.index("log_gap")
_EIGHTHS = 8.0
"""Unit of :data:`EDGE_FEATURES`, as in the tracker."""


@dataclass(frozen=True)
class SnapshotForm:
    """The graphs of a run's events.

    Args:
        departures (str): ``"true"`` or ``"fluid"``.

    Raises:
        ConfigError: If it is neither.
    """

    departures: Departures

    def __post_init__(self) -> None:
        if self.departures not in get_args(Departures):
            raise ConfigError(
                f"departures: expected {one_of(get_args(Departures))} (got {self.departures!r})"
            )

    @property
    def version(self) -> str:
        """Changes with the code of the features."""
        return f"snapshots 2 {self.departures} {source_digest('m4graph.graph.survey')}"

    def pack(self, run: LabelledRun) -> tuple[Tensors, dict[str, str]]:
        """Walks through the events of a run, and stores what each of them touches."""
        fluid_ns = fluid_fct_ns(run.network)
        if self.departures == "fluid":
            arrays = _events(run, event_stream(run.network, fluid_ns))
        else:
            arrays = _events(run, true_stream(run))
            arrays |= _labels(run, arrays)
        arrays |= _static(run, fluid_ns)
        return {name: torch.from_numpy(array) for name, array in arrays.items()}, {}

    def open(self, tensors: Tensors, metadata: Mapping[str, str]) -> StoredSnapshots:
        """Reads them."""
        return StoredSnapshots({name: tensor.numpy() for name, tensor in tensors.items()})


class StoredSnapshots:
    """The graphs of a run's events.

    Args:
        arrays (dict): As :meth:`SnapshotForm.pack` gave them.
    """

    def __init__(self, arrays: Arrays) -> None:
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
        x[:, _FLOW_COLUMNS] = self._arrays["flow_x"][rows]
        x[:, _RUN_COLUMNS] = self._arrays["configuration"]
        flow.x = torch.from_numpy(x)
        flow.gap = torch.from_numpy(self._arrays["flow_gap"][rows].copy())
        flow.n_id = torch.from_numpy(flow_id)
        flow.flow_id = flow.n_id.clone()

    def _add_links(
        self, link: Any, link_id: NDArray[np.int64], rows: slice, num_updated: int
    ) -> None:
        x = np.empty((len(link_id), len(LINK_FEATURES)), np.float32)
        x[:, _LINK_COLUMNS] = self._arrays["link_x"][rows]
        x[:, _STATIC_COLUMNS] = self._arrays["link_static"][link_id]
        link.x = torch.from_numpy(x)
        link.gap = link.x[:, _GAP].clone()
        link.n_id = torch.from_numpy(link_id)
        link.link_id = link.n_id.clone()
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
        row_of_link = np.empty(self._num_links, np.int64)
        row_of_link[link_id] = np.arange(len(link_id))
        link_row = row_of_link[self._arrays["route_links"][first[flow_row] + hop]]
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


def _static(run: LabelledRun, fluid_ns: NDArray[np.int64]) -> Arrays:
    """What holds for a whole run."""
    network = run.network
    slowdown = np.where(run.fct_ns >= 0, run.fct_ns / network.ideal_fct_ns, np.nan)
    return {
        "route_ptr": network.route_ptr,
        "route_links": network.route_links,
        "size_bytes": network.size_bytes,
        "ideal_fct_ns": network.ideal_fct_ns,
        "y": slowdown.astype(np.float32),
        "fluid_y": (fluid_ns / network.ideal_fct_ns).astype(np.float32),
    }


def _events(run: LabelledRun, events: NDArray[np.void]) -> Arrays:
    """What changes from event to event."""
    warm_up()
    tracker = FlowTracker([run.network])
    steps = [tracker.step(events[i : i + 1]) for i in range(len(events))]
    flow_x, link_x = _joined(steps, "flow_x"), _joined(steps, "link_x")
    link_id = _joined(steps, "link_ids")
    link_static = np.zeros((run.network.num_links, len(_STATIC_COLUMNS)), np.float32)
    link_static[link_id] = link_x[:, _STATIC_COLUMNS]
    num_flows = np.array([len(step.flow_ids) for step in steps], np.int64)
    num_links = np.array([len(step.link_ids) for step in steps], np.int64)
    return {
        "event_time_ns": events["time_ns"].copy(),
        "event_kind": events["kind"].copy(),
        "event_flow": events["flow"].copy(),
        "num_updated": np.array([step.num_updated for step in steps], np.int32),
        NUM_NODES: num_flows + num_links,
        "flow_ptr": _ptr(num_flows),
        "flow_id": _joined(steps, "flow_ids").astype(np.int32),
        "flow_x": flow_x[:, _FLOW_COLUMNS],
        "flow_gap": _joined(steps, "flow_gap"),
        "configuration": flow_x[:1, _RUN_COLUMNS],
        "link_ptr": _ptr(num_links),
        "link_id": link_id.astype(np.int32),
        "link_x": link_x[:, _LINK_COLUMNS],
        "link_static": link_static,
    }


def _labels(run: LabelledRun, arrays: Arrays) -> Arrays:
    """What the packet simulator says of the flows and links of each event; nan: nothing."""
    labelled = _key(run.label_flow_ptr, run.label_flows, run.network.num_flows)
    asked = _key(arrays["flow_ptr"], arrays["flow_id"], run.network.num_flows)
    order = np.argsort(labelled)
    place = np.searchsorted(labelled, asked, sorter=order)
    row = order[np.minimum(place, len(order) - 1)] if len(order) else place
    remaining_bytes = np.full(len(asked), np.nan, np.float32)
    known = place < len(order)
    known[known] = labelled[row[known]] == asked[known]
    remaining_bytes[known] = run.remaining_bytes[row[known]]
    return {
        "remaining_bytes": remaining_bytes,
        "queue_ptr": run.label_link_ptr,
        "queue_bytes": run.queue_bytes.astype(np.float32),
    }


def _key(ptr: NDArray[np.int64], flow_id: NDArray[Any], num_flows: int) -> NDArray[np.int64]:
    """One number for an event and a flow, int64 ``[ptr[-1]]``."""
    event = np.repeat(np.arange(len(ptr) - 1), np.diff(ptr))
    return np.asarray(event * num_flows + flow_id, np.int64)


def _joined(steps: list[EventStep], name: str) -> NDArray[Any]:
    return np.concatenate([getattr(step, name).numpy() for step in steps])


def _ptr(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate(([0], np.cumsum(counts)))
