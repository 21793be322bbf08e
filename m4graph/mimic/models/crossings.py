"""Whole crossings of a pod, as a trace has them: for models that know no ports."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from m4graph.core.errors import ConfigError
from m4graph.mimic.boundary import BoundaryTrace

NUM_STREAMS = 4
"""Two directions, and data or ACKs of each: ``2 * direction + kind``."""

CROSSING = np.dtype([("latency_ticks", "i8"), ("marked", "i8")])
"""One packet: -1 if it was dropped; marked inside the pod."""


def crossings(trace: BoundaryTrace) -> tuple[NDArray[np.void], NDArray[np.int64]]:
    """The packets of a trace, and the stream of each, by time.

    Raises:
        ConfigError: If a stream has no packets.
    """
    rows = trace.rows
    stream = 2 * rows["direction"].astype(np.int64) + rows["kind"]
    if len(np.unique(stream)) < NUM_STREAMS:
        raise ConfigError("trace: expected data and ACKs both ways (got fewer)")
    found = np.zeros(len(rows), CROSSING)
    found["latency_ticks"] = np.where(rows["dropped"], -1, rows["exit_ticks"] - rows["enter_ticks"])
    found["marked"] = rows["marked_out"] & ~rows["marked_in"]
    return found, stream


def check_columns(name: str, arrays: Any, dtypes: dict[str, np.dtype[Any]]) -> None:
    """Checks that saved arrays are flat and of their types.

    Raises:
        ConfigError: For the first one that is not.
    """
    for each, dtype in dtypes.items():
        array = arrays[each]
        if array.dtype != dtype or array.ndim != 1 or len(array) == 0:
            raise ConfigError(
                f"{name}, {each}: expected {dtype}, some in a row "
                f"(got {array.dtype} {list(array.shape)})"
            )
