"""Names of the dynamic heterograph: node types, edge types, and what each feature column means.

A checkpoint records :data:`SCHEMA_VERSION`; it changes whenever a column changes its meaning, or
further ones follow.
"""

from __future__ import annotations

from m4graph.core.arrays import columns_by_name
from m4graph.runs.settings import FEATURE_NAMES as CONFIGURATION_FEATURES

SCHEMA_VERSION = 3

OLDEST_SCHEMA_VERSION = 2
"""From here on, the features of a schema are the first ones of the next."""

FLOW, LINK = "flow", "link"
CROSSES = (FLOW, "crosses", LINK)
CROSSED_BY = (LINK, "rev_crosses", FLOW)

SCOPES = ("hop", "component")
"""How far an event reaches: the flows that share a link with its flow, or all that are joined."""

FLOW_FEATURES = (
    "is_event_flow",
    "event_is_arrival",
    "log_size",  # packets
    "log_ideal",  # in packet times
    "num_links",
    "is_burst",  # it fits into one window
    "log_windows",  # that it takes
    "log_pipe_windows",  # what an idle round trip holds, in windows
    "log_elapsed",  # in ideal FCTs
    "remaining",  # estimate, fraction of the flow
    "log_remaining",  # packets
    "windows_left",  # 1 at most
    "log_share",  # the slowest link of the route over the estimated sending rate
    "log_pace",  # the same over what congestion control allows
    "log_prior",  # physical estimate of the slowdown, see m4graph/estimate/outlook.py
    "log_now",  # the slowdown if it finished now
    "log_steady",  # the slowdown if all goes on as now
    "log_wait",  # along the route now, in ideal FCTs
    "wait_trips",  # the same in idle round trips, log
    "log_longest_wait",  # at one link, in idle round trips
    "burst_wait",  # of bursts still queued along the route, in ideal FCTs, log
    "log_mean_wait",  # since the start, in idle round trips
    "marking",  # fraction of its packets that are marked
    "log_flows_first",  # on the host's own link
    "log_flows_last",  # on the receiver's link
    "most_used",  # utilisation of the busiest link of the route
    "pool_used",  # of the fullest switch on the route
    "log_burst_wait",  # of its first window behind other bursts, at its arrival, in ideal FCTs
    "log_first_wait",  # in the standing queues, at its arrival, in ideal FCTs
    "log_nic_wait",  # now, in idle round trips
    "log_back_wait",  # of ACKs on the last link back, now, in idle round trips
    "log_rest",  # where the wait along the route comes to rest, in idle round trips
    "log_fluid",  # the slowdown if it goes on at the max-min fair rate
    "log_fair_share",  # the slowest link of the route over that rate
    "fluid_remaining",  # at such rates so far, fraction of the flow
    *(f"configuration_{name}" for name in CONFIGURATION_FEATURES),
    "log_shared",  # the slowdown if it shares links with today's flows until each is through
    "log_backlog",  # the slowdown if all that its links have to send goes first
    "shorter_flows",  # share of the flows at the link that decides log_shared with less left
    "log_flows_most",  # flows there
    "log_trips",  # time so far, in idle round trips
    "log_pipe_packets",  # what an idle round trip holds, in packets
)
LINK_FEATURES = (
    "log_rate",  # over the slowest NIC
    "log_delay",  # in packet times
    "leaves_host",
    "enters_host",
    "on_event_route",
    "event_is_arrival",
    "log_flows",
    "log_long_flows",  # those that do not fit into one window
    "utilisation",
    "log_wait",  # in packet times
    "log_queue_marks",  # of its queue, in marking thresholds or pools
    "log_burst_queue",  # bytes of bursts still queued, packets
    "log_burst_inflow",  # bytes of bursts on their way, packets
    "pool_used",  # of its switch's shared buffer
    "next_pool_used",  # of that of the switch it leads to
    "log_pool",  # in windows
    "log_rest",  # where its wait comes to rest, in packet times
    "log_gap",  # since the link's state was updated, in packet times
    "log_backlog",  # what its flows have left to send, in packet times
    "log_pool_packets",  # of its switch's shared buffer
)
EDGE_FEATURES = (
    "hop",  # links of the route before this one, eighths
    "hops_left",  # links behind it, eighths
)

MOST_LOG_GAP = 10.0
"""No gap since the last update is seen as longer, so that time may start anywhere."""

MOST_LOG_RATIO = 3.0
"""No prediction is further from the estimate ``log_prior``, so that a run cannot run away."""

FLOW_X = columns_by_name(FLOW_FEATURES)
LINK_X = columns_by_name(LINK_FEATURES)
EDGE_X = columns_by_name(EDGE_FEATURES)
