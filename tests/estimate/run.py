"""A tracker of one network whose events come at times of one's own.

On stars of 8 Gb/s, one byte per nanosecond, so that answers can be worked out by hand.
"""

from __future__ import annotations

import numpy as np

import m4graph as m4
from m4graph.graph.advance import advance
from m4graph.graph.schema import FLOW_FEATURES
from m4graph.graph.tracker_state import NUM_FLOWS, make_tracker_state
from m4graph.runs import FlowNetwork
from m4graph.runs.events import ARRIVAL, DEPARTURE, EVENT_RECORD
from m4graph.workload import Workload

PACKET, DELAY_NS, LONG = 1048, 1000, 10_000_000
# Data and ACK over two links, each with its delay there and back.
TRIP_NS = 2 * (2 * DELAY_NS + PACKET + 60)
UNMARKED = {"ecn": {"kmin_bytes": 10**8, "kmax_bytes": 10**8}}


def scenario_of(network, flows, control, config=None):
    """Flows ``(src, dst, size_bytes)`` that all start at 0."""
    src, dst, size_bytes = np.array(flows).T
    zeros = np.zeros(len(flows), np.int64)
    workload = Workload.from_arrays(np.arange(len(flows)), src, dst, size_bytes, zeros)
    return m4.Scenario(network, workload, control, config=config or UNMARKED)


def star(delays_ns=(DELAY_NS,) * 6):
    """Hosts around one switch, each at its own distance."""
    network = m4.topology.star(num_hosts=len(delays_ns), gbps=8, delay_ns=DELAY_NS)
    for host, delay_ns in enumerate(delays_ns):
        network.edges[host, len(delays_ns)]["delay_ns"] = delay_ns
    return network


class Run:
    """A tracker's state, and events of one network at times of one's own."""

    def __init__(self, scenario):
        network = FlowNetwork.from_scenario(scenario)
        self.arrays = scenario.arrays
        self.configuration = network.configuration
        self.tracker = make_tracker_state([network])
        self.state = self.tracker.estimate
        self.pool_bytes = network.node_pool_bytes

    def arrive(self, flow, time_ns=0):
        self.state.flows["start_ns"][flow] = time_ns
        advance(self.tracker, np.array([(time_ns, flow, ARRIVAL)], EVENT_RECORD))

    def depart(self, flow, time_ns):
        advance(self.tracker, np.array([(time_ns, flow, DEPARTURE)], EVENT_RECORD))

    def into(self, host):
        """The record of the link to a host."""
        return self.state.links[self.arrays.host_downlink[host]]

    def feature(self, flow, name):
        """A feature of a flow that the last event has touched."""
        row = self.tracker.flow_ids[: self.tracker.counts[NUM_FLOWS]].tolist().index(flow)
        return float(self.tracker.flow_x[row, FLOW_FEATURES.index(name)])


def long_flows(count, window_bytes, kind="dctcp", config=None, delays_ns=(DELAY_NS,) * 6, **fields):
    """A run of so many long flows into the last host, each from a host of its own."""
    flows = [(src, len(delays_ns) - 1, LONG) for src in range(count)]
    control = {"kind": kind, "init_window_bytes": window_bytes, **fields}
    return Run(scenario_of(star(delays_ns), flows, control, config))
