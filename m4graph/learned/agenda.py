"""What happens next in each network: an arrival, or the earliest predicted departure (numba)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from m4graph.compilation import source_digest
from m4graph.graph import FlowNetwork
from m4graph.graph.schema import ARRIVAL, DEPARTURE


class Agenda(NamedTuple):
    """Flows to come and flows under way, for networks whose flows are numbered through.

    Shapes:
        - ``first_flow`` int64 ``[num_networks + 1]``; ``next_flow``, ``num_active`` int64
          ``[num_networks]``: the next flow to arrive, the flows under way
        - ``start_ns``, ``finish_ns`` (predicted; final once it has left), ``ideal_ns`` int64
          ``[num_flows]``
        - ``longest_ns`` int64 ``[num_flows]``: no departure is predicted further ahead; the time of
          all flows of the network one after the other, so that a bad model ends, too
        - ``active`` int64 ``[num_flows]``: flows under way, in each network's slice; ``place``
          int64 ``[num_flows]``
    """

    first_flow: NDArray[np.int64]
    next_flow: NDArray[np.int64]
    num_active: NDArray[np.int64]
    start_ns: NDArray[np.int64]
    finish_ns: NDArray[np.int64]
    ideal_ns: NDArray[np.int64]
    longest_ns: NDArray[np.int64]
    active: NDArray[np.int64]
    place: NDArray[np.int64]


def make_agenda(networks: Sequence[FlowNetwork]) -> Agenda:
    """The agenda before anything has happened."""
    first_flow = np.cumsum([0, *(network.num_flows for network in networks)])
    start_ns = np.concatenate([network.start_ns for network in networks])
    return Agenda(
        first_flow=first_flow,
        next_flow=first_flow[:-1].copy(),
        num_active=np.zeros(len(networks), np.int64),
        start_ns=start_ns,
        finish_ns=np.full(len(start_ns), -1, np.int64),
        ideal_ns=np.concatenate([network.ideal_fct_ns for network in networks]),
        longest_ns=np.concatenate(
            [np.full(net.num_flows, net.ideal_fct_ns.sum()) for net in networks]
        ),
        active=np.zeros(len(start_ns), np.int64),
        place=np.zeros(len(start_ns), np.int64),
    )


def _build_next_events(digest: str) -> Callable[..., int]:
    @njit(cache=True, nogil=True, _nrt=False)
    def next_events(agenda, events):
        digest  # noqa: B018 - makes it part of the cache key
        count = 0
        for network in range(len(agenda.next_flow)):
            first, end = agenda.first_flow[network], agenda.first_flow[network + 1]
            arriving = agenda.next_flow[network]
            leaving = -1
            for i in range(first, first + agenda.num_active[network]):
                flow = agenda.active[i]
                if leaving < 0 or agenda.finish_ns[flow] < agenda.finish_ns[leaving]:
                    leaving = flow
            if leaving >= 0 and (
                arriving == end or agenda.finish_ns[leaving] <= agenda.start_ns[arriving]
            ):
                last = first + agenda.num_active[network] - 1
                agenda.active[agenda.place[leaving]] = agenda.active[last]
                agenda.place[agenda.active[last]] = agenda.place[leaving]
                agenda.num_active[network] -= 1
                events[count].time_ns = agenda.finish_ns[leaving]
                events[count].flow = leaving
                events[count].kind = DEPARTURE
                count += 1
            elif arriving < end:
                place = first + agenda.num_active[network]
                agenda.active[place] = arriving
                agenda.place[arriving] = place
                agenda.num_active[network] += 1
                agenda.next_flow[network] += 1
                events[count].time_ns = agenda.start_ns[arriving]
                events[count].flow = arriving
                events[count].kind = ARRIVAL
                count += 1
        return count

    return next_events  # type: ignore[no-any-return]


def _build_predict(digest: str) -> Callable[..., int]:
    @njit(cache=True, nogil=True, _nrt=False)
    def predict(agenda, flow_ids, log_slowdown, now_ns):
        digest  # noqa: B018 - makes it part of the cache key
        for i in range(len(flow_ids)):
            flow = flow_ids[i]
            if not np.isfinite(log_slowdown[i]):
                return i
            fct_ns = np.exp(np.float64(log_slowdown[i])) * agenda.ideal_ns[flow]
            left_ns = agenda.start_ns[flow] + np.rint(fct_ns) - now_ns[i]
            if left_ns > agenda.longest_ns[flow]:  # in float64, so that nothing overflows
                agenda.finish_ns[flow] = now_ns[i] + agenda.longest_ns[flow]
            else:
                fct_ns = max(int(np.rint(fct_ns)), agenda.ideal_ns[flow])
                agenda.finish_ns[flow] = max(now_ns[i], agenda.start_ns[flow] + fct_ns)
        return -1

    return predict  # type: ignore[no-any-return]


_DIGEST = source_digest("m4graph.learned")
next_events = _build_next_events(_DIGEST)
"""``next_events(agenda, events) -> count``: takes the next event of each network, if it has one."""
predict = _build_predict(_DIGEST)
"""``predict(agenda, flow_ids, log_slowdown, now_ns) -> row``: new departures, never below the ideal
FCT, before now, or later than ``longest_ns`` from now. Stops at the first row that is not a finite
number and gives it, or -1."""
