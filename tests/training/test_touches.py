"""Touches of flows, followed without labels, against the labels of the packet simulator."""

from __future__ import annotations

import numpy as np

from m4graph.runs import LabelledRun
from m4graph.training.touches import touches


def test_touches_are_those_of_the_labels(runs: list[LabelledRun]) -> None:
    for run in runs:
        found = touches(run)
        labels = np.bincount(run.label_flows, minlength=run.network.num_flows)
        assert found.number.tolist() == labels.tolist()
        assert labels.max() > 3
        last_ns = run.network.start_ns.copy()
        times_ns = np.repeat(run.event_time_ns, np.diff(run.label_flow_ptr))
        np.maximum.at(last_ns, run.label_flows, times_ns)
        assert found.last_ns.tolist() == last_ns.tolist()
