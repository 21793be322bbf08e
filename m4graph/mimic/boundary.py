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
from m4graph.core.errors import ConfigError, InputError
from m4graph.core.files import whole_file
from m4graph.core.rng import generator
from m4graph.mimic.boundary_checks import check_rows, check_shape
from m4graph.mimic.clusters import (
    AGG_DOWN,
    AGG_UP,
    CORE_DOWN,
    HOST_UP,
    RACK_DOWN,
    RACK_UP,
    Pods,
    PodShape,
    shape_of,
)
from m4graph.results import SimulationResult
from m4graph.routing import Routes
from m4graph.simulators.packet.layout import DATA, DROP, ENTER, LEAVE

if TYPE_CHECKING:
    from torch_geometric.data import TemporalData

EGRESS, INGRESS = 0, 1

BORDER_ROW = np.dtype(
    [
        ("enter_ticks", "i8"),
        ("middle_ticks", "i8"),  # complete at the second switch; -1: was not, or is not known
        ("exit_ticks", "i8"),  # start of the last transmission; -1: dropped
        ("flow", "i8"),  # its id
        ("wire_bytes", "i4"),
        ("host", "i2"),  # numbers inside the pod
        ("agg", "i2"),
        ("spine", "i2"),
        ("direction", "i1"),
        ("kind", "i1"),  # 0: data, 1: ACK
        ("marked_in", "b1"),
        ("marked_out", "b1"),
        ("dropped", "b1"),
    ]
)

_ENTRIES, _MIDDLES, _EXITS = (HOST_UP, CORE_DOWN), (RACK_UP, AGG_DOWN), (AGG_UP, RACK_DOWN)
"""Roles of egress and of ingress."""

_FORMAT = 1
_MOST_TICKS_PER_NS = 1000


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
        crossing = _Crossing(pods, pod, scenario.workload.src, scenario.workload.dst)
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


def taps_of(pods: Pods, pod: int) -> NDArray[np.int64]:
    """Ids of the links that must be tapped to trace a pod: all of its links."""
    return np.flatnonzero(pods.link_pod == pod)


class _Crossing:
    """Finds the packets that cross a pod among the rows of taps."""

    def __init__(
        self, pods: Pods, pod: int, src: NDArray[np.int32], dst: NDArray[np.int32]
    ) -> None:
        self._pods = pods
        self._role = np.where(pods.link_pod == pod, pods.link_role, -1)
        self._sends = pods.host_pod[src] == pod
        self._crosses = self._sends != (pods.host_pod[dst] == pod)

    def collect(
        self, taps: NDArray[np.void], routes: Routes
    ) -> tuple[NDArray[np.void], NDArray[np.int64]]:
        """Rows of :data:`BORDER_ROW`, and what cores dropped."""
        taps = taps[taps["flow"] >= 0]
        taps = taps[self._crosses[taps["flow"]]]
        is_ingress = self._sends[taps["flow"]] != (taps["kind"] == DATA)
        role, event = self._role[taps["link"]], taps["event"]

        def at(roles: tuple[int, ...], what: np.int64) -> NDArray[np.void]:
            chosen = (event == what) & (role == np.where(is_ingress, roles[1], roles[0]))
            return np.asarray(taps[chosen])

        entered, left, passed = at(_ENTRIES, ENTER), at(_EXITS, LEAVE), at(_MIDDLES, ENTER)
        dropped = taps[(event == DROP) & (role >= 0) & (role != CORE_DOWN)]
        rows = np.zeros(len(entered), BORDER_ROW)
        rows["enter_ticks"] = entered["time_ticks"]
        rows["marked_in"] = entered["marked"]
        for name in ("flow", "wire_bytes"):
            rows[name] = entered[name]
        rows["kind"] = entered["kind"] != DATA
        rows["direction"] = self._sends[entered["flow"]] == rows["kind"]
        self._fill_ports(rows, routes)
        of_packet = _Finder(entered["packet"])
        for name in ("middle_ticks", "exit_ticks"):
            rows[name] = -1
        rows["middle_ticks"][of_packet(passed["packet"])] = passed["time_ticks"]
        rows["exit_ticks"][of_packet(left["packet"])] = left["time_ticks"]
        rows["marked_out"][of_packet(left["packet"])] = left["marked"]
        rows["dropped"][of_packet(dropped["packet"])] = True
        core_drops = taps[(event == DROP) & (role == CORE_DOWN) & is_ingress]
        places = _places(entered[rows["direction"] == INGRESS], core_drops)
        done = rows["dropped"] | (rows["exit_ticks"] >= 0)
        return rows[done], places

    def _fill_ports(self, rows: NDArray[np.void], routes: Routes) -> None:
        """Hosts, aggregation switches and spines of packets, from the routes of their flows."""
        local, shape = self._pods.link_local, self._pods.shape
        for kind, (ptr, links) in enumerate(
            ((routes.data_ptr, routes.data_links), (routes.ack_ptr, routes.ack_links))
        ):
            for direction in (EGRESS, INGRESS):
                chosen = (rows["kind"] == kind) & (rows["direction"] == direction)
                flow = rows["flow"][chosen]
                if direction == EGRESS:
                    host, uplink = links[ptr[flow]], links[ptr[flow] + 2]
                else:
                    host, uplink = links[ptr[flow + 1] - 1], links[ptr[flow + 1] - 3]
                rows["host"][chosen] = local[host]
                rows["agg"][chosen], rows["spine"][chosen] = np.divmod(local[uplink], shape.spines)


class _Finder:
    """Rows of packets, by their numbers."""

    def __init__(self, packet: NDArray[np.int64]) -> None:
        self._order = np.argsort(packet)
        self._sorted = packet[self._order]

    def __call__(self, packet: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows of packets that are all there."""
        return self._order[np.searchsorted(self._sorted, packet)]


def _places(entered: NDArray[np.void], dropped: NDArray[np.void]) -> NDArray[np.int64]:
    """Flow, kind and place of dropped packets, among those of their flow and kind."""
    both = np.concatenate([entered, dropped])
    is_dropped = np.arange(len(both)) >= len(entered)
    stream = 2 * both["flow"].astype(np.int64) + (both["kind"] != DATA)
    order = np.lexsort((both["packet"], stream))
    stream, is_dropped = stream[order], is_dropped[order]
    first = np.searchsorted(stream, stream)
    places = np.stack([stream // 2, stream % 2, np.arange(len(stream)) - first], axis=1)
    return places[is_dropped]


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
