"""What a simulator gives back: completion times and slowdowns."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from m4graph.core.calls import plain_call
from m4graph.core.checks import check_positive
from m4graph.core.errors import SimulationError
from m4graph.core.provenance import peak_rss_bytes, provenance
from m4graph.core.table import to_frame, write_table
from m4graph.core.units import NS_PER_S
from m4graph.results.quantiles import MEDIAN, QUANTILES, named_quantiles, quantiles_of_rows
from m4graph.results.shown import Shown
from m4graph.results.summary import (
    NUM_NOT_SIMULATED,
    number,
    plain_value,
    slowdown_statistics,
)
from m4graph.scenario import Scenario
from m4graph.topology import host_labels
from m4graph.workload import ClosedLoopWorkload, Workload

if TYPE_CHECKING:
    import pandas as pd

UNFINISHED = -1
"""The FCT of a flow that did not finish."""

UNFINISHED_BECAUSE = "unfinished_because"
"""The name in ``extra`` of the reason why flows did not finish, where a simulator knows it."""

RUN_FCT_NS = "run_fct_ns"
"""The name in ``extra`` of the FCTs by which a run went on, where the result's own are others."""

_COLUMNS = ("flow_id", "fct_ns", "ideal_fct_ns", "start_ns")


@plain_call
@dataclass(frozen=True, eq=False)
class SimulationResult(Shown):
    """Completion times of one run.

    Args:
        simulator (str): Name of the simulator.
        flow_id (np.ndarray): Flow ids, in the workload's order.
        fct_ns (np.ndarray): From a flow's start to its last byte at the receiver;
            :data:`UNFINISHED` if that did not happen, or not before the scenario's stop time.
        ideal_fct_ns (np.ndarray): The FCT alone on the route.
        num_events (int): Flow arrivals and departures.
        wall_s (float): Seconds of the simulation alone, after compilation and loading.
        compile_s (float): Seconds of compilation.
        packet_hops (int, optional): Packets, data and ACK, sent over a link.
        scenario (Scenario): What was simulated.
        start_ns (np.ndarray, optional): When each flow started; :data:`UNFINISHED` if it did not.
            (default: the workload's starts)
        extra (dict): What else the simulator recorded: labels, drops, pauses.

    Shapes:
        - ``flow_id``, ``fct_ns``, ``ideal_fct_ns``, ``start_ns``: ``[num_flows]``, int64
        - ``slowdown`` ``[num_flows]``, float64, NaN where unfinished; ``finished``, bool

    Raises:
        SimulationError: If the arrays do not fit each other.
    """

    simulator: str
    flow_id: NDArray[np.int64]
    fct_ns: NDArray[np.int64]
    ideal_fct_ns: NDArray[np.int64]
    num_events: int
    wall_s: float
    compile_s: float
    packet_hops: int | None
    scenario: Scenario
    extra: dict[str, Any] = field(default_factory=dict)
    start_ns: NDArray[np.int64] = None  # type: ignore[assignment]  # set below

    def __post_init__(self) -> None:
        if self.start_ns is None:
            object.__setattr__(self, "start_ns", self.scenario.workload.start_ns)
        lengths = [len(getattr(self, name)) for name in _COLUMNS]
        if len(set(lengths)) != 1:
            raise SimulationError(
                f"{self.simulator}: expected ids, FCTs, ideal FCTs and starts of the same flows "
                f"(got {lengths})"
            )
        stop_ns = self.scenario.stop_ns
        if stop_ns is not None:
            is_late = self.start_ns + self.fct_ns >= stop_ns
            object.__setattr__(self, "fct_ns", np.where(is_late, UNFINISHED, self.fct_ns))

    @cached_property
    def finished(self) -> NDArray[np.bool_]:
        """Which flows finished, bool ``[num_flows]``."""
        return np.asarray(self.fct_ns >= 0)

    @cached_property
    def slowdown(self) -> NDArray[np.float64]:
        """Slowdown, float64 ``[num_flows]``: FCT over ideal FCT; NaN where unfinished."""
        return np.where(self.finished, self.fct_ns / self.ideal_fct_ns, np.nan)

    @cached_property
    def quantiles(self) -> pd.DataFrame:
        """Quantiles of each flow's slowdown, of a simulator that predicts distributions.

        A row for each flow under its id, sorted by it. ``p50`` is :attr:`slowdown`; others, as
        ``p90`` and ``p99``, are named by the levels that the model predicts. They rise with the
        level, and are never below 1. NaN where unfinished.

        Raises:
            ConfigError: If the simulator predicts none.
        """
        import pandas as pd

        columns = named_quantiles(self.slowdown, self.extra, self.simulator)
        order = np.argsort(self.flow_id, kind="stable")
        index = pd.Index(self.flow_id[order], name="id")
        return pd.DataFrame({name: each[order] for name, each in columns.items()}, index)

    @property
    def num_flows(self) -> int:
        """Number of flows of the workload."""
        return len(self.flow_id)

    @property
    def num_not_simulated(self) -> int:
        """Flows that the simulator was given and left out, as they are none of its result."""
        return int(self.extra.get(NUM_NOT_SIMULATED, 0))

    def of_flows_of(self, other: SimulationResult) -> SimulationResult:
        """Only the flows of another result, if that one has left some out; else itself.

        Raises:
            SimulationError: If the other one has a flow that is not here.
        """
        if not other.num_not_simulated:
            return self
        is_kept = np.isin(self.flow_id, other.flow_id)
        if is_kept.sum() != other.num_flows:
            raise SimulationError(
                f"{other.simulator}: expected results of flows that {self.simulator} has, too "
                f"(got {other.num_flows - is_kept.sum()} others)"
            )
        return replace(
            self,
            scenario=self.scenario.of_flows(is_kept),
            extra=self._extra_of(is_kept),
            **{name: getattr(self, name)[is_kept] for name in _COLUMNS},
        )

    def as_open_loop(self) -> Scenario:
        """The scenario with its flows as an open loop: at the starts that they had in this run.

        Flows that did not start are left out; the others keep their ids, and so their routes.
        """
        started = self.start_ns >= 0
        flows = self.scenario.workload
        workload = Workload.from_arrays(
            id=self.flow_id[started],
            src=flows.src[started],
            dst=flows.dst[started],
            size_bytes=flows.size_bytes[started],
            start_ns=self.start_ns[started],
        )
        return self.scenario.replace(workload=workload)

    @property
    def num_finished(self) -> int:
        """Number of flows that finished."""
        return int(self.finished.sum())

    @property
    def why_unfinished(self) -> str | None:
        """One line on the flows that did not finish, and why; ``None`` if all did."""
        num_left = self.num_flows - self.num_finished
        if not num_left:
            return None
        because = self.extra.get(UNFINISHED_BECAUSE)
        if because is None and self.scenario.stop_ns is not None:
            because = f"the stop time, {self.scenario.stop_ns} ns, came first"
        reason = "" if because is None else f": {because}"
        return f"{num_left} of {self.num_flows} flows did not finish{reason}"

    @cached_property
    def completion_time_ns(self) -> int | None:
        """From the first start to the last finish; ``None`` if a flow did not finish."""
        if not self.num_flows or not self.finished.all() or (self.start_ns < 0).any():
            return None
        return int((self.start_ns + self.fct_ns).max() - self.start_ns.min())

    def summary(self) -> dict[str, Any]:
        """The content of ``summary.json``; a number that does not exist is ``None``."""
        slowdown = self.slowdown[self.finished]
        statistics = slowdown_statistics(slowdown)
        time_ns = self.completion_time_ns
        plain = (bool, int, float, str, np.integer, np.floating, np.bool_)
        extra = {key: value for key, value in self.extra.items() if isinstance(value, plain)}
        extra.pop(NUM_NOT_SIMULATED, None)
        return {
            "name": self.scenario.name,
            "simulator": self.simulator,
            "congestion_control": self.scenario.congestion_control.kind,
            "num_flows": self.num_flows,
            "num_finished": self.num_finished,
            NUM_NOT_SIMULATED: self.num_not_simulated,
            "why_unfinished": self.why_unfinished,
            "num_events": int(self.num_events),
            "packet_hops": None if self.packet_hops is None else int(self.packet_hops),
            "wall_s": number(self.wall_s),
            "compile_s": number(self.compile_s),
            "peak_rss_bytes": peak_rss_bytes(),
            **statistics,
            "completion_time_ns": time_ns,
            "flows_per_s": NS_PER_S * self.num_flows / time_ns if time_ns else None,
            "seed": self.scenario.seed,
            "extra": {key: plain_value(value) for key, value in extra.items()},
            **provenance(),
        }

    def quantile(self, quantile: float) -> float:
        """A quantile of the slowdowns of the flows that finished; NaN if none did.

        Args:
            quantile (float): Above 0, up to 1, as in ``0.99``.

        Raises:
            KeyProblem: If it is not.
        """
        level = check_positive("quantile", quantile, maximum=1)
        slowdown = self.slowdown[self.finished]
        return float(np.quantile(slowdown, level)) if len(slowdown) else math.nan

    def _extra_of(self, rows: NDArray[np.bool_]) -> dict[str, Any]:
        extra = quantiles_of_rows(self.extra, rows)
        if RUN_FCT_NS in extra:
            extra[RUN_FCT_NS] = extra[RUN_FCT_NS][rows]
        return extra

    def to_frame(self) -> pd.DataFrame:
        """One row for every flow, sorted by id: ``id, src, dst, size_bytes, start_ns, fct_ns,
        ideal_fct_ns, slowdown``, then ``src_label`` and ``dst_label`` where hosts have labels.

        A flow that did not finish has no FCT and no slowdown; one of a closed loop that did not
        start has no start.
        """
        columns = self._columns()
        flows, order = self.scenario.workload, np.argsort(self.flow_id, kind="stable")
        about = {name: getattr(flows, name)[order] for name in ("src", "dst", "size_bytes")}
        about["start_ns"] = np.ma.masked_less(self.start_ns[order], 0)
        frame = to_frame({"id": columns.pop("id")} | about | columns)
        labels = host_labels(self.scenario.network)
        if labels is not None:
            for end in ("src", "dst"):
                frame[f"{end}_label"] = [labels[host] for host in about[end]]
        return frame

    def to_file(self, path: str | Path) -> None:
        """Writes ``id, fct_ns, ideal_fct_ns, slowdown``, sorted by id, and ``start_ns`` of a closed
        loop; as CSV, or as Parquet where the file's ending says so.
        """
        write_table(path, self._columns())

    def write_summary(self, path: str | Path, options: Mapping[str, Any] | None = None) -> None:
        """Writes :meth:`summary` as JSON, without NaN.

        Args:
            path (str or Path): The file.
            options (Mapping, optional): The simulator's options, to stand there too.
        """
        summary = self.summary() if options is None else self.summary() | {"options": dict(options)}
        text = json.dumps(summary, indent=2, allow_nan=False, default=str)
        Path(path).write_text(text + "\n", encoding="utf-8")

    def _columns(self) -> dict[str, NDArray[Any]]:
        order = np.argsort(self.flow_id, kind="stable")
        columns = {
            "id": self.flow_id[order],
            "fct_ns": np.ma.masked_less(self.fct_ns[order], 0),
            "ideal_fct_ns": self.ideal_fct_ns[order],
            "slowdown": self.slowdown[order],
        }
        if QUANTILES in self.extra:
            named = named_quantiles(self.slowdown, self.extra, self.simulator)
            columns |= {name: each[order] for name, each in named.items() if name != MEDIAN}
        if isinstance(self.scenario.workload, ClosedLoopWorkload):
            columns["start_ns"] = np.ma.masked_less(self.start_ns[order], 0)
        return columns

    def __len__(self) -> int:
        return self.num_flows

    def __repr__(self) -> str:
        return (
            f"SimulationResult({self.simulator!r}, scenario={self.scenario.name!r}, "
            f"num_flows={self.num_flows}, num_finished={self.num_finished})"
        )
