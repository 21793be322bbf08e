"""Labelled runs as graphs, one for each event: stored is what an event changes, the rest once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from m4graph.core.calls import plain_call
from m4graph.core.compilation import source_digest
from m4graph.core.errors import ConfigError, one_of
from m4graph.datasets.forms.stored_snapshots import (
    FLOW_COLUMNS,
    LINK_COLUMNS,
    RUN_COLUMNS,
    STATIC_COLUMNS,
    Arrays,
    StoredSnapshots,
)
from m4graph.datasets.named import NamedDataset, Recipe
from m4graph.datasets.run_dataset import RunDataset
from m4graph.datasets.store.items import NUM_NODES, Tensors
from m4graph.graph.step import EventStep, FlowTracker
from m4graph.graph.survey import warm_up
from m4graph.runs import LabelledRun, event_stream, true_stream
from m4graph.simulators.fluid import fluid_fct_ns

Departures = Literal["true", "fluid"]


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
        code = source_digest("m4graph.graph.survey", "m4graph.simulators.fluid")
        return f"snapshots 3 {self.departures} {code}"

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


@plain_call
class SnapshotDataset(RunDataset):
    r"""The flows and links of a network just after each flow arrival and departure: one graph for
    each event of each run, as :func:`m4graph.to_hetero_data` gives it, with labels.

    Graph :math:`i` of a run is its :math:`i`-th event. A run is one file; a graph is read as a few
    slices of it, so any order is fine. Links, routes and the configuration are stored once.

    Args:
        root (str or Path): Folder of the data set, as ``m4graph generate --out`` writes it.
        recipe (str, Path, GenerateConfig or NamedDataset, optional): As of :class:`RunDataset`.
            (default: ``None``)
        departures (str): When flows leave. ``"true"``: as the packet simulator says.
            ``"fluid"``: as the fluid simulator says, so that the graphs hold nothing that a model
            could not know in use; then there are no labels of events. (default: ``"true"``)
        **arguments: As of :class:`RunDataset`; ``transform``, ``pre_transform`` and
            ``pre_filter`` take a ``HeteroData``.

    **Fields:** those of :func:`m4graph.to_hetero_data` (rows stand for ids of flows), and

    .. list-table::
        :header-rows: 1

        * - Field
          - Type and size
          - Meaning
        * - ``["flow"].y``
          - float32 ``[num_flows]``
          - True slowdown of the whole flow; nan: did not finish.
        * - ``["flow"].fluid_y``
          - float32 ``[num_flows]``
          - The fluid simulator's slowdown of the whole flow; no truth in it.
        * - ``["flow"].ideal_fct_ns, size_bytes``
          - int64 ``[num_flows]``
          - Time alone in the network; size.
        * - ``["flow"].remaining_bytes``
          - float32 ``[num_flows]``
          - Not yet at the receiver, just after the event; nan: not recorded. True departures only.
        * - ``["link"].queue_bytes``
          - float32 ``[num_links]``
          - Waiting for this link; nan but on the route of the event's flow. True departures only.

    **Split:** :meth:`split`, by scenario: never are two events of one on different sides.

    **STATS** (flows, links and edges of a graph):

    .. list-table::
        :header-rows: 1

        * - Name
          - #graphs
          - #flows
          - #links
          - #edges
          - #flow features
          - #link features
        * - sample
          - 9600
          - ~2.9
          - ~10.8
          - ~19.8
          - 52
          - 18
        * - m4graph
          - 2 400 000
          - ~3.7
          - ~12.1
          - ~25.9
          - 52
          - 18
    """

    def __init__(
        self,
        root: str | Path,
        recipe: Recipe | NamedDataset | None = None,
        *,
        departures: Departures = "true",
        **arguments: Any,
    ) -> None:
        self.form = SnapshotForm(departures)
        self.folder = f"snapshots_{departures}"
        super().__init__(root, recipe, **arguments)


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
    link_static = np.zeros((run.network.num_links, len(STATIC_COLUMNS)), np.float32)
    link_static[link_id] = link_x[:, STATIC_COLUMNS]
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
        "flow_x": flow_x[:, FLOW_COLUMNS],
        "flow_gap": _joined(steps, "flow_gap"),
        "configuration": flow_x[:1, RUN_COLUMNS],
        "link_ptr": _ptr(num_links),
        "link_id": link_id.astype(np.int32),
        "link_x": link_x[:, LINK_COLUMNS],
        "link_static": link_static,
    }


def _labels(run: LabelledRun, arrays: Arrays) -> Arrays:
    """What the packet simulator says of the flows and links of each event; nan: nothing."""
    labelled = _key(run.label_flow_ptr, run.label_flows, run.network.num_flows)
    asked = _key(arrays["flow_ptr"], arrays["flow_id"], run.network.num_flows)
    order = np.argsort(labelled)
    rank = np.searchsorted(labelled, asked, sorter=order)
    row = order[np.minimum(rank, len(order) - 1)] if len(order) else rank
    remaining_bytes = np.full(len(asked), np.nan, np.float32)
    known = rank < len(order)
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
