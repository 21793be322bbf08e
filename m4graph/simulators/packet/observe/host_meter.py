"""Measures what hosts see, out of what the taps at their links write."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from m4graph.core.announced import announced_compilation
from m4graph.core.arrays import grown
from m4graph.scenario import Scenario
from m4graph.simulators.packet import layout
from m4graph.simulators.packet.driver import PacketRun, Watcher
from m4graph.simulators.packet.layout import NONE
from m4graph.simulators.packet.observe import end_to_end_kernels as kernels
from m4graph.simulators.packet.observe.end_to_end import (
    HOST_BYTES,
    MOST_RTTS,
    RTT_SAMPLE,
    WINDOW_NS,
    EndToEnd,
)
from m4graph.simulators.packet.observe.tap_buffer import lay_out_taps, take_tap_rows

Hosts = NDArray[np.integer[Any]]


class HostMeter:
    """Adds up round-trip times and bytes of one run; memory does not grow with its packets.

    Args:
        scenario (Scenario): The scenario.
        rtt_hosts (np.ndarray): Hosts whose segments are timed.
        throughput_hosts (np.ndarray): Hosts that bytes are counted of.
    """

    def __init__(self, scenario: Scenario, rtt_hosts: Hosts, throughput_hosts: Hosts) -> None:
        arrays = scenario.arrays
        self._scenario = scenario
        self._is_uplink = np.zeros(arrays.num_links, bool)
        self._is_uplink[arrays.host_uplink[rtt_hosts]] = True
        self._is_downlink = np.zeros(arrays.num_links, bool)
        self._is_downlink[arrays.host_downlink[rtt_hosts]] = True
        self._host_of_link = np.full(arrays.num_links, NONE, np.int64)
        self._host_of_link[arrays.host_downlink[throughput_hosts]] = throughput_hosts
        self._state = np.zeros(1, kernels.METER_STATE)
        self._state["free"], self._state["stride"] = NONE, 1
        self._flows = np.zeros(scenario.workload.num_flows, kernels.FLOW_SEGMENTS)
        self._flows["head"] = NONE
        self._segments = np.zeros(0, kernels.SEGMENT)
        self._rtts = np.zeros(MOST_RTTS if len(rtt_hosts) else 0, RTT_SAMPLE)
        self._in_window = np.zeros(arrays.num_hosts, np.int64)
        self._windows = np.zeros(0, HOST_BYTES)

    @property
    def links(self) -> NDArray[np.intp]:
        """The directed links that have to be tapped."""
        counts = self._host_of_link != NONE
        return np.flatnonzero(self._is_uplink | self._is_downlink | counts)

    def begin(self, run: PacketRun) -> None:
        """Compiles what will be needed while the run's clock stands."""
        config = run.state.config[0]
        self._overhead_bytes = int(config["data_overhead_bytes"])
        self._window_ticks = WINDOW_NS * int(config["ticks_per_ns"])
        rows = np.zeros(0, layout.TAP_ROW)
        announced_compilation("meter of hosts", lambda: self.add(rows))

    def add(self, rows: NDArray[np.void]) -> None:
        """Takes rows of taps, in the order in which they were written."""
        self._make_room(len(rows))
        kernels.add_rtts(
            rows,
            self._is_uplink,
            self._is_downlink,
            self._overhead_bytes,
            self._state,
            self._flows,
            self._segments,
            self._rtts,
        )
        kernels.add_bytes(
            rows,
            self._host_of_link,
            self._overhead_bytes,
            self._window_ticks,
            self._state,
            self._in_window,
            self._windows,
        )

    def finish(self) -> EndToEnd:
        """What has been measured; the last window ends with the run."""
        self._make_room(0)
        if self._in_window.any():
            kernels.end_window(self._state, self._in_window, self._windows)
        rtts = self._rtts[: self._state["num_rtts"][0]]
        return EndToEnd(self._scenario, rtts, self._windows[: self._state["num_bytes"][0]])

    def _make_room(self, num_rows: int) -> None:
        """For a segment of each row, and for a window of each row, and the one before."""
        state, old = self._state, len(self._segments)
        if state["num_free"][0] < num_rows:
            self._segments = grown(self._segments, max(2 * old, old + num_rows))
            made = np.arange(old, len(self._segments))
            self._segments["next"][made] = np.append(made[1:], state["free"])
            state["free"] = old
            state["num_free"] += len(made)
        # A row of bytes is that of a packet of its own, in this call or before.
        needed = int(state["num_bytes"][0]) + num_rows + int(np.count_nonzero(self._in_window))
        if needed > len(self._windows):
            self._windows = grown(self._windows, max(needed, 2 * len(self._windows)))


class EndToEndWatcher(Watcher):
    """A :class:`Watcher` that leaves an :class:`EndToEnd` in ``result.extra["end_to_end"]``.

    Args:
        hosts (np.ndarray): Whose round-trip times and throughputs to measure.
    """

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts

    def begin(self, run: PacketRun) -> None:
        """Lays out taps at the hosts."""
        self._meter = HostMeter(run.scenario, self._hosts, self._hosts)
        lay_out_taps(run, self._meter.links)
        self._meter.begin(run)

    def drain(self, run: PacketRun) -> None:
        """Takes over what the taps have written."""
        self._meter.add(take_tap_rows(run))

    def finish(self, run: PacketRun) -> dict[str, Any]:
        """Gives what was measured."""
        self.drain(run)
        return {"end_to_end": self._meter.finish()}
