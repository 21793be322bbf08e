"""What goes into a session and comes out of it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from m4graph.core.calls import plain_call
from m4graph.routing import Routes

PAUSED, ENDED = -1, -2
"""Codes of an :class:`Outcome` without a flow."""

FOREVER_NS = 2**62
"""Later than everything."""


@plain_call
class Completion(NamedTuple):
    """A flow whose last byte has arrived.

    Args:
        flow_id (int): Its number in the session.
        src (int): Sending host.
        dst (int): Receiving host.
        size_bytes (int): Payload.
        start_ns (int): When it started.
        finish_ns (int): When its last byte was at the receiver.
        ideal_fct_ns (int): What it would have taken alone on its route.
    """

    flow_id: int
    src: int
    dst: int
    size_bytes: int
    start_ns: int
    finish_ns: int
    ideal_fct_ns: int

    @property
    def fct_ns(self) -> int:
        """From start to finish."""
        return self.finish_ns - self.start_ns

    @property
    def slowdown(self) -> float:
        """``fct_ns`` over ``ideal_fct_ns``."""
        return self.fct_ns / self.ideal_fct_ns


class Outcome(NamedTuple):
    """What has happened while a session ran on.

    Args:
        code (int): The flow that has completed; or :data:`ENDED` if nothing is left to happen up
            to the time asked for, :data:`PAUSED` if there is.
        finish_ns (int): When the flow completed.
        now_ns (int): Time of the last event; a flow may start then.
    """

    code: int
    finish_ns: int
    now_ns: int


class Waits(NamedTuple):
    """What the flows of a batch wait for, which start by themselves.

    A flow may start ``lag_ns`` of the flow that it waits for after that has completed, of several
    the last; and not before its ``ready_ns``.

    Shapes:
        - num_open: int64 ``[num_flows]``, how many flows of the batch each one waits for
        - followers_ptr: int64 ``[num_flows + 1]``, followers: int64 ``[num_waits]``; for flow ``i``
          wait the flows ``followers[followers_ptr[i]:followers_ptr[i + 1]]`` of the batch
        - lag_ns, ready_ns: int64 ``[num_flows]``
    """

    num_open: NDArray[np.int64]
    followers_ptr: NDArray[np.int64]
    followers: NDArray[np.int64]
    lag_ns: NDArray[np.int64]
    ready_ns: NDArray[np.int64]


class FlowBatch(NamedTuple):
    """Flows that a session takes in, none of which has started.

    Shapes:
        - src, dst, size_bytes, ideal_fct_ns: int64 ``[num_new]``
        - window_bytes: int64 ``[num_new]``, 0: that of the algorithm; ``None``: all have that
    """

    src: NDArray[np.int64]
    dst: NDArray[np.int64]
    size_bytes: NDArray[np.int64]
    ideal_fct_ns: NDArray[np.int64]
    routes: Routes
    window_bytes: NDArray[np.int64] | None = None
