"""Event streams: the order in which the flows of a network arrive and depart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from m4graph.core.calls import plain_call
from m4graph.runs.flow_network import FlowNetwork
from m4graph.runs.labelled_run import LabelledRun

ARRIVAL, DEPARTURE = 0, 1

EVENT_RECORD = np.dtype([("time_ns", "i8"), ("flow", "i4"), ("kind", "i4")], align=True)


@plain_call
def event_stream(network: FlowNetwork, fct_ns: NDArray[np.int64]) -> NDArray[np.void]:
    """The events of a network in which each flow takes a given time.

    Departures come before arrivals of the same nanosecond, flows of one kind by number. A flow with
    a negative time never departs.

    Shapes:
        - ``fct_ns`` ``[num_flows]``; the result ``[num_events]``, records of ``EVENT_RECORD``
    """
    flow = np.arange(network.num_flows, dtype=np.int32)
    leaves = fct_ns >= 0
    events = np.zeros(len(flow) + int(leaves.sum()), EVENT_RECORD)
    events["time_ns"] = np.concatenate((network.start_ns, (network.start_ns + fct_ns)[leaves]))
    events["flow"] = np.concatenate((flow, flow[leaves]))
    events["kind"] = np.repeat([ARRIVAL, DEPARTURE], [len(flow), int(leaves.sum())])
    order = np.lexsort((events["flow"], -events["kind"], events["time_ns"]))
    return events[order]


@plain_call
def true_stream(run: LabelledRun) -> NDArray[np.void]:
    """The events of a labelled run, in the order in which they happened."""
    events = np.zeros(run.num_events, EVENT_RECORD)
    events["time_ns"] = run.event_time_ns
    events["flow"] = run.event_flow
    events["kind"] = run.event_kind
    return events
