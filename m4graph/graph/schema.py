"""Names of the dynamic heterograph: node types, edge types, and what each feature column means.

A checkpoint records :data:`SCHEMA_VERSION`; it changes whenever a column changes its meaning.
"""

from __future__ import annotations

from m4graph.graph.configuration import NAMES as CONFIGURATION_FEATURES

SCHEMA_VERSION = 1

FLOW, LINK = "flow", "link"
CROSSES = (FLOW, "crosses", LINK)
CROSSED_BY = (LINK, "rev_crosses", FLOW)

ARRIVAL, DEPARTURE = 0, 1

FLOW_FEATURES = (
    "is_event_flow",
    "event_is_arrival",
    "log_size",  # packets
    "log_ideal",  # in packet times
    "num_links",
    "first_window",  # share of the flow that its first window holds
    "log_pipe_windows",  # what an idle round trip holds, in windows
    "log_elapsed",  # in ideal FCTs
    "remaining",  # fluid, share of the flow
    "log_remaining",  # fluid, packets
    "last_window",  # share of the window that the remaining bytes fill
    "log_share",  # the slowest link of the route over the fair rate
    "log_prior",  # physical estimate of the slowdown, see tracker.py
    "log_fluid",  # the slowdown if all goes on at the fair rate
    "log_burst",  # the slowdown if what is left passes the queues as one burst
    "backlog_delay",  # of bursts still queued along the route, in ideal FCTs, log
    "queue_delay",  # of the standing queues along the route, in ideal FCTs, log
    "log_flows_first",  # on the host's own link
    "log_flows_last",  # on the receiver's link
    *(f"configuration_{name}" for name in CONFIGURATION_FEATURES),
)
LINK_FEATURES = (
    "log_rate",  # over the slowest NIC
    "log_delay",  # in packet times
    "leaves_host",
    "enters_host",
    "on_event_route",
    "event_is_arrival",
    "log_flows",
    "utilisation",  # by fair rates
    "log_backlog",  # bytes of bursts still queued, in windows
    "log_limited",  # flows that this link limits
    "log_open",  # bytes of their open windows, in windows
    "queue",  # of the standing queue, in marking thresholds
    "log_gap",  # since the link's state was updated, in packet times
)
