"""The labels of runs that stand side by side, read event by event (numba)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from m4graph.compilation import source_digest
from m4graph.graph import LabelledRun
from m4graph.simulators.fluid.jit import cached_kernel


class Labels(NamedTuple):
    """Labels of the runs one after the other; pointers of run ``i`` start at ``first_event[i]``.

    Shapes:
        - ``first_event`` int64 ``[num_runs]``; ``labelled`` bool ``[num_runs]``: on its true stream
        - ``flow_ptr``, ``link_ptr`` int64: ends of each event's labels, one more entry each run
        - ``flows`` int64, numbered through; ``remaining`` float32, shares; ``log_queue`` float32
        - ``route_length`` int64 ``[num_flows]``
    """

    first_event: NDArray[np.int64]
    labelled: NDArray[np.bool_]
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
        first_event=np.cumsum([0, *(run.num_events + 1 for run in runs)])[:-1],
        labelled=np.array(labelled),
        flow_ptr=_joined([run.label_flow_ptr for run in runs], first_hit),
        link_ptr=_joined([run.label_link_ptr for run in runs], first_queue),
        flows=_joined([run.label_flows for run in runs], first_flow),
        remaining=np.concatenate(shares).astype(np.float32),
        log_queue=np.log1p(np.concatenate(packets)).astype(np.float32),
        route_length=np.concatenate([np.diff(run.network.route_ptr) for run in runs]),
    )


def _joined(arrays: list[NDArray[np.int64]], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    moved = [array + offset for array, offset in zip(arrays, offsets, strict=False)]
    return np.concatenate(moved).astype(np.int64)


def _build(digest: str) -> Callable[..., int]:
    @cached_kernel
    def read_labels(labels, run_ids, events, k, remaining_of_flow, log_queue):
        digest  # noqa: B018 - makes it part of the cache key
        count = 0
        for i in range(len(run_ids)):
            run = run_ids[i]
            if not labels.labelled[run]:
                for _ in range(labels.route_length[events[i].flow]):
                    log_queue[count] = np.nan
                    count += 1
                continue
            at = labels.first_event[run] + k
            for j in range(labels.link_ptr[at], labels.link_ptr[at + 1]):
                log_queue[count] = labels.log_queue[j]
                count += 1
            for j in range(labels.flow_ptr[at], labels.flow_ptr[at + 1]):
                remaining_of_flow[labels.flows[j]] = labels.remaining[j]
        return count

    return read_labels  # type: ignore[no-any-return]


read_labels = _build(source_digest("m4graph.training"))
"""``read_labels(labels, run_ids, events, k, remaining_of_flow, log_queue) -> count``: the labels
of event ``k`` of some runs. Remaining shares go to their flows, queues one after the other in the
order of the links of the events' routes, NaN for a run that is not on its true stream."""
