"""The labels of runs that stand side by side, read event by event (numba)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from m4graph.core.compilation import kernel_digest
from m4graph.core.kernels import cached_kernel
from m4graph.runs import LabelledRun


class Labels(NamedTuple):
    """Labels of the runs one after the other.

    Shapes:
        - ``event_of`` int64 ``[2, num_flows]``: where the labels of each flow's arrival and of its
          departure stand in the pointers; -1: nowhere
        - ``flow_ptr``, ``link_ptr`` int64: ends of each event's labels, one more entry each run
        - ``flows`` int64, numbered through; ``remaining`` float32, shares; ``log_queue`` float32
        - ``route_length`` int64 ``[num_flows]``
    """

    event_of: NDArray[np.int64]
    flow_ptr: NDArray[np.int64]
    link_ptr: NDArray[np.int64]
    flows: NDArray[np.int64]
    remaining: NDArray[np.float32]
    log_queue: NDArray[np.float32]
    route_length: NDArray[np.int64]


def join_run_labels(
    runs: Sequence[LabelledRun], labelled: Sequence[bool], first_flow: NDArray[np.int64]
) -> Labels:
    """Puts the labels of runs one after the other, in the units of the model's heads."""
    first_hit = np.cumsum([0, *(len(run.label_flows) for run in runs)])
    first_queue = np.cumsum([0, *(len(run.queue_bytes) for run in runs)])
    shares = [run.remaining_bytes / run.network.size_bytes[run.label_flows] for run in runs]
    packets = [run.queue_bytes / run.network.payload_bytes[0] for run in runs]
    return Labels(
        event_of=_event_of(runs, labelled, first_flow),
        flow_ptr=_joined([run.label_flow_ptr for run in runs], first_hit),
        link_ptr=_joined([run.label_link_ptr for run in runs], first_queue),
        flows=_joined([run.label_flows for run in runs], first_flow),
        remaining=np.concatenate(shares).astype(np.float32),
        log_queue=np.log1p(np.concatenate(packets)).astype(np.float32),
        route_length=np.concatenate([np.diff(run.network.route_ptr) for run in runs]),
    )


def _event_of(
    runs: Sequence[LabelledRun], labelled: Sequence[bool], first_flow: NDArray[np.int64]
) -> NDArray[np.int64]:
    event_of = np.full((2, first_flow[-1]), -1, np.int64)
    first_event = 0
    for run, wanted, first in zip(runs, labelled, first_flow, strict=False):
        if wanted:
            events = first_event + np.arange(run.num_events)
            event_of[run.event_kind, run.event_flow + first] = events
        first_event += run.num_events + 1
    return event_of


def _joined(arrays: Sequence[NDArray[np.integer]], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    moved = [array + offset for array, offset in zip(arrays, offsets, strict=False)]
    return np.concatenate(moved).astype(np.int64)


def _build(digest: str) -> Callable[..., int]:
    @cached_kernel
    def read_labels(labels, events, remaining_of_flow, log_queue):
        digest  # noqa: B018 - makes it part of the cache key
        count = 0
        for i in range(len(events)):
            flow = events[i].flow
            at = labels.event_of[events[i].kind, flow]
            if at < 0:
                for _ in range(labels.route_length[flow]):
                    log_queue[count] = np.nan
                    count += 1
                continue
            for j in range(labels.link_ptr[at], labels.link_ptr[at + 1]):
                log_queue[count] = labels.log_queue[j]
                count += 1
            for j in range(labels.flow_ptr[at], labels.flow_ptr[at + 1]):
                remaining_of_flow[labels.flows[j]] = labels.remaining[j]
        return count

    return read_labels  # type: ignore[no-any-return]


read_labels = _build(kernel_digest(__name__))
"""``read_labels(labels, events, remaining_of_flow, log_queue) -> count``: the labels of some
events. Remaining shares go to their flows; queues stand one after the other, in the order of the
links of the events' routes, NaN where a run has no labels."""
