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
    "log_prior",  # of the slowdown
    "log_most_flows",  # on any link of the route
    "backlog_delay",  # of bursts still queued along the route, in ideal FCTs, log
    "standing_delay",  # of windows that do not fit the pipe, in ideal FCTs, log
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
    "log_standing",  # bytes of open windows, in windows
    "log_gap",  # since the link's state was updated, in packet times
)
