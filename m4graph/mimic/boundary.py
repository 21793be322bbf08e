"""What crosses the borders of a pod: packets with one end inside it, from entry to exit.

Egress packets enter from a host and leave towards a core; ingress packets the other way round. An
entry is the moment at which a packet is complete at its first switch; an exit is the start of its
transmission on the link that leads out of the pod's switches.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from m4graph.core.array_checks import Checker
from m4graph.core.array_file import read_arrays
from m4graph.core.calls import plain_call
from m4graph.core.errors import ConfigError, InputError
from m4graph.core.files import whole_file
from m4graph.core.rng import generator
from m4graph.mimic.border_rows import BORDER_ROW, EGRESS, Crossing
from m4graph.mimic.boundary_checks import check_rows, check_shape
from m4graph.mimic.clusters import Pods
from m4graph.mimic.shape import PodShape, shape_of
from m4graph.results import SimulationResult

if TYPE_CHECKING:
    from torch_geometric.data import TemporalData

_FORMAT = 1
_MOST_TICKS_PER_NS = 1000


@plain_call
@dataclass(frozen=True, eq=False)
class BoundaryTrace:
    """Packets that crossed a pod, one with one end in it each.

    What was still inside at the end of the run is left out.

    Args:
        shape (PodShape): Of the pod.
        pod (int): Its number.
        num_pods (int): Of the network.
        ticks_per_ns (int): Ticks of the clock in a nanosecond.
        rows (np.ndarray): Records of :data:`BORDER_ROW`, by time of entry.
        core_drops (np.ndarray): int64 ``[num_drops, 3]``: packets on their way to the pod that a
            core dropped: ``flow``, ``kind``, and place among all packets of that flow and kind.
    """

    shape: PodShape
    pod: int
    num_pods: int
    ticks_per_ns: int
    rows: NDArray[np.void]
    core_drops: NDArray[np.int64]

    @classmethod
    def of(cls, result: SimulationResult, pod: int, pods: Pods | None = None) -> Self:
        """Puts together what the taps of a packet run saw.

        Args:
            result (SimulationResult): Of a run with the taps of :func:`taps_of`.
            pod (int): The pod.
            pods (Pods, optional): Of the run's network. (default: found anew)

        Raises:
            ConfigError: If the run has no such taps, or its network no such pods.
        """
        scenario = result.scenario
        if pods is None:
            pods = Pods.of(scenario.network, scenario.arrays)
        records = result.extra.get("recording")
        if records is None or not set(taps_of(pods, pod).tolist()) <= set(
            records.recording.link_ids("taps", scenario).tolist()
        ):
            raise ConfigError(f"recording.taps: expected those of pod {pod} (got none or others)")
        crossing = Crossing(pods, pod, scenario.workload.src, scenario.workload.dst)
        rows, core_drops = crossing.collect(records.tap_rows, scenario.routes)
        rows["flow"] = scenario.workload.id[rows["flow"]]
        core_drops[:, 0] = scenario.workload.id[core_drops[:, 0]]
        return cls(
            shape=pods.shape,
            pod=pod,
            num_pods=pods.num_pods,
            ticks_per_ns=scenario.config.ticks_per_ns,
            rows=rows,
            core_drops=core_drops,
        )

    def thin(self, fraction: float, seed: int) -> Self:
        """A random part of the flows, all packets of each; 1.0 gives all.

        The others become hidden traffic, which is only felt.

        Args:
            fraction (float): The part, in (0, 1].
            seed (int): Decides which flows; of two fractions, the smaller one has flows that the
                larger one has, too.

        Raises:
            ConfigError: If the fraction is out of range.
        """
        if not 0 < fraction <= 1:
            raise ConfigError(f"fraction: expected a number in (0, 1] (got {fraction!r})")
        flows = np.union1d(self.rows["flow"], self.core_drops[:, 0])
        kept = flows[generator(seed, "mimic", "thin").random(len(flows)) < fraction]
        return replace(
            self,
            rows=self.rows[np.isin(self.rows["flow"], kept)],
            core_drops=self.core_drops[np.isin(self.core_drops[:, 0], kept)],
        )

    def save(self, path: str | Path) -> None:
        """Writes it as an ``.npz`` file, whole or not at all."""
        counts = {name: getattr(self, name) for name in ("pod", "num_pods", "ticks_per_ns")}
        numbers: dict[str, Any] = counts | asdict(self.shape)
        with whole_file(Path(path)) as half, half.open("wb") as file:
            np.savez_compressed(
                file, format=_FORMAT, rows=self.rows, core_drops=self.core_drops, **numbers
            )

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Reads what :meth:`save` wrote; nothing is unpickled.

        Raises:
            InputError: If it is no such file, or damaged.
        """
        shape_names = list(PodShape.__dataclass_fields__)
        names = ["format", "rows", "core_drops", "pod", "num_pods", "ticks_per_ns", *shape_names]
        arrays = read_arrays(Path(path), names, "a trace of a pod's borders")
        _check_arrays(arrays, str(path))
        numbers = {name: int(arrays[name]) for name in names if arrays[name].ndim == 0}
        shape, check = shape_of(numbers), Checker(str(path))
        check.values("pod", arrays["pod"][None], 0, numbers["num_pods"] - 1)
        check.values("ticks_per_ns", arrays["ticks_per_ns"][None], 1, _MOST_TICKS_PER_NS)
        check_shape(check, shape)
        check_rows(check, arrays["rows"], shape)
        return cls(
            shape=shape,
            pod=numbers["pod"],
            num_pods=numbers["num_pods"],
            ticks_per_ns=numbers["ticks_per_ns"],
            rows=arrays["rows"],
            core_drops=arrays["core_drops"],
        )

    def to_pyg(self) -> TemporalData:
        """The packets as events between ports, for PyG's models of graphs in time.

        Ports are numbered hosts first, then links to cores: ``num_hosts + agg * spines + spine``.
        Dropped packets have a latency of -1.

        Returns:
            TemporalData: ``src`` and ``dst`` ports, ``t`` in ticks, and ``msg`` float32
            ``[num_packets, 6]``: wire bytes, latency in ticks, whether it is an ACK, comes in
            marked, goes out marked, is dropped.
        """
        import torch
        from torch_geometric.data import TemporalData

        rows = self.rows
        host = rows["host"].astype(np.int64)
        uplink = self.shape.num_hosts + rows["agg"].astype(np.int64) * self.shape.spines
        uplink += rows["spine"]
        is_egress = rows["direction"] == EGRESS
        latency = np.where(rows["dropped"], -1, rows["exit_ticks"] - rows["enter_ticks"])
        columns = (rows["wire_bytes"], latency, rows["kind"], rows["marked_in"],
                   rows["marked_out"], rows["dropped"])  # fmt: skip
        return TemporalData(
            src=torch.from_numpy(np.where(is_egress, host, uplink)),
            dst=torch.from_numpy(np.where(is_egress, uplink, host)),
            t=torch.from_numpy(rows["enter_ticks"].copy()),
            msg=torch.from_numpy(np.stack(columns, axis=1).astype(np.float32)),
        )


@plain_call
def taps_of(pods: Pods, pod: int) -> NDArray[np.int64]:
    """Ids of the links that must be tapped to trace a pod: all of its links."""
    return np.flatnonzero(pods.link_pod == pod)


def _check_arrays(arrays: Mapping[str, NDArray[Any]], where: str) -> None:
    """Checks what a file holds.

    Raises:
        InputError: If it cannot be a trace; names the file and the array.
    """
    for name, array in arrays.items():
        if name == "rows":
            good, expected = array.dtype == BORDER_ROW and array.ndim == 1, "border rows"
        elif name == "core_drops":
            good = array.dtype == np.int64 and array.ndim == 2 and array.shape[1] == 3
            good, expected = good and bool((array >= 0).all()), "rows of three integers"
        else:
            good = array.ndim == 0 and array.dtype.kind in "iu" and 0 <= int(array) < 2**62
            expected = "a count"
        if not good:
            raise InputError(
                f"{where}, {name}: expected {expected} (got {array.dtype} {list(array.shape)})"
            )
    if int(arrays["format"]) != _FORMAT:
        raise InputError(f"{where}: expected format {_FORMAT} (got {int(arrays['format'])})")
