"""Labelled runs side by side, turned into steps with targets, window by window."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from m4graph.graph import EventStep, FlowTracker, LabelledRun, true_stream
from m4graph.graph.tracker_state import EVENT_RECORD
from m4graph.training.labels import join_run_labels, read_labels


_TOUCH_POWER = 0.7
"""1: every flow counts the same; 0: every prediction does."""


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

    def to(self, device: torch.device | str) -> TrainingStep:
        """The same step on another device."""
        return TrainingStep(
            step=self.step.to(device),
            log_slowdown=self.log_slowdown.to(device),
            weight=self.weight.to(device),
            remaining=self.remaining.to(device),
            log_queue=self.log_queue.to(device),
        )


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

    def to(self, device: torch.device | str) -> Window:
        """The same window on another device."""
        return replace(self, steps=[step.to(device) for step in self.steps])


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
        self._tracker = FlowTracker([run.network for run in runs])
        first_flow = self._tracker.first_flow
        self._events, self._lengths = _side_by_side(runs, streams, first_flow)
        self._labels = join_run_labels(runs, [stream is None for stream in streams], first_flow)
        fct_ns = np.concatenate([run.fct_ns for run in runs])
        ideal_ns = np.concatenate([run.network.ideal_fct_ns for run in runs])
        known = fct_ns >= 0
        slowdown = np.where(known, np.maximum(fct_ns / ideal_ns, 1.0), 1.0)
        self._log_slowdown = np.log(slowdown).astype(np.float32)
        self._weight = np.where(known, _weights(runs), 0.0).astype(np.float32)
        self._start_ns = np.concatenate([run.network.start_ns for run in runs])
        self._last_touch_ns = np.concatenate([_last_touch_ns(run) for run in runs])
        self._remaining = np.full(self._tracker.num_flows, np.nan, np.float32)
        longest = int(self._labels.route_length.max())
        self._log_queue = np.zeros(longest * len(runs), np.float32)

    def windows(self, num_steps: int) -> Iterator[Window]:
        """Goes through all events, ``num_steps`` of each run at a time."""
        length = int(self._lengths.max())
        for start in range(0, length, num_steps):
            end = min(start + num_steps, length)
            steps = [self._step(k) for k in range(start, end)]
            num_flows, num_links = self._tracker.num_flows, self._tracker.num_links
            yield Window(steps, num_flows, num_links, start == 0)

    def _step(self, k: int) -> TrainingStep:
        run_ids = np.flatnonzero(self._lengths > k)
        events = self._events[k, run_ids]
        step = self._tracker.step(events)
        flow_ids = step.flow_ids.numpy()
        num_queues = read_labels(
            self._labels, run_ids, events, k, self._remaining, self._log_queue
        )
        remaining = self._remaining[flow_ids]
        self._remaining[flow_ids] = np.nan
        return TrainingStep(
            step=step,
            log_slowdown=torch.from_numpy(self._log_slowdown[flow_ids]),
            weight=torch.from_numpy(self._weights_now(flow_ids)),
            remaining=torch.from_numpy(remaining),
            log_queue=torch.from_numpy(self._log_queue[:num_queues].copy()),
        )

    def _weights_now(self, flow_ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Weights that grow up to a flow's last touch, when its departure is settled."""
        start_ns, last_ns = self._start_ns[flow_ids], self._last_touch_ns[flow_ids]
        left_ns = np.maximum(last_ns - self._tracker.now_ns(flow_ids), 0)
        progress = 1.0 - left_ns / np.maximum(last_ns - start_ns, 1)
        return (self._weight[flow_ids] * (0.2 + 0.8 * progress)).astype(np.float32)


def _side_by_side(
    runs: Sequence[LabelledRun],
    streams: Sequence[NDArray[np.void] | None],
    first_flow: NDArray[np.int64],
) -> tuple[NDArray[np.void], NDArray[np.int64]]:
    """Event ``k`` of run ``i`` at ``[k, i]``, with flows numbered through; and the lengths."""
    given = [
        true_stream(run) if stream is None else stream
        for run, stream in zip(runs, streams, strict=True)
    ]
    lengths = np.array([len(stream) for stream in given])
    events = np.zeros((lengths.max(), len(given)), EVENT_RECORD)
    for i, stream in enumerate(given):
        events[: len(stream), i] = stream
        events["flow"][: len(stream), i] += first_flow[i]
    return events, lengths


def _last_touch_ns(run: LabelledRun) -> NDArray[np.int64]:
    """When the last event touches each flow in the true stream."""
    last_ns = run.network.start_ns.copy()
    time_ns = np.repeat(run.event_time_ns, np.diff(run.label_flow_ptr))
    np.maximum.at(last_ns, run.label_flows, time_ns)
    return last_ns


def _weights(runs: Sequence[LabelledRun]) -> NDArray[np.float64]:
    """So that a flow counts less at one event the more events touch it."""
    touches = [np.bincount(run.label_flows, minlength=run.network.num_flows) for run in runs]
    return np.maximum(np.concatenate(touches), 1.0) ** -_TOUCH_POWER
