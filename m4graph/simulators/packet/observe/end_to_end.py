"""What hosts see of a run: round-trip times of their segments, and bytes that reach them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from m4graph.core.table import to_frame
from m4graph.core.units import NS_PER_S
from m4graph.scenario import Scenario

if TYPE_CHECKING:
    import pandas as pd

WINDOW_NS = NS_PER_S // 10
"""The throughput of a host is that of windows of this length."""
MOST_RTTS = 200_000
"""Round-trip times that are kept of a run."""

RTT_SAMPLE = np.dtype([("flow", "i8"), ("time_ticks", "i8"), ("rtt_ticks", "i8"), ("marked", "b1")])
HOST_BYTES = np.dtype([("host", "i8"), ("window", "i8"), ("bytes", "i8")])


@dataclass(frozen=True, eq=False)
class EndToEnd:
    """Round-trip times and throughputs of a run, as its hosts see them.

    Times are in ns: whole ones, or, where ``network.tick`` is ``ps``, with a fraction.

    Args:
        scenario (Scenario): What was simulated.
        rtt_samples (np.ndarray): Records of :data:`RTT_SAMPLE`, by time; ``flow`` is a row.
        host_bytes (np.ndarray): Records of :data:`HOST_BYTES`, by window and host.
    """

    scenario: Scenario
    rtt_samples: NDArray[np.void]
    host_bytes: NDArray[np.void]

    @cached_property
    def rtt(self) -> pd.DataFrame:
        """A row for each segment whose ACK has come back, by the time of the ACK.

        - ``flow`` (its id), ``time_ns``: the last bit of the ACK has arrived
        - ``rtt_ns``: from the segment's first bit until then. The ACK is the first that
          acknowledges just up to the segment's end; what was sent again is left out.
        - ``marked``: the ACK echoes ECN's mark

        Of more than :data:`MOST_RTTS` it is every second one, every fourth one, and so on.
        """
        rows, ticks_per_ns = self.rtt_samples, self.scenario.config.ticks_per_ns
        columns = {"flow": self.scenario.workload.id[rows["flow"]]}
        for name in ("time", "rtt"):
            ticks = rows[f"{name}_ticks"]
            columns[f"{name}_ns"] = ticks if ticks_per_ns == 1 else ticks / ticks_per_ns
        return to_frame(columns | {"marked": rows["marked"]})

    @cached_property
    def throughput(self) -> pd.DataFrame:
        """A row for each host and window of 100 ms in which data arrives there.

        ``host``, ``time_ns`` (the window begins), ``bytes`` (payload that arrives completely in the
        window, what was sent twice included).
        """
        rows = self.host_bytes
        time_ns = rows["window"] * WINDOW_NS
        return to_frame({"host": rows["host"], "time_ns": time_ns, "bytes": rows["bytes"]})

    def write_files(self, folder: Path) -> None:
        """Writes ``rtt.csv`` and ``throughput.csv``."""
        self.rtt.to_csv(folder / "rtt.csv", index=False)
        self.throughput.to_csv(folder / "throughput.csv", index=False)

    def __repr__(self) -> str:
        return f"EndToEnd(rtt: {len(self.rtt_samples)}, throughput: {len(self.host_bytes)} rows)"
