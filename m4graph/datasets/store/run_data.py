"""A labelled run as one graph of PyTorch Geometric."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch_geometric.data import HeteroData

from m4graph.core.calls import plain_call
from m4graph.graph.schema import CROSSED_BY, CROSSES, FLOW, LINK
from m4graph.runs.labelled_run import LabelledRun
from m4graph.runs.settings import setting_values

_COUNTED_BY_FLOWS = ("event_flow", "flow_label_flow")
_COUNTED_BY_LINKS = ("link_label_link",)
_COUNTED_BY_EVENTS = ("flow_label_event", "link_label_event")


class RunData(HeteroData):  # type: ignore[misc]
    r"""All flows, links and events of one labelled run; :func:`to_run_data` makes it.

    Several of them make a batch (:class:`torch_geometric.loader.DataLoader`): flows, links and
    events are numbered through, and ``event_batch`` tells whose an event is.

    .. list-table::
        :header-rows: 1

        * - Field
          - Type and size
          - Meaning
        * - ``["flow"].size_bytes, start_ns, ideal_fct_ns``
          - int64 ``[num_flows]``
          - What is known before the run.
        * - ``["flow"].fct_ns``
          - int64 ``[num_flows]``
          - True completion time; -1: did not finish.
        * - ``["flow"].y``
          - float32 ``[num_flows]``
          - True slowdown; nan: did not finish.
        * - ``["flow"].finished``
          - bool ``[num_flows]``
          - Whether it finished.
        * - ``["link"].rate_bps, delay_ns``
          - int64 ``[num_links]``
          - Of each directed link.
        * - ``["link"].kind``
          - int8 ``[num_links]``
          - Bit 0: leaves a host, bit 1: enters a host.
        * - ``["flow", "crosses", "link"].edge_index``, and ``["link", "rev_crosses", "flow"]``
          - int64 ``[2, num_hops]``
          - Routes, flow by flow, hop by hop.
        * - ``["flow", "crosses", "link"].hop``, and of the reverse
          - int64 ``[num_hops]``
          - Index of the link on the route, from 0.
        * - ``event_time_ns``, ``event_flow``, ``event_kind``
          - int64, int64, int8 ``[num_events]``
          - Arrivals (0) and departures (1), as they happened.
        * - ``event_batch``
          - int64 ``[num_events]``
          - Number of the run in a batch.
        * - ``flow_label_event``, ``flow_label_flow``, ``remaining_bytes``
          - int64 ``[num_flow_labels]``
          - At this event, this flow had so many bytes not yet at the receiver: all active flows
            that share a link with the event's.
        * - ``link_label_event``, ``link_label_link``, ``queue_bytes``
          - int64 ``[num_link_labels]``
          - At this event, so many bytes waited for this link: the route of the event's flow.
        * - ``configuration``
          - float32 ``[1, num_configuration]``
          - Of network and algorithm, as in :mod:`m4graph.runs.settings`.
        * - ``window_bytes``, ``payload_bytes``
          - int64 ``[1]``
          - First window (0: none) and payload of a full packet.
    """

    def __inc__(self, key: str, value: Any, *args: Any, **kwargs: Any) -> Any:
        """What is added to the numbers of the next run in a batch."""
        if key in _COUNTED_BY_FLOWS:
            return self[FLOW].num_nodes
        if key in _COUNTED_BY_LINKS:
            return self[LINK].num_nodes
        if key in _COUNTED_BY_EVENTS:
            return len(self.event_time_ns)
        if key == "event_batch":
            return 1
        return super().__inc__(key, value, *args, **kwargs)


@plain_call
def to_run_data(run: LabelledRun) -> RunData:
    """Makes the graph of a run.

    Args:
        run (LabelledRun): The run.
    """
    data = RunData()
    _add_flows(data, run)
    _add_links(data, run)
    _add_events(data, run)
    settings = setting_values(run.network.configuration)
    data.configuration = _tensor(np.array(list(settings.values())))[None]
    data.window_bytes = _tensor(run.network.window_bytes)
    data.payload_bytes = _tensor(run.network.payload_bytes)
    return data


def _add_flows(data: RunData, run: LabelledRun) -> None:
    network, finished = run.network, run.fct_ns >= 0
    flow = data[FLOW]
    flow.num_nodes = network.num_flows
    flow.size_bytes = _tensor(network.size_bytes)
    flow.start_ns = _tensor(network.start_ns)
    flow.ideal_fct_ns = _tensor(network.ideal_fct_ns)
    flow.fct_ns = _tensor(run.fct_ns)
    slowdown = np.where(finished, run.fct_ns / network.ideal_fct_ns, np.nan)
    flow.y = _tensor(slowdown.astype(np.float32))
    flow.finished = _tensor(finished)


def _add_links(data: RunData, run: LabelledRun) -> None:
    network = run.network
    link = data[LINK]
    link.num_nodes = network.num_links
    link.rate_bps = _tensor(network.link_rate_bps)
    link.delay_ns = _tensor(network.link_delay_ns)
    link.kind = _tensor(network.link_kind)
    flows, hops = _rows(network.route_ptr)
    edges = np.stack((flows, network.route_links.astype(np.int64)))
    for edge_type, index in ((CROSSES, edges), (CROSSED_BY, edges[::-1])):
        data[edge_type].edge_index = _tensor(index)
        data[edge_type].hop = _tensor(hops)


def _add_events(data: RunData, run: LabelledRun) -> None:
    data.event_time_ns = _tensor(run.event_time_ns)
    data.event_flow = _tensor(run.event_flow.astype(np.int64))
    data.event_kind = _tensor(run.event_kind)
    data.event_batch = torch.zeros(run.num_events, dtype=torch.int64)
    data.flow_label_event = _tensor(_rows(run.label_flow_ptr)[0])
    data.flow_label_flow = _tensor(run.label_flows.astype(np.int64))
    data.remaining_bytes = _tensor(run.remaining_bytes)
    events, hops = _rows(run.label_link_ptr)
    first_hops = run.network.route_ptr[run.event_flow]
    data.link_label_event = _tensor(events)
    data.link_label_link = _tensor(
        run.network.route_links[first_hops[events] + hops].astype(np.int64)
    )
    data.queue_bytes = _tensor(run.queue_bytes)


def _rows(ptr: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The row of each entry of a CSR table, and the entry's index in its row."""
    counts = np.diff(ptr)
    rows = np.repeat(np.arange(len(counts)), counts)
    return rows, np.arange(ptr[-1]) - ptr[rows]


def _tensor(array: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.array(array))
