"""What was recorded of a run, as tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from m4graph.core.calls import plain_call
from m4graph.core.errors import ConfigError
from m4graph.core.files import check_output_folder, whole_folder
from m4graph.core.table import to_frame
from m4graph.core.yaml_file import write_yaml
from m4graph.scenario import Scenario
from m4graph.simulators.packet.observe.config import Recording
from m4graph.simulators.packet.observe.end_to_end import EndToEnd

if TYPE_CHECKING:
    import pandas as pd

LINK_SAMPLE = np.dtype(
    [
        ("time_ticks", "i8"),
        ("span_ticks", "i8"),  # since the sample before
        ("link", "i8"),
        ("queue_bytes", "i8"),
        ("sent_bytes", "i8"),  # in the span, as all that follows
        ("busy_ticks", "i8"),
        ("paused_ticks", "i8"),
        ("num_pauses", "i8"),
        ("num_drops", "i8"),
        ("num_lost", "i8"),
    ]
)
FLOW_SAMPLE = np.dtype(
    [
        ("time_ticks", "i8"),
        ("row", "i8"),
        ("remaining_bytes", "i8"),
        ("in_flight_bytes", "i8"),
        ("window_bytes", "i8"),
        ("rate_bps", "i8"),
    ]
)
EVENTS = ("enter", "leave", "drop", "lost")
PACKET_KINDS = ("data", "ack", "nack", "pause", "resume")
RECORDING_FILE = "recording.yaml"


@plain_call
@dataclass(frozen=True, eq=False)
class Records:
    """Tables of a recorded run; a table of what was not recorded has no rows.

    Times are in ns: whole ones, or, where ``network.tick`` is ``ps``, with a fraction. ``a`` and
    ``b`` are the nodes of a directed link, whose queue stands at ``a``.

    Args:
        recording (Recording): What was asked for.
        scenario (Scenario): What was simulated.
        link_samples (np.ndarray): Records of :data:`LINK_SAMPLE`.
        flow_samples (np.ndarray): Records of :data:`FLOW_SAMPLE`.
        tap_rows (np.ndarray): Records of :data:`~m4graph.simulators.packet.layout.TAP_ROW`.
        end_to_end (EndToEnd): What hosts have seen.
    """

    recording: Recording
    scenario: Scenario
    link_samples: NDArray[np.void]
    flow_samples: NDArray[np.void]
    tap_rows: NDArray[np.void]
    end_to_end: EndToEnd

    @cached_property
    def links(self) -> pd.DataFrame:
        """A row for each sample and link, by time.

        - ``time_ns``, ``a``, ``b``; ``queue_bytes``: of data that waits at that time, the packet on
          the wire and the strict-priority queue excluded
        - since the sample before: ``sent_bytes``, of packets whose sending began; ``busy_fraction``
          and ``paused_fraction`` of the time; ``pauses``, PAUSE frames that ``b`` sent to stop the
          link; ``drops``, packets that found no room at ``a``; ``lost``, packets lost on the wire
        """
        rows = self.link_samples
        span = np.maximum(rows["span_ticks"], 1)
        return to_frame(
            {
                "time_ns": self._ns(rows["time_ticks"]),
                **self._ends(rows["link"]),
                "queue_bytes": rows["queue_bytes"],
                "sent_bytes": rows["sent_bytes"],
                "busy_fraction": rows["busy_ticks"] / span,
                "paused_fraction": rows["paused_ticks"] / span,
                "pauses": rows["num_pauses"],
                "drops": rows["num_drops"],
                "lost": rows["num_lost"],
            }
        )

    @cached_property
    def flows(self) -> pd.DataFrame:
        """A row for each sample and flow that is active then, by time.

        ``time_ns``, ``flow`` (its id), ``remaining_bytes`` (not yet at the receiver),
        ``in_flight_bytes`` (sent, not acknowledged), ``window_bytes`` (0: none), ``rate_bps``.
        """
        rows = self.flow_samples
        return to_frame(
            {
                "time_ns": self._ns(rows["time_ticks"]),
                "flow": self.scenario.workload.id[rows["row"]],
                **{name: rows[name] for name in FLOW_SAMPLE.names[2:]},  # type: ignore[index]
            }
        )

    @cached_property
    def packets(self) -> pd.DataFrame:
        """A row for each thing that happens to a packet at a tap, in the order of the events.

        - ``time_ns``; ``event``: ``leave`` (its first bit is sent), ``enter`` (its last bit has
          arrived), ``drop`` (no room in the queue), ``lost`` (its last bit would have arrived)
        - ``packet``: its number, the same at all taps: hosts count what they send, and a packet
          sent again is another one; -1 for PFC frames. An ACK is a packet of its own.
        - ``flow`` (its id, -1 for PFC frames), ``kind``, ``seq``, ``wire_bytes``, ``marked``
        - ``a``, ``b``: the link; at a drop the one that it was to take
        - ``tx_ns``: what its sending takes, at ``leave``; its last bit leaves so much later
        """
        import pandas as pd

        rows = self.tap_rows
        flow_id = np.append(self.scenario.workload.id, -1)
        return pd.DataFrame(
            {
                "time_ns": self._ns(rows["time_ticks"]),
                "event": _categorical(rows["event"], EVENTS),
                "packet": rows["packet"],
                "flow": flow_id[rows["flow"]],
                "kind": _categorical(rows["kind"], PACKET_KINDS),
                "seq": rows["seq"],
                "wire_bytes": rows["wire_bytes"],
                "marked": rows["marked"],
                **self._ends(rows["link"]),
                "tx_ns": self._ns(rows["tx_ticks"]),
            }
        )

    @property
    def rtt(self) -> pd.DataFrame:
        """Round-trip times, as :attr:`EndToEnd.rtt`."""
        return self.end_to_end.rtt

    @property
    def throughput(self) -> pd.DataFrame:
        """Bytes by host and 100 ms, as :attr:`EndToEnd.throughput`."""
        return self.end_to_end.throughput

    def tables(self) -> dict[str, pd.DataFrame]:
        """What was recorded: ``links``, ``flows``, ``packets``, ``rtt``, ``throughput``, as far as
        it was asked for.
        """
        wanted = {
            "links": self.recording.links,
            "flows": self.recording.flows,
            "packets": self.recording.taps,
            "rtt": self.recording.rtt,
            "throughput": self.recording.throughput,
        }
        return {name: getattr(self, name) for name, chosen in wanted.items() if chosen is not None}

    def write(self, folder: str | Path, format: Literal["parquet", "npz"] = "parquet") -> None:
        """Writes each table into a folder, as ``links.parquet`` say, and ``recording.yaml``.

        What hosts see are CSV files in either format, ``rtt.csv`` and ``throughput.csv``.

        Raises:
            InputError: If the format is unknown, or nothing can be written there.
        """
        if format not in ("parquet", "npz"):
            raise ConfigError(f"format: expected parquet or npz (got {format!r})")
        check_output_folder(Path(folder))
        with whole_folder(Path(folder), mark=RECORDING_FILE) as scratch:
            self.write_files(scratch, format)

    def write_files(self, folder: Path, format: Literal["parquet", "npz"] = "parquet") -> None:
        """As :meth:`write`, into a folder that is there."""
        for name, table in self.tables().items():
            if name in ("rtt", "throughput"):
                table.to_csv(folder / f"{name}.csv", index=False)
            elif format == "parquet":
                table.to_parquet(folder / f"{name}.parquet", index=False)
            else:
                columns: dict[str, Any] = {str(key): _plain(table[key]) for key in table}
                np.savez_compressed(folder / f"{name}.npz", **columns)
        write_yaml(folder / RECORDING_FILE, self.recording.model_dump())

    def _ns(self, ticks: NDArray[np.int64]) -> NDArray[np.int64] | NDArray[np.float64]:
        ticks_per_ns = self.scenario.config.ticks_per_ns
        return ticks if ticks_per_ns == 1 else ticks / ticks_per_ns

    def _ends(self, link: NDArray[np.int64]) -> dict[str, NDArray[np.int32]]:
        arrays = self.scenario.arrays
        return {"a": arrays.link_src[link], "b": arrays.link_dst[link]}

    def __repr__(self) -> str:
        rows = ", ".join(f"{name}: {len(table)} rows" for name, table in self.tables().items())
        return f"Records({rows})"


def _categorical(codes: NDArray[np.integer], names: Sequence[str]) -> pd.Categorical[str]:
    import pandas as pd

    return pd.Categorical.from_codes(codes.astype(np.int8), pd.Index(list(names)))


def _plain(column: pd.Series) -> NDArray[Any]:
    """A column as numpy keeps it without pickling: text of fixed width for categories."""
    if column.dtype == "category":
        return np.asarray(column.to_numpy(dtype=str))
    return np.asarray(column.to_numpy())
