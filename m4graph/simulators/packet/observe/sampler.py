"""Samples links and flows at set times, and collects what the taps write."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from m4graph.scenario import Scenario
from m4graph.simulators.packet import layout
from m4graph.simulators.packet.driver import PacketRun, Watcher
from m4graph.simulators.packet.layout import DROP, LOST
from m4graph.simulators.packet.observe.config import Recording
from m4graph.simulators.packet.observe.host_meter import HostMeter
from m4graph.simulators.packet.observe.tables import FLOW_SAMPLE, LINK_SAMPLE, Records
from m4graph.simulators.packet.observe.tap_buffer import lay_out_taps, take_tap_rows
from m4graph.simulators.packet.state import State

_FIRST_ROWS = 1 << 10


class Sampler(Watcher):
    """A :class:`Watcher` that records what a :class:`Recording` asks for, of one run.

    A sample stands before or behind what else happens in its instant. There is none at time 0; the
    last one is taken when the run ends, and may cover less than an interval.

    Args:
        recording (Recording): What to record.
        scenario (Scenario): The scenario.

    Raises:
        KeyProblem: If a link, flow, host or pod of the recording does not exist.
    """

    def __init__(self, recording: Recording, scenario: Scenario) -> None:
        self._recording, self._scenario = recording, scenario
        self._links = recording.link_ids("links", scenario)
        self._taps = recording.link_ids("taps", scenario)
        self._is_tapped = np.zeros(scenario.arrays.num_links, bool)
        self._is_tapped[self._taps] = True
        self._flows = recording.flow_rows(scenario)
        hosts = recording.hosts("rtt", scenario), recording.hosts("throughput", scenario)
        self._meter = HostMeter(scenario, *hosts)
        self._link_rows = _Rows(LINK_SAMPLE)
        self._flow_rows = _Rows(FLOW_SAMPLE)
        self._tap_rows: list[np.ndarray] = []
        self._before = np.zeros(len(self._links), LINK_SAMPLE)
        self._sampled_ticks = 0

    def begin(self, run: PacketRun) -> None:
        """Lays out meters and taps where they are needed, and asks for the first sample."""
        tapped = np.union1d(self._taps, self._meter.links)
        if len(self._links) or len(tapped):
            lay_out_taps(run, tapped)
        if len(self._meter.links):
            self._meter.begin(run)
        if len(self._links) or len(self._flows):
            run.call_at(self._recording.interval_ns, self._sample_again)

    def drain(self, run: PacketRun) -> None:
        """Takes over what the taps have written."""
        rows = take_tap_rows(run)
        if len(self._meter.links):
            self._meter.add(rows)
        if len(self._taps):
            is_wanted = np.isin(rows["event"], (DROP, LOST)) | self._is_tapped[rows["link"]]
            self._tap_rows.append(rows[is_wanted])

    def finish(self, run: PacketRun) -> dict[str, Any]:
        """Takes the last sample; gives all that was recorded."""
        self._sample(run.state)
        self.drain(run)
        tap_rows = np.concatenate([np.zeros(0, layout.TAP_ROW), *self._tap_rows])
        tables = self._link_rows.array, self._flow_rows.array, tap_rows, self._meter.finish()
        return {"recording": Records(self._recording, self._scenario, *tables)}

    def _sample_again(self, run: PacketRun) -> None:
        self._sample(run.state)
        run.call_at(run.now_ns + self._recording.interval_ns, self._sample_again)

    def _sample(self, state: State) -> None:
        now = int(state.control["now"][0])
        if now == self._sampled_ticks:
            return
        self._sampled_ticks = now
        if len(self._links):
            self._sample_links(state)
        if len(self._flows):
            self._sample_flows(state)

    def _sample_links(self, state: State) -> None:
        """Notes queues, and what the counters have counted since the last sample."""
        now = int(state.control["now"][0])
        links, meters = state.links[self._links], state.meters[self._links]
        counts = np.zeros(len(links), LINK_SAMPLE)
        counts["time_ticks"] = now
        counts["span_ticks"] = now
        counts["link"] = self._links
        counts["queue_bytes"] = links["queue_bytes"]
        counts["sent_bytes"] = links["sent_bytes"]
        still_to_send = np.maximum(meters["tx_end_ticks"] - now, 0)
        counts["busy_ticks"] = meters["busy_ticks"] - still_to_send
        is_paused = meters["paused_since"] >= 0
        counts["paused_ticks"] = meters["paused_ticks"] + is_paused * (now - meters["paused_since"])
        counts["num_pauses"] = meters["num_pauses"]
        counts["num_drops"] = meters["num_drops"]
        counts["num_lost"] = meters["num_lost"]
        sample = counts.copy()
        for name in _COUNTED:
            sample[name] -= self._before[name]
        self._before = counts
        self._link_rows.append(sample)

    def _sample_flows(self, state: State) -> None:
        now = int(state.control["now"][0])
        flows = state.flows[self._flows]
        active = (flows["start_ticks"] <= now) & (flows["finish_ticks"] < 0)
        flows = flows[active]
        sample = np.zeros(len(flows), FLOW_SAMPLE)
        sample["time_ticks"] = now
        sample["row"] = self._flows[active]
        sample["remaining_bytes"] = flows["size_bytes"] - flows["rcv_nxt"]
        sample["in_flight_bytes"] = flows["snd_nxt"] - flows["snd_una"]
        sample["window_bytes"] = flows["window_bytes"]
        sample["rate_bps"] = flows["rate_bps"]
        self._flow_rows.append(sample)


class _Rows:
    """Records of one type, appended to an array that doubles."""

    def __init__(self, dtype: np.dtype[np.void]) -> None:
        self._array = np.zeros(_FIRST_ROWS, dtype)
        self._used = 0

    @property
    def array(self) -> NDArray[np.void]:
        """All records so far."""
        return self._array[: self._used]

    def append(self, records: NDArray[np.void]) -> None:
        """Adds records at the end."""
        after = self._used + len(records)
        if after > len(self._array):
            longer = np.zeros(max(after, 2 * len(self._array)), self._array.dtype)
            longer[: self._used] = self.array
            self._array = longer
        self._array[self._used : after] = records
        self._used = after


_COUNTED = (
    "span_ticks",
    "sent_bytes",
    "busy_ticks",
    "paused_ticks",
    "num_pauses",
    "num_drops",
    "num_lost",
)
