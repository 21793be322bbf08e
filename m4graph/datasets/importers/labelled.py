"""Recorded times as a labelled run."""

from __future__ import annotations

import numpy as np

from m4graph.core.errors import InputError
from m4graph.runs.events import event_stream
from m4graph.runs.flow_network import FlowNetwork
from m4graph.runs.labelled_run import LabelledRun
from m4graph.scenario import Scenario


def labelled_run(scenario: Scenario) -> LabelledRun:
    """Makes a labelled run of a scenario's recorded times.

    Ideal times are m4graph's own, whatever was recorded, so that slowdowns of all runs mean the
    same. There are no labels of remaining bytes and queues: their pointers are all 0.

    Args:
        scenario (Scenario): With recorded times.

    Raises:
        InputError: If it has none, or its flows wait for each other.
    """
    if scenario.expected is None:
        raise InputError(f"scenario {scenario.name}: expected recorded times (got none)")
    network = FlowNetwork.from_scenario(scenario)
    fct_ns = scenario.expected.fct_ns.astype(np.int64)
    events = event_stream(network, fct_ns)
    no_labels = np.zeros(len(events) + 1, np.int64)
    return LabelledRun(
        network=network,
        fct_ns=fct_ns,
        event_time_ns=events["time_ns"].astype(np.int64),
        event_flow=events["flow"].astype(np.int32),
        event_kind=events["kind"].astype(np.int8),
        label_flow_ptr=no_labels,
        label_flows=np.zeros(0, np.int32),
        remaining_bytes=np.zeros(0, np.int64),
        label_link_ptr=no_labels,
        queue_bytes=np.zeros(0, np.int64),
    )
