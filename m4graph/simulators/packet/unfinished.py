"""Why a run ended before all of its flows did."""

from __future__ import annotations

import networkx as nx
import numpy as np

from m4graph.scenario.congestion import CongestionControl
from m4graph.scenario.rdma import RdmaControl
from m4graph.simulators.packet.layout import NONE
from m4graph.simulators.packet.state import State


def why_unfinished(state: State, control: CongestionControl) -> str | None:
    """What keeps flows from finishing in a run in which nothing moves; ``None``: nothing known.

    A cycle of paused links, each of which waits for the next to take packets from it (a PFC
    deadlock); or packets that were lost, in a transport without a timer, or that has given up.

    Args:
        state (State): Of a run that has come to rest.
        control (CongestionControl): The algorithm's parameters.
    """
    cycle = _cycle_of_pauses(state)
    if cycle:
        return f"a PFC deadlock: the links {' -> '.join(map(str, cycle))} have paused each other"
    counts = state.control[0]
    num_lost = int(counts["packets_dropped"] + counts["packets_lost"])
    if not num_lost:
        return None
    if isinstance(control, RdmaControl) and control.retransmit_timeout_us is None:
        return (
            f"{num_lost} packets were lost, and no timer notices the loss of a flow's last; "
            "set congestion_control.retransmit_timeout_us"
        )
    return f"{num_lost} packets were lost, and senders give up, as retransmit_limit says"


def _cycle_of_pauses(state: State) -> list[int]:
    """The nodes along a cycle of paused links, the first again at its end; empty if none is."""
    waits, links = nx.DiGraph(), state.links
    stuck = links["paused"] & ~links["from_host"]
    for link in np.flatnonzero(stuck & (links["head"] != NONE)).tolist():
        packet = int(links["head"][link])
        while packet != NONE:
            before = int(state.packets["ingress"][packet])
            if stuck[before]:
                waits.add_edge(before, link)
            packet = int(state.packets["next"][packet])
    try:
        cycle = [before for before, _ in nx.find_cycle(waits)]
    except nx.NetworkXException:
        return []
    nodes = links["src"][cycle].tolist()
    first = nodes.index(min(nodes))
    return [*nodes[first:], *nodes[: first + 1]]
