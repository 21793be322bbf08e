"""Busy periods side by side, turned into steps with what the dense heads should have said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from m4graph.graph.paper.component import ComponentStep, ComponentTracker
from m4graph.runs import LabelledRun
from m4graph.runs.events import ARRIVAL, DEPARTURE, true_stream

_QUEUE_OFFSET = 1e-6


@dataclass(frozen=True, eq=False)
class LabelledStep:
    """A step with its labels.

    Shapes:
        - ``remaining_rows`` int64, ``remaining`` ``[num_labels]``: rows of flows, and their shares
          not yet at the receiver
        - ``queue_rows`` int64, ``cbrt_queue`` ``[num_queues]``: rows of ``step.hop_link``, and
          cube roots of bytes; none where all queues of a route are empty
        - ``departed`` int64: flows that leave at this step, numbered through
    """

    step: ComponentStep
    remaining_rows: Tensor
    remaining: Tensor
    queue_rows: Tensor
    cbrt_queue: Tensor
    departed: Tensor

    def to(self, device: torch.device | str) -> LabelledStep:
        """The same step on another device."""
        moved: dict[str, Any] = {
            field.name: getattr(self, field.name).to(device) for field in fields(self)
        }
        return LabelledStep(**moved)


@dataclass(frozen=True, eq=False)
class _ByStep:
    """Entries in the order of the steps to which they belong, then of the periods."""

    ptr: NDArray[np.int64]
    values: tuple[NDArray[Any], ...]

    def at(self, step: int) -> list[NDArray[Any]]:
        rows = slice(self.ptr[step], self.ptr[step + 1])
        return [values[rows] for values in self.values]


_Table = tuple[NDArray[np.int64], tuple[NDArray[Any], ...]]
"""Step of each entry, and columns."""


class PeriodSteps:
    """Goes through busy periods on their true events, one event of each in a step.

    Args:
        periods (list of LabelledRun): The busy periods.
        row_multiple (int): The rows of flows and of links of each step are filled up to a multiple
            of this, by a flow :attr:`num_flows` and a link :attr:`num_links` that nothing depends
            on: kernels that are made for each shape then need few. (default: ``1``)
    """

    def __init__(self, periods: Sequence[LabelledRun], row_multiple: int = 1) -> None:
        self._row_multiple = row_multiple
        self._tracker = ComponentTracker([period.network for period in periods])
        firsts = self._tracker.first_flow
        self.num_steps = max(period.num_events for period in periods)
        self._events = self._by_step([_event_table(*pair) for pair in _zip(periods, firsts)])
        self._remaining = self._by_step([_remaining_table(*pair) for pair in _zip(periods, firsts)])
        self._queues = self._by_step([_queue_table(period) for period in periods])
        self._row_of = np.zeros(self.num_flows, np.int64)

    @property
    def num_flows(self) -> int:
        """Flows of all periods."""
        return self._tracker.num_flows

    @property
    def num_links(self) -> int:
        """Links of all periods."""
        return self._tracker.num_links

    @property
    def num_remaining(self) -> int:
        """Labels of remaining shares in all steps."""
        return len(self._remaining.values[0])

    @property
    def num_queues(self) -> int:
        """Labels of queues in all steps."""
        return int(self._queues.values[1].astype(bool).sum())

    def __iter__(self) -> Iterator[LabelledStep]:
        for index in range(self.num_steps):
            (events,) = self._events.at(index)
            step = self._tracker.step(events)
            flow_ids = step.flow_ids.numpy()
            self._row_of[flow_ids] = np.arange(len(flow_ids))
            flows, remaining = self._remaining.at(index)
            cbrt_queue, is_used = self._queues.at(index)
            queue_rows = np.flatnonzero(is_used)
            departed = events["flow"][events["kind"] == DEPARTURE]
            yield LabelledStep(
                step=self._filled_up(step),
                remaining_rows=torch.from_numpy(self._row_of[flows]),
                remaining=torch.from_numpy(remaining),
                queue_rows=torch.from_numpy(queue_rows),
                cbrt_queue=torch.from_numpy(cbrt_queue[queue_rows]),
                departed=torch.from_numpy(departed.astype(np.int64)),
            )

    def _filled_up(self, step: ComponentStep) -> ComponentStep:
        flows = -len(step.flow_ids) % self._row_multiple
        links = -len(step.link_ids) % self._row_multiple
        return replace(
            step,
            flow_ids=pad(step.flow_ids, (0, flows), value=self.num_flows),
            flow_x=pad(step.flow_x, (0, 0, 0, flows)),
            flow_is_new=pad(step.flow_is_new, (0, flows)),
            flow_gap_us=pad(step.flow_gap_us, (0, flows)),
            link_ids=pad(step.link_ids, (0, links), value=self.num_links),
            link_is_new=pad(step.link_is_new, (0, links)),
            link_gap_us=pad(step.link_gap_us, (0, links)),
        )

    def _by_step(self, tables: Sequence[_Table]) -> _ByStep:
        steps = np.concatenate([steps for steps, _ in tables])
        order = np.argsort(steps, kind="stable")
        columns = zip(*(values for _, values in tables), strict=True)
        return _ByStep(
            ptr=np.searchsorted(steps[order], np.arange(self.num_steps + 1)),
            values=tuple(np.concatenate(column)[order] for column in columns),
        )


def _zip(
    periods: Sequence[LabelledRun], firsts: NDArray[np.int64]
) -> Iterator[tuple[LabelledRun, int]]:
    return zip(periods, firsts.tolist(), strict=False)


def _event_table(period: LabelledRun, first: int) -> _Table:
    events = true_stream(period)
    events["flow"] += first
    return np.arange(len(events)), (events,)


def _remaining_table(period: LabelledRun, first: int) -> _Table:
    flows = period.label_flows.astype(np.int64)
    share = period.remaining_bytes / period.network.size_bytes[flows]
    steps = np.repeat(np.arange(period.num_events), np.diff(period.label_flow_ptr))
    return steps, (flows + first, share.astype(np.float32))


def _queue_table(period: LabelledRun) -> _Table:
    """Queues of the routes of arriving flows, and whether they are trained on."""
    counts = np.diff(period.label_link_ptr)
    steps = np.repeat(np.arange(period.num_events), counts)
    total = np.bincount(steps, period.queue_bytes, period.num_events)
    at_arrival = (period.event_kind == ARRIVAL)[steps]
    cbrt = np.cbrt(period.queue_bytes + _QUEUE_OFFSET).astype(np.float32)
    is_used = (total > 0)[steps]
    return steps[at_arrival], (cbrt[at_arrival], is_used[at_arrival])
