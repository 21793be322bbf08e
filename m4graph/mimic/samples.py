"""What counts of a run when mimics are measured: distributions at the hosts of one pod."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from m4graph.core.errors import SimulationError
from m4graph.core.units import NS_PER_S
from m4graph.results import SimulationResult
from m4graph.simulators.packet.observe.end_to_end import EndToEnd
from m4graph.workload import Workload


@dataclass(frozen=True, eq=False)
class HostSamples:
    """What some hosts see while a run is neither warming up nor about to end.

    Fields:
        - fct_ns: int64 ``[num_finished]``, of flows with an end at one of the hosts that start in
          that time and finish
        - num_unfinished: how many of such flows do not
        - rtt_ns: float64 ``[num_rtts]``, of segments whose ACK comes in that time; empty where the
          simulator has no packets
        - marked: bool ``[num_rtts]``, the ACK echoes ECN's mark
        - throughput_bytes: int64 ``[num_windows]``, of a host and 100 ms; windows in which nothing
          arrives are left out
    """

    fct_ns: NDArray[np.int64]
    num_unfinished: int
    rtt_ns: NDArray[np.float64]
    marked: NDArray[np.bool_]
    throughput_bytes: NDArray[np.int64]

    @classmethod
    def of(
        cls, result: SimulationResult, hosts: NDArray[np.integer[Any]], margin_ns: int = NS_PER_S
    ) -> Self:
        """Takes what counts out of a result.

        Args:
            result (SimulationResult): Of an open loop.
            hosts (np.ndarray): The hosts.
            margin_ns (int, optional): What is left out after time 0, and before the stop time, or,
                without one, the last start. (default: a second)

        Raises:
            SimulationError: If the run is no longer than the two margins.
        """
        scenario, workload = result.scenario, result.scenario.workload
        assert isinstance(workload, Workload)
        end_ns = scenario.stop_ns or int(workload.start_ns.max())
        if end_ns <= 2 * margin_ns:
            raise SimulationError(
                f"{scenario.name}: expected a run of more than {2 * margin_ns} ns (got {end_ns})"
            )

        def counts(time_ns: Any) -> Any:
            return (time_ns >= margin_ns) & (time_ns < end_ns - margin_ns)

        is_own = np.isin(workload.src, hosts) | np.isin(workload.dst, hosts)
        fct_ns = result.fct_ns[is_own & counts(workload.start_ns)]
        finished = fct_ns[fct_ns >= 0]
        rtt_ns, marked = np.zeros(0), np.zeros(0, np.bool_)
        throughput_bytes = np.zeros(0, np.int64)
        seen = _end_to_end(result)
        if seen is not None:
            rtt, windows = seen.rtt[counts(seen.rtt["time_ns"])], seen.throughput
            rtt_ns, marked = rtt["rtt_ns"].to_numpy(np.float64), rtt["marked"].to_numpy(np.bool_)
            throughput_bytes = windows.loc[counts(windows["time_ns"]), "bytes"].to_numpy(np.int64)
        return cls(finished, len(fct_ns) - len(finished), rtt_ns, marked, throughput_bytes)


def _end_to_end(result: SimulationResult) -> EndToEnd | None:
    """Of a simulator that always measures it, or of a recording."""
    if "recording" in result.extra:
        return result.extra["recording"].end_to_end  # type: ignore[no-any-return]
    return result.extra.get("end_to_end")
