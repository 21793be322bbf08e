"""Labelled runs side by side, turned into steps with targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from m4graph.core.errors import SimulationError
from m4graph.graph import EventStep, FlowTracker
from m4graph.graph.step import no_events
from m4graph.learned.agenda import make_agenda, next_events, predict
from m4graph.learned.rules import keep_rules
from m4graph.runs import LabelledRun
from m4graph.training.labels import join_run_labels, read_labels
from m4graph.training.touches import touches

_FOREVER_NS = np.iinfo(np.int64).max
_UNFINISHED_NS = 2**61
_NEVER_NS = -1

_TOUCH_POWER = 0.7
"""1: every flow counts the same; 0: every prediction does."""

_MOST_RUN_WEIGHT = 10.0
"""So that no run of a few flows decides a step alone."""


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


class Episode:
    """Some runs side by side, from the first event of each to the last.

    A run follows given departures, or *runs free*: its flows leave when the model's latest
    predictions say so (:meth:`feed_back`), as they will when the model is used.

    Args:
        runs (list of LabelledRun): The runs.
        departures (list of np.ndarray): For each run, the FCT of each flow, int64 ns; or None, and
            the run goes free. On true departures, remaining bytes and queues are labelled.
        scope (str): How far an event reaches, as for :class:`m4graph.graph.FlowTracker`.
            (default: ``"hop"``)
        only_departing (bool): A flow's slowdown counts only when its last event is over.
            (default: ``False``)
        lanes (list of list of int, optional): Places in ``runs``; those of a lane come one after
            the other, the lanes side by side. (default: each run a lane of its own)
        run_weight (float): 0: each flow counts the same, 1: each run, up to ten times what its
            flows did. (default: ``0``)
    """

    def __init__(
        self,
        runs: Sequence[LabelledRun],
        departures: Sequence[NDArray[np.int64] | None],
        scope: str = "hop",
        only_departing: bool = False,
        lanes: Sequence[Sequence[int]] | None = None,
        run_weight: float = 0.0,
    ) -> None:
        networks = [run.network for run in runs]
        self._tracker = FlowTracker(networks, scope)
        self._only_departing = only_departing
        self._agenda = make_agenda(networks)
        self._waiting = [list(lane) for lane in lanes or [[place] for place in range(len(runs))]]
        self._agenda.until_ns[:] = _NEVER_NS
        self._current = np.array([self._open(lane) for lane in self._waiting])
        self._events = no_events(len(runs))
        first_flow = self._tracker.first_flow
        self._free = np.zeros(self._tracker.num_flows, bool)
        self._agenda.plain[:] = [fct_ns is not None for fct_ns in departures]
        for run, fct_ns, first in zip(runs, departures, first_flow, strict=False):
            flows = slice(first, first + run.network.num_flows)
            if fct_ns is None:
                self._free[flows] = True
            else:
                lasting = np.where(fct_ns < 0, _UNFINISHED_NS, fct_ns)
                self._agenda.finish_ns[flows] = run.network.start_ns + lasting
        labelled = [
            fct is run.fct_ns and len(run.label_flows) > 0
            for run, fct in zip(runs, departures, strict=True)
        ]
        self._labels = join_run_labels(runs, labelled, first_flow)
        fct_ns = np.concatenate([run.fct_ns for run in runs])
        ideal_ns = np.concatenate([network.ideal_fct_ns for network in networks])
        known = fct_ns >= 0
        slowdown = np.where(known, np.maximum(fct_ns / ideal_ns, 1.0), 1.0)
        self._log_slowdown = np.log(slowdown).astype(np.float32)
        self._known = known
        touched = [touches(run) for run in runs]
        weights = _weights(np.concatenate([each.number for each in touched]))
        weights *= _run_weights([run.network.num_flows for run in runs], run_weight)
        self._weight = np.where(known, weights, 0.0).astype(np.float32)
        self._start_ns = np.concatenate([network.start_ns for network in networks])
        self._last_touch_ns = np.concatenate([each.last_ns for each in touched])
        self._remaining = np.full(self._tracker.num_flows, np.nan, np.float32)
        longest = int(self._labels.route_length.max())
        self._log_queue = np.zeros(longest * len(runs), np.float32)

    @property
    def num_flows(self) -> int:
        """Flows of all runs: rows of the flow states."""
        return self._tracker.num_flows

    @property
    def num_links(self) -> int:
        """Links of all runs."""
        return self._tracker.num_links

    def next_step(self) -> TrainingStep | None:
        """Takes the next event of every run that has one; None at the end."""
        self._fill_lanes()
        count = next_events(self._agenda, self._events)
        if count == 0:
            return None
        events = self._events[:count]
        step = self._tracker.step(events)
        flow_ids = step.flow_ids.numpy()
        num_queues = read_labels(self._labels, events, self._remaining, self._log_queue)
        # The links of the events' routes come first.
        log_queue = np.full(step.num_updated, np.nan, np.float32)
        log_queue[:num_queues] = self._log_queue[:num_queues]
        remaining = self._remaining[flow_ids]
        self._remaining[flow_ids] = np.nan
        return TrainingStep(
            step=step,
            log_slowdown=torch.from_numpy(self._log_slowdown[flow_ids]),
            weight=torch.from_numpy(self._weights_now(flow_ids)),
            remaining=torch.from_numpy(remaining),
            log_queue=torch.from_numpy(log_queue),
        )

    def feed_back(self, step: TrainingStep, log_slowdown: Tensor) -> None:
        """Tells what the model predicts at a step; runs that go free take departures from it.

        Raises:
            SimulationError: If a prediction is no finite number.
        """
        flow_ids = step.step.flow_ids.cpu().numpy()
        free = self._free[flow_ids]
        predicted = log_slowdown.detach().cpu().numpy()[free]
        flow_ids = flow_ids[free]
        keep_rules(self._agenda, self._tracker.state)
        if predict(self._agenda, flow_ids, predicted, self._tracker.now_ns(flow_ids)) >= 0:
            raise SimulationError("training: the model predicts no finite number; lower lr")

    def _open(self, lane: list[int]) -> int:
        """Lets the next run of a lane begin."""
        run = lane.pop(0)
        self._agenda.until_ns[run] = _FOREVER_NS
        return run

    def _fill_lanes(self) -> None:
        """Where the run of a lane has ended, the next one begins."""
        agenda, runs = self._agenda, self._current
        ended = (agenda.next_flow[runs] == agenda.end_flow[runs]) & (agenda.num_active[runs] == 0)
        for number in np.flatnonzero(ended):
            if self._waiting[number]:
                self._current[number] = self._open(self._waiting[number])

    def _weights_now(self, flow_ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Weights that grow up to a flow's last touch, when its departure is settled."""
        start_ns, last_ns = self._start_ns[flow_ids], self._last_touch_ns[flow_ids]
        left_ns = np.maximum(last_ns - self._tracker.now_ns(flow_ids), 0)
        if self._only_departing:
            return np.where(left_ns == 0, 1.0, 0.0).astype(np.float32) * (
                self._known[flow_ids].astype(np.float32)
            )
        progress = 1.0 - left_ns / np.maximum(last_ns - start_ns, 1)
        weight: NDArray[np.float64] = self._weight[flow_ids] * (0.2 + 0.8 * progress)
        return weight.astype(np.float32)


@dataclass(frozen=True, eq=False)
class Window:
    """The next steps of an episode, for one step of the optimiser.

    Args:
        episode (Episode): Where they come from, one by one, as the model goes through them.
        num_steps (int): At most so many.
        is_first (bool): The states start anew.
        is_blank (bool): They do so at every event (:mod:`m4graph.training.at_once`).
    """

    episode: Episode
    num_steps: int
    is_first: bool
    is_blank: bool = False


def _weights(num_touches: NDArray[np.int64]) -> NDArray[np.float64]:
    """So that a flow counts less at one event the more events touch it."""
    return np.maximum(num_touches, 1.0) ** -_TOUCH_POWER


def _run_weights(num_flows: Sequence[int], power: float) -> NDArray[np.float64]:
    """Of each flow, so that with power 1 the flows of each run weigh as much as those of others."""
    counts = np.array(num_flows)
    weight = (counts.mean() / counts) ** power
    # What all flows weigh together does not depend on the power, but for the limit.
    weight *= counts.sum() / (weight * counts).sum()
    return np.repeat(np.minimum(weight, _MOST_RUN_WEIGHT), counts)
