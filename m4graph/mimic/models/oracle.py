"""The oracle: each packet crosses a mimic as it did when the same scenario was run in full.

It predicts nothing. It shows that a composed run whose mimics are right is right to the last
nanosecond, so that all that is wrong with a model's answers is the model's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from m4graph.core.errors import ConfigError
from m4graph.core.integers import is_integer
from m4graph.core.schema import spell
from m4graph.core.units import BITS_PER_BYTE, NS_PER_S
from m4graph.mimic.border_rows import EGRESS
from m4graph.mimic.boundary import BoundaryTrace
from m4graph.mimic.clusters import Pods
from m4graph.mimic.compose import is_visible
from m4graph.mimic.models.base import MimicModel, MimicStep, common_arrays
from m4graph.mimic.models.oracle_step import comes_out_as_it_did, sends_as_it_did
from m4graph.mimic.shape import HOST_UP
from m4graph.scenario import Scenario

_NONE = -1


class Oracle(MimicModel):
    """Replays traces of all mimics of one scenario.

    Packets of one flow and kind cross a pod in their order: the next one that comes is the next
    one of the trace. Times are those of the clock, not delays: a packet may come earlier than it
    did, as hidden packets do not keep it waiting at the core. Hosts send when they did: hidden
    packets that shared their links are not there, but their time is not given away.

    Of what happens in one tick the order counts, too. A host that sent what an ACK or a segment of
    the same tick had let it send waits for it here, to the end of that tick. But where two packets
    start in one tick towards the same queue, and one of them leaves a mimic, the other another
    mimic or a port that is simulated, their order is not kept: the one that came to its mimic first
    goes first, and one that leaves a mimic before one that is simulated.

    Two things do not come back: marks drawn at random (``network.ecn`` with ``kmin_bytes`` below
    ``kmax_bytes``) and pauses, as hidden packets draw and cause some, too.

    Args:
        packets (np.ndarray): int64 ``[num_packets, 4]``, in the order of each stream: flow's id,
            kind, ticks at which the packet went out (-1: it was dropped), whether it was marked.
        sent (np.ndarray): int64 ``[num_sent, 6]``, by time: pod, host inside it, ticks at which
            it began to send, flow's id, kind, whether what it may answer came in the same tick.
        pods (Sequence[int]): The pods that were traced.
    """

    kind = "oracle"

    def __init__(
        self, packets: NDArray[np.int64], sent: NDArray[np.int64], pods: Sequence[int]
    ) -> None:
        self._packets, self._sent, self._pods = packets, sent, list(pods)

    @classmethod
    def fit(cls, trace: BoundaryTrace, seed: int) -> Self:
        """Remembers the trace of the one mimic of a network of two pods."""
        return cls.of([trace])

    @classmethod
    def of(cls, traces: Sequence[BoundaryTrace]) -> Self:
        """Remembers the traces of all mimics of a network, from one run."""
        packets = np.concatenate([_packets(trace) for trace in traces])
        sent = np.concatenate([_sent(trace) for trace in traces])
        return cls(packets, sent, [trace.pod for trace in traces])

    def start(self, pods: Pods, scenario: Scenario, seed: int) -> MimicStep:
        """Replays from the beginning.

        Raises:
            ConfigError: If the network has other mimics than were traced.
        """
        mimics = list(range(1, pods.num_pods))
        if sorted(self._pods) != mimics:
            raise ConfigError(
                f"oracle: expected a network of the pods 0 and {self._pods} (got {mimics})"
            )
        # Of what crosses a mimic, flows between two mimics are not visible.
        ids = scenario.workload.id[is_visible(scenario, pods)]
        packets = self._packets[np.isin(self._packets[:, 0], ids)]
        stream = 2 * _rows(ids, packets[:, 0]) + packets[:, 1]
        order = np.argsort(stream, kind="stable")
        streams = np.arange(2 * len(ids))
        sent = self._sent[np.isin(self._sent[:, 3], ids)]
        uplink = np.zeros((pods.num_pods, pods.shape.num_hosts), np.int64)
        links = pods.links(HOST_UP, mimics)
        uplink[pods.link_pod[links], pods.link_local[links]] = links
        sender = uplink[sent[:, 0], sent[:, 1]]
        flow = np.where(sent[:, 4] == 0, _rows(ids, sent[:, 3]), _NONE)
        by_sender = np.argsort(sender, kind="stable")
        all_links = np.arange(pods.arrays.num_links)
        return MimicStep(
            step=comes_out_as_it_did,
            arrays=(
                *common_arrays(pods, seed),
                np.searchsorted(stream[order], streams),
                np.searchsorted(stream[order], streams, side="right"),
                np.ascontiguousarray(packets[order, 2:]),
                np.searchsorted(sender[by_sender], all_links),
                np.searchsorted(sender[by_sender], all_links, side="right"),
                np.stack([sent[:, 2], flow, sent[:, 5]], axis=1)[by_sender],
            ),
            gate=sends_as_it_did,
        )

    def settings(self) -> dict[str, Any]:
        """The pods that were traced."""
        return {"pods": self._pods}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What went out, and what was sent."""
        return {"packets": self._packets, "sent": self._sent}

    @classmethod
    def from_saved(cls, settings: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The oracle again."""
        for name, width in (("packets", 4), ("sent", 6)):
            array = arrays[name]
            if array.dtype != np.int64 or array.ndim != 2 or array.shape[1] != width:
                raise ConfigError(
                    f"oracle, {name}: expected int64 [n, {width}] (got {array.dtype} {array.shape})"
                )
        pods = settings["pods"]
        if not isinstance(pods, list) or not all(map(is_integer, pods)):
            raise ConfigError(f"oracle, pods: expected a list of integers (got {spell(pods)})")
        return cls(arrays["packets"], arrays["sent"], pods)


def _packets(trace: BoundaryTrace) -> NDArray[np.int64]:
    """What each packet of the trace met, with those that a core dropped at their places."""
    rows = trace.rows
    exit_ticks = np.where(rows["dropped"], _NONE, rows["exit_ticks"])
    packets = np.stack([rows["flow"], rows["kind"], exit_ticks, rows["marked_out"]], axis=1)
    drops = trace.core_drops
    # A packet's place among those of its stream, at first without those that were dropped.
    stream = 2 * packets[:, 0] + packets[:, 1]
    place = _places(stream)
    dropped_stream = 2 * drops[:, 0] + drops[:, 1]
    for each, at in zip(dropped_stream.tolist(), drops[:, 2].tolist(), strict=True):
        place[(stream == each) & (place >= at)] += 1
    lost = np.stack([*drops[:, :2].T, *np.full((1, len(drops)), _NONE), 0 * drops[:, 2]], axis=1)
    streams = np.concatenate([stream, dropped_stream])
    order = np.lexsort((np.concatenate([place, drops[:, 2]]), streams))
    return np.concatenate([packets, lost])[order].astype(np.int64)


def _places(stream: NDArray[np.int64]) -> NDArray[np.int64]:
    """The place of each packet among those of its stream."""
    order = np.argsort(stream, kind="stable")
    first = np.searchsorted(stream[order], stream[order])
    place = np.empty(len(stream), np.int64)
    place[order] = np.arange(len(stream)) - first
    return place


def _sent(trace: BoundaryTrace) -> NDArray[np.int64]:
    """When hosts of the pod began to send what left it, and whether an answer."""
    shape, rows = trace.shape, trace.rows
    byte_ticks = BITS_PER_BYTE * NS_PER_S * trace.ticks_per_ns
    takes = rows["wire_bytes"].astype(np.int64) * byte_ticks // shape.host_rate_bps
    takes += shape.host_delay_ns * trace.ticks_per_ns
    leaves = rows["direction"] == EGRESS
    start = (rows["enter_ticks"] - takes)[leaves]
    comes = ~leaves & (rows["exit_ticks"] >= 0)
    came = [(rows["exit_ticks"] + takes)[comes], rows["flow"][comes], 1 - rows["kind"][comes]]
    rows = rows[leaves]
    went = [start, rows["flow"], rows["kind"]]
    answers = pd.MultiIndex.from_arrays(went).isin(pd.MultiIndex.from_arrays(came))
    pod = np.full(len(rows), trace.pod)
    order = np.argsort(start, kind="stable")
    columns = [pod, rows["host"], start, rows["flow"], rows["kind"], answers]
    return np.stack(columns, axis=1)[order].astype(np.int64)


def _rows(ids: NDArray[np.int64], flow: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows of flows that are all there."""
    order = np.argsort(ids)
    return order[np.searchsorted(ids[order], flow)]
