"""Makes curves of ports right in the long run: waits, and how often ECN marks.

A curve holds the waits at each level. Packets also wait for each other, so that those of a run are
longer. Here the ports of a trace run freely: packets come when they did, and the curves decide what
they meet. What comes out too long or too often is made shorter and rarer, again and again. Drops
are left as they are: here packets come after drops that did not come then.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from m4graph.core.kernels import kernel
from m4graph.mimic.models.lindley_curve import LEVEL_STEP, MAX_LEVEL, NUM_LEVELS
from m4graph.mimic.models.lindley_step import PORT_STATE, normals, wait_at_port
from m4graph.mimic.models.random import first_state
from m4graph.mimic.port_waits import DROPPED, PortWaits

_STRIDES = 0.8 / np.array([1, 1, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9])
"""The part of an error that each round takes away: less and less, as a run has noise of its own."""

_MOST_CHANCE = 0.95


def calibrate(
    curves: NDArray[np.void], waits: PortWaits, group: NDArray[np.int64], seed: int
) -> NDArray[np.void]:
    """Curves of a role with which its ports do in the long run what they did.

    Args:
        curves (np.ndarray): Records of :data:`PORT_CURVE`, ``[NUM_KINDS]``.
        waits (PortWaits): At the ports of the role.
        group (np.ndarray): int64 ``[num_packets]``, as for :func:`fit_curves`.
        seed (int): Of the runs.

    Shapes:
        - output: records, ``[NUM_KINDS]``
    """
    curves = curves.copy()
    quantiles = ndtr(np.arange(NUM_LEVELS) * LEVEL_STEP - MAX_LEVEL)
    for step, stride in enumerate(_STRIDES):
        wait_ticks, marked = roll_out(curves, waits, group, seed + step)
        for kind in np.flatnonzero(curves["is_fitted"]):
            chosen = waits.kind == kind
            given, came = waits.wait_ticks[chosen], wait_ticks[chosen]
            curve = curves[kind : kind + 1]
            if (given != DROPPED).any() and (came != DROPPED).any():
                _move_waits(
                    curve, given[given != DROPPED], came[came != DROPPED], quantiles, stride
                )
            _scale_marks(curve, waits.marked[chosen], marked[chosen], stride)
    return curves


def roll_out(
    curves: NDArray[np.void], waits: PortWaits, group: NDArray[np.int64], seed: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """What packets meet at ports that run freely, one set of ports for each group.

    Returns:
        tuple: int64 ``[num_packets]``, waits in ticks, or :data:`DROPPED`; bool, marks.
    """
    num_ports = int(waits.port.max(initial=0)) + 1
    port = group * num_ports + waits.port
    state = np.zeros(num_ports * (int(group.max(initial=0)) + 1), PORT_STATE)
    wait_ticks, marked = np.zeros(len(waits), np.int64), np.zeros(len(waits), np.bool_)
    columns = (waits.arrive_ticks, waits.tx_ticks, waits.kind.astype(np.int64), port)
    random = first_state(seed)
    _roll(*columns, state, curves, normals(), random, wait_ticks, marked)
    return wait_ticks, marked


@kernel
def _roll(
    arrive: NDArray[np.int64],
    tx: NDArray[np.int64],
    kind: NDArray[np.int64],
    port: NDArray[np.int64],
    state: NDArray[np.void],
    curves: NDArray[np.void],
    normal: NDArray[np.float64],
    random: NDArray[np.uint64],
    wait_ticks: NDArray[np.int64],
    marked: NDArray[np.bool_],
) -> None:
    for index in range(len(arrive)):
        wait_ticks[index], marked[index] = wait_at_port(
            state[port[index]], curves[kind[index]], arrive[index], tx[index], normal, random
        )


def _move_waits(
    curve: NDArray[np.void],
    given: NDArray[np.int64],
    came: NDArray[np.int64],
    quantiles: NDArray[np.float64],
    stride: float,
) -> None:
    """Moves waits by as much as their quantiles are off."""
    wanted, got = np.quantile(given, quantiles), np.quantile(came, quantiles)
    error = wanted - got
    # Where many waits are equal, as those of 0, one of them stands for all.
    got, first = np.unique(got, return_index=True)
    waits = curve["wait_ticks"][0].astype(np.float64)
    waits += stride * np.interp(waits, got, error[first])
    curve["wait_ticks"][0] = np.maximum.accumulate(np.maximum(waits, 0), axis=1)


def _scale_marks(
    curve: NDArray[np.void], given: NDArray[np.bool_], came: NDArray[np.bool_], stride: float
) -> None:
    """Makes marks more or less likely by as much as their mean is off."""
    one = 1 / len(given)
    factor = ((given.mean() + one) / (came.mean() + one)) ** stride
    curve["mark"] = np.minimum(curve["mark"] * factor, _MOST_CHANCE)
