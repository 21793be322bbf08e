"""What happens next in each network: an arrival, or the earliest predicted departure (numba)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from m4graph.core.arrays import grown
from m4graph.core.compilation import kernel_digest
from m4graph.core.heap import ABSENT, drop_top, make_entries, put_item
from m4graph.core.kernels import cached_kernel, kernel
from m4graph.runs import FlowNetwork
from m4graph.runs.events import ARRIVAL, DEPARTURE


class Agenda(NamedTuple):
    """Flows to come and flows under way, for networks whose flows are numbered through.

    Shapes:
        - ``first_flow`` int64 ``[num_networks + 1]``; ``num_active`` int64 ``[num_networks]``: the
          flows under way
        - ``order`` int64 ``[num_flows]``: flows in the order of their starts, in each network's
          slice; ``next_flow``, ``end_flow`` int64 ``[num_networks]``: indices into it, of the next
          flow to arrive, and behind the last one whose start is known
        - ``until_ns`` int64 ``[num_networks]``: what is later does not happen yet
        - ``plain``, ``may_delay`` bool ``[num_networks]``: whether each prediction counts as it is,
          not by what physics allows; whether the network's last event may delay others
        - ``longest_ns`` int64 ``[num_networks]``: no departure is predicted further ahead; the time
          of all flows of the network one after the other, so that a bad model ends, too
        - ``start_ns``, ``finish_ns`` (predicted; final once it has left), ``ideal_ns``,
          ``least_ns`` (no FCT is below) int64 ``[num_flows]``; ``network`` int32 ``[num_flows]``
        - ``latest_ns`` int64 ``[num_flows]``: no departure is predicted later (:mod:`.latest`)
        - ``heap`` records ``[num_flows]``: flows under way by the time when they leave, in each
          network's slice; ``position`` int32 ``[num_flows]``: see :mod:`m4graph.core.heap`
    """

    first_flow: NDArray[np.int64]
    next_flow: NDArray[np.int64]
    end_flow: NDArray[np.int64]
    until_ns: NDArray[np.int64]
    plain: NDArray[np.bool_]
    may_delay: NDArray[np.bool_]
    longest_ns: NDArray[np.int64]
    num_active: NDArray[np.int64]
    order: NDArray[np.int64]
    start_ns: NDArray[np.int64]
    finish_ns: NDArray[np.int64]
    ideal_ns: NDArray[np.int64]
    least_ns: NDArray[np.int64]
    latest_ns: NDArray[np.int64]
    network: NDArray[np.int32]
    heap: np.ndarray
    position: NDArray[np.int32]


def make_agenda(
    networks: Sequence[FlowNetwork],
    least_fct_ns: Sequence[NDArray[np.int64]] | None = None,
    plain: bool = False,
) -> Agenda:
    """The agenda before anything has happened.

    Args:
        networks (list of FlowNetwork): One or more.
        least_fct_ns (list of np.ndarray, optional): Of each network, what its flows take at least,
            int64 ``[num_flows]``. (default: their ideal FCTs)
        plain (bool, optional): Whether each prediction counts as it is. Otherwise none becomes
            later when another flow leaves, which gives its share to the others, flows leave in
            time (:mod:`.latest`), and those that an event does not touch follow their fair shares
            (:mod:`.bystanders`).
            (default: ``False``)
    """
    ideal_ns = np.concatenate([network.ideal_fct_ns for network in networks])
    least = [network.ideal_fct_ns for network in networks] if least_fct_ns is None else least_fct_ns
    first_flow = np.cumsum([0, *(network.num_flows for network in networks)])
    start_ns = np.concatenate([network.start_ns for network in networks])
    return Agenda(
        first_flow=first_flow,
        next_flow=first_flow[:-1].copy(),
        end_flow=first_flow[1:].copy(),
        until_ns=np.full(len(networks), np.iinfo(np.int64).max),
        plain=np.full(len(networks), plain),
        may_delay=np.ones(len(networks), np.bool_),
        longest_ns=np.array([_longest_ns(0, each) for each in least], np.int64),
        num_active=np.zeros(len(networks), np.int64),
        order=np.arange(len(start_ns)),
        start_ns=start_ns,
        finish_ns=np.full(len(start_ns), -1, np.int64),
        ideal_ns=ideal_ns,
        least_ns=np.maximum(np.concatenate(least), ideal_ns),
        latest_ns=np.full(len(start_ns), NEVER_NS),
        network=np.repeat(np.arange(len(networks), dtype=np.int32), np.diff(first_flow)),
        heap=make_entries(len(start_ns), np.int64),
        position=np.full(len(start_ns), ABSENT, np.int32),
    )


def _longest_ns(before_ns: int, least_ns: NDArray[np.int64]) -> int:
    """The time of more flows one after the other, within what a clock can count to."""
    return int(min(before_ns + least_ns.sum(dtype=np.float64), _LONGEST_NS))


def admit_flows(
    agenda: Agenda,
    num_flows: int,
    ideal_ns: NDArray[np.int64],
    least_ns: NDArray[np.int64] | None = None,
) -> Agenda:
    """The agenda of one network with more flows, whose starts are not known yet.

    Args:
        agenda (Agenda): Of one network.
        num_flows (int): Flows that it has so far.
        ideal_ns (np.ndarray): Ideal FCTs of the new ones, int64 ``[num_new]``.
        least_ns (np.ndarray, optional): What they take at least. (default: that)
    """
    least_ns = ideal_ns if least_ns is None else least_ns
    total = num_flows + len(ideal_ns)
    if total > len(agenda.start_ns):
        room = 2 * max(total, 512)
        agenda = agenda._replace(
            **{name: grown(getattr(agenda, name), room) for name in _BY_FLOW},
        )
    agenda.ideal_ns[num_flows:total] = ideal_ns
    agenda.least_ns[num_flows:total] = np.maximum(least_ns, ideal_ns)
    agenda.latest_ns[num_flows:total] = NEVER_NS
    agenda.finish_ns[num_flows:total] = -1
    agenda.position[num_flows:total] = ABSENT
    agenda.longest_ns[0] = _longest_ns(int(agenda.longest_ns[0]), least_ns)
    return agenda


def start_flows(agenda: Agenda, flow_ids: NDArray[np.int64], start_ns: NDArray[np.int64]) -> None:
    """Puts flows among those to come; of equal starts, those that were put there first lead.

    Args:
        agenda (Agenda): Of one network.
        flow_ids (np.ndarray): Flows without a start.
        start_ns (np.ndarray): Their starts, none in the past.
    """
    agenda.start_ns[flow_ids] = start_ns
    begin, end = agenda.next_flow[0], agenda.end_flow[0] + len(flow_ids)
    to_come = np.concatenate((agenda.order[begin : agenda.end_flow[0]], flow_ids))
    agenda.order[begin:end] = to_come[np.argsort(agenda.start_ns[to_come], kind="stable")]
    agenda.end_flow[0] = end


def num_departed(agenda: Agenda) -> int:
    """Flows that have left, in all networks."""
    arrived = agenda.next_flow - agenda.first_flow[:-1]
    return int((arrived - agenda.num_active).sum())


NEVER_NS = np.iinfo(np.int64).max
_LONGEST_NS = 2**61
_BY_FLOW = (
    *("order", "start_ns", "finish_ns", "ideal_ns", "least_ns", "latest_ns", "network"),
    *("heap", "position"),
)


def _build_next_events(digest: str) -> Callable[..., int]:
    @cached_kernel
    def next_events(agenda, events):
        digest  # noqa: B018 - makes it part of the cache key
        count = 0
        for network in range(len(agenda.next_flow)):
            first, size = agenda.first_flow[network], agenda.num_active[network]
            until_ns = agenda.until_ns[network]
            arriving = -1
            if agenda.next_flow[network] < agenda.end_flow[network]:
                arriving = agenda.order[agenda.next_flow[network]]
            if size > 0 and (arriving < 0 or agenda.heap[first].key <= agenda.start_ns[arriving]):
                if agenda.heap[first].key > until_ns:
                    continue
                events[count].time_ns = agenda.heap[first].key
                events[count].flow = agenda.heap[first].item
                events[count].kind = DEPARTURE
                drop_top(agenda.heap, agenda.position, first, size)
                agenda.num_active[network] -= 1
                agenda.may_delay[network] = agenda.plain[network]
                count += 1
            elif arriving >= 0 and agenda.start_ns[arriving] <= until_ns:
                finish_ns = agenda.finish_ns[arriving]
                leaves_ns = finish_ns if finish_ns >= 0 else NEVER_NS
                agenda.num_active[network] = put_item(
                    agenda.heap, agenda.position, first, size, arriving, leaves_ns
                )
                agenda.next_flow[network] += 1
                events[count].time_ns = agenda.start_ns[arriving]
                events[count].flow = arriving
                events[count].kind = ARRIVAL
                agenda.may_delay[network] = True
                count += 1
        return count

    return next_events  # type: ignore[no-any-return]


@kernel
def leave_at(agenda: Agenda, flow: int, time_ns: int) -> None:
    """Sets the departure of a flow, which may be under way."""
    agenda.finish_ns[flow] = time_ns
    if agenda.position[flow] != ABSENT:
        network = agenda.network[flow]
        first, size = agenda.first_flow[network], agenda.num_active[network]
        put_item(agenda.heap, agenda.position, first, size, flow, time_ns)


def _build_predict(digest: str) -> Callable[..., int]:
    @cached_kernel
    def predict(agenda, flow_ids, log_slowdown, now_ns):
        digest  # noqa: B018 - makes it part of the cache key
        for i in range(len(flow_ids)):
            flow = flow_ids[i]
            if not np.isfinite(log_slowdown[i]):
                return i
            fct_ns = np.exp(np.float64(log_slowdown[i])) * agenda.ideal_ns[flow]
            left_ns = agenda.start_ns[flow] + np.rint(fct_ns) - now_ns[i]
            longest_ns = agenda.longest_ns[agenda.network[flow]]
            if left_ns > longest_ns:  # in float64, so that nothing overflows
                leaves_ns = now_ns[i] + longest_ns
            else:
                fct_ns = int(np.rint(fct_ns))
                leaves_ns = agenda.start_ns[flow] + fct_ns
            earliest_ns = max(now_ns[i], agenda.start_ns[flow] + agenda.least_ns[flow])
            leaves_ns = max(min(leaves_ns, agenda.latest_ns[flow]), earliest_ns)
            before_ns = agenda.finish_ns[flow]
            if before_ns >= now_ns[i] and not agenda.may_delay[agenda.network[flow]]:
                leaves_ns = min(leaves_ns, before_ns)
            leave_at(agenda, flow, leaves_ns)
        return -1

    return predict  # type: ignore[no-any-return]


_DIGEST = kernel_digest(__name__)
next_events = _build_next_events(_DIGEST)
"""``next_events(agenda, events) -> count``: takes the next event of each network, if it has one.
A flow leaves at its ``finish_ns``; one without stays until there is one."""
predict = _build_predict(_DIGEST)
"""``predict(agenda, flow_ids, log_slowdown, now_ns) -> row``: new departures, never below the
least FCT, before now, later than ``longest_ns`` from now, or than ``latest_ns``; nor later than
predicted before, where the last event was a departure and those do not delay. Stops at the first
row that is not a finite number and gives it, or -1."""
