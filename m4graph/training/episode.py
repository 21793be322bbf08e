"""Labelled runs side by side, turned into steps with targets, window by window."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from m4graph.graph import EventStep, FlowTracker, LabelledRun


@dataclass(frozen=True, eq=False)
class TrainingStep:
    """A step with what the model should have said.

    Shapes:
        - ``log_slowdown``, ``weight`` ``[num_touched]``: of the whole flow; weight 0: unknown
        - ``remaining`` ``[num_touched]``, NaN where unknown
        - ``log_queue`` ``[num_updated]``, NaN where unknown
    """

    step: EventStep
    log_slowdown: Tensor
    weight: Tensor
    remaining: Tensor
    log_queue: Tensor


@dataclass(frozen=True, eq=False)
class Window:
    """Consecutive steps of one episode, for one step of the optimiser.

    Args:
        steps (list of TrainingStep): In the order of the events.
        num_flows (int): Flows of the episode: rows of the flow states.
        num_links (int): Links of the episode.
        is_first (bool): The states start anew.
    """

    steps: list[TrainingStep]
    num_flows: int
    num_links: int
    is_first: bool


class Episode:
    """Some runs side by side, each along one event stream, from its first event to its last.

    Args:
        runs (list of LabelledRun): The runs.
        streams (list of np.ndarray): For each run, its events (``event_stream``), or None for the
            true ones, which alone have labels of remaining bytes and queues.
    """

    def __init__(
        self, runs: Sequence[LabelledRun], streams: Sequence[NDArray[np.void] | None]
    ) -> None:
        from m4graph.graph import true_stream

        self._runs = runs
        self._tracker = FlowTracker([run.network for run in runs])
        self._labelled = [stream is None for stream in streams]
        self._streams = []
        for run, stream, first in zip(runs, streams, self._tracker.first_flow, strict=False):
            events = true_stream(run) if stream is None else stream.copy()
            events["flow"] += first
            self._streams.append(events)
        fct_ns = np.concatenate([run.fct_ns for run in runs])
        ideal_ns = np.concatenate([run.network.ideal_fct_ns for run in runs])
        known = fct_ns >= 0
        slowdown = np.where(known, np.maximum(fct_ns / ideal_ns, 1.0), 1.0)
        self._log_slowdown = np.log(slowdown).astype(np.float32)
        self._weight = np.where(known, _weights(runs), 0.0).astype(np.float32)
        self._start_ns = np.concatenate([run.network.start_ns for run in runs])
        self._fct_ns = np.maximum(fct_ns, 1)
        self._remaining = np.full(self._tracker.num_flows, np.nan, np.float32)

    def windows(self, num_steps: int) -> Iterator[Window]:
        """Goes through all events, ``num_steps`` of each run at a time."""
        length = max(len(stream) for stream in self._streams)
        for start in range(0, length, num_steps):
            steps = [self._step(k) for k in range(start, min(start + num_steps, length))]
            yield Window(steps, self._tracker.num_flows, self._tracker.num_links, start == 0)

    def _step(self, k: int) -> TrainingStep:
        events = np.array([stream[k] for stream in self._streams if k < len(stream)])
        step = self._tracker.step(events)
        flow_ids = step.flow_ids.numpy()
        remaining, log_queue = self._labels(k, flow_ids)
        return TrainingStep(
            step=step,
            log_slowdown=torch.from_numpy(self._log_slowdown[flow_ids]),
            weight=torch.from_numpy(self._weights_now(flow_ids)),
            remaining=torch.from_numpy(remaining),
            log_queue=torch.from_numpy(log_queue),
        )

    def _weights_now(self, flow_ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Weights that grow towards a flow's departure, which its last prediction decides."""
        elapsed_ns = self._tracker.now_ns(flow_ids) - self._start_ns[flow_ids]
        progress = np.minimum(elapsed_ns / self._fct_ns[flow_ids], 1.0)
        return (self._weight[flow_ids] * (0.2 + 0.8 * progress)).astype(np.float32)

    def _labels(
        self, k: int, flow_ids: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        queues = []
        for index, run in enumerate(self._runs):
            if k >= len(self._streams[index]):
                continue
            flow = self._streams[index][k]["flow"] - self._tracker.first_flow[index]
            if self._labelled[index]:
                links = slice(run.label_link_ptr[k], run.label_link_ptr[k + 1])
                packets = run.queue_bytes[links] / run.network.payload_bytes[0]
                queues.append(np.log1p(packets, dtype=np.float32))
                flows = slice(run.label_flow_ptr[k], run.label_flow_ptr[k + 1])
                touched = run.label_flows[flows]
                share = run.remaining_bytes[flows] / run.network.size_bytes[touched]
                self._remaining[touched + self._tracker.first_flow[index]] = share
            else:
                num_links = run.network.route_ptr[flow + 1] - run.network.route_ptr[flow]
                queues.append(np.full(num_links, np.nan, np.float32))
        remaining = self._remaining[flow_ids]
        self._remaining[flow_ids] = np.nan
        return remaining, np.concatenate(queues)


def _weights(runs: Sequence[LabelledRun]) -> NDArray[np.float64]:
    """So that a flow counts less at one event the more events touch it."""
    touches = [np.bincount(run.label_flows, minlength=run.network.num_flows) for run in runs]
    return np.maximum(np.concatenate(touches), 1.0) ** -_TOUCH_POWER


_TOUCH_POWER = 0.7
