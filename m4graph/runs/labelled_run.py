"""A labelled run: everything that training needs of one simulated scenario, as plain arrays."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from m4graph.core.array_checks import Checker
from m4graph.core.array_file import read_arrays
from m4graph.core.calls import plain_call
from m4graph.core.errors import InputError
from m4graph.results import SimulationResult
from m4graph.runs.check import MAX_TIME_NS, check_network
from m4graph.runs.flow_network import FlowNetwork

FORMAT_VERSION = 2


@plain_call
@dataclass(frozen=True, eq=False)
class LabelledRun:
    """A :class:`FlowNetwork` with the true completion times and the labels of every event.

    Events are in the order in which they happened. The flows concerned at event ``i`` are
    ``label_flows[label_flow_ptr[i]:label_flow_ptr[i + 1]]``: the active ones that share a link with
    the event's flow. The links concerned are the route of the event's flow, in order.

    Shapes:
        - ``fct_ns`` int64 ``[num_flows]``; -1: did not finish
        - ``event_time_ns`` int64, ``event_flow`` int32, ``event_kind`` int8 (0 arrival,
          1 departure) ``[num_events]``
        - ``label_flow_ptr``, ``label_link_ptr`` int64 ``[num_events + 1]``
        - ``label_flows`` int32, ``remaining_bytes`` int64 ``[label_flow_ptr[-1]]``
        - ``queue_bytes`` int64 ``[label_link_ptr[-1]]``
    """

    network: FlowNetwork
    fct_ns: NDArray[np.int64]
    event_time_ns: NDArray[np.int64]
    event_flow: NDArray[np.int32]
    event_kind: NDArray[np.int8]
    label_flow_ptr: NDArray[np.int64]
    label_flows: NDArray[np.int32]
    remaining_bytes: NDArray[np.int64]
    label_link_ptr: NDArray[np.int64]
    queue_bytes: NDArray[np.int64]

    @classmethod
    def from_result(cls, result: SimulationResult) -> LabelledRun:
        """Takes the labels of a packet simulation.

        Raises:
            InputError: If the simulation recorded none (``simulate(..., "packet", labels=True)``).
        """
        labels = result.extra.get("labels")
        if labels is None:
            raise InputError(
                "labels: expected a packet simulation with labels=True "
                f"(got a {result.simulator} result without labels)"
            )
        return cls(
            network=FlowNetwork.from_scenario(result.scenario),
            fct_ns=result.fct_ns,
            event_time_ns=labels.time_ns,
            event_flow=labels.flow,
            event_kind=labels.kind,
            label_flow_ptr=labels.flow_ptr,
            label_flows=labels.flows,
            remaining_bytes=labels.remaining_bytes,
            label_link_ptr=labels.link_ptr,
            queue_bytes=labels.queue_bytes,
        )

    @property
    def num_events(self) -> int:
        """Flow arrivals and departures."""
        return len(self.event_time_ns)

    def save(self, path: str | Path) -> None:
        """Writes one compressed ``.npz`` file; nothing in it is pickled."""
        arrays = {name: getattr(self, name) for name in _LABEL_FIELDS}
        arrays |= {name: getattr(self.network, name) for name in _NETWORK_FIELDS}
        with Path(path).open("wb") as file:
            np.savez_compressed(file, format_version=np.array(FORMAT_VERSION), **arrays)

    @classmethod
    def load(cls, path: str | Path) -> LabelledRun:
        """Reads what :meth:`save` wrote.

        Raises:
            InputError: If the file is missing, damaged, or of another format version; names the
                array that is wrong.
        """
        path = Path(path)
        names = ("format_version", *_NETWORK_FIELDS, *_LABEL_FIELDS)
        arrays = read_arrays(path, names, "a labelled run")
        version = arrays.pop("format_version")
        if version.shape or version != FORMAT_VERSION:
            raise InputError(f"{path}: expected format version {FORMAT_VERSION} (got {version})")
        network = FlowNetwork(**{name: arrays.pop(name) for name in _NETWORK_FIELDS})
        run = cls(network=network, **arrays)
        check_run(run, str(path))
        return run


_NETWORK_FIELDS = tuple(field.name for field in fields(FlowNetwork))
_LABEL_FIELDS = tuple(field.name for field in fields(LabelledRun) if field.name != "network")


def check_run(run: LabelledRun, where: str) -> None:
    """Checks the arrays of a run, those of its network included; arguments as of
    :func:`~m4graph.runs.check.check_network`.

    Raises:
        InputError: For the first array that is wrong.
    """
    check_network(run.network, where)
    check = Checker(where)
    check.array("fct_ns", run.fct_ns, "i8", run.network.num_flows)
    check.values("fct_ns", run.fct_ns, -1, MAX_TIME_NS)
    check.rule("fct_ns", run.fct_ns != 0, "a time above 0, or -1")
    _check_events(check, run)
    _check_labels(check, run)


def _check_events(check: Checker, run: LabelledRun) -> None:
    num_events, num_flows = run.num_events, run.network.num_flows
    time_ns, flow, kind = run.event_time_ns, run.event_flow, run.event_kind
    check.array("event_time_ns", time_ns, "i8", num_events)
    check.values("event_time_ns", time_ns, 0, 2 * MAX_TIME_NS)
    check.rule("event_time_ns", time_ns[1:] >= time_ns[:-1], "times in order")
    check.array("event_flow", flow, "i4", num_events)
    check.values("event_flow", flow, 0, num_flows - 1)
    check.array("event_kind", kind, "i1", num_events)
    check.values("event_kind", kind, 0, 1)
    at = np.full((2, num_flows), -1)
    at[kind, flow] = np.arange(num_events)
    arrived, departed = at
    if (arrived >= 0).sum() + (departed >= 0).sum() != num_events:
        check.refuse("event_flow", "one arrival and one departure of a flow", "more of one")
    finished = run.fct_ns >= 0
    check.rule("event_kind", (departed < 0) | ((arrived >= 0) & (departed > arrived)),
               "a departure behind its arrival")  # fmt: skip
    check.rule("event_kind", ~finished | (departed >= 0), "a departure of each flow with a time")
    start_ns, end_ns = run.network.start_ns, run.network.start_ns + run.fct_ns
    check.rule("event_time_ns", (arrived < 0) | (time_ns[arrived] == start_ns),
               "arrivals at start_ns")  # fmt: skip
    # A clock of picoseconds rounds both.
    is_near = abs(time_ns[departed] - end_ns) <= 1
    check.rule("event_time_ns", ~finished | is_near, "departures at start_ns + fct_ns")


def _check_labels(check: Checker, run: LabelledRun) -> None:
    num_events, num_labels = run.num_events, len(run.label_flows)
    check.pointers("label_flow_ptr", run.label_flow_ptr, num_events, num_labels)
    check.array("label_flows", run.label_flows, "i4", num_labels)
    check.values("label_flows", run.label_flows, 0, run.network.num_flows - 1)
    check.array("remaining_bytes", run.remaining_bytes, "i8", num_labels)
    check.values("remaining_bytes", run.remaining_bytes, 0, MAX_TIME_NS)
    rest = run.network.size_bytes[run.label_flows] - run.remaining_bytes
    check.rule("remaining_bytes", rest >= 0, "at most the flow's size")
    num_queues = len(run.queue_bytes)
    check.pointers("label_link_ptr", run.label_link_ptr, num_events, num_queues)
    check.array("queue_bytes", run.queue_bytes, "i8", num_queues)
    check.values("queue_bytes", run.queue_bytes, 0, MAX_TIME_NS)
    counts, hops = np.diff(run.label_link_ptr), np.diff(run.network.route_ptr)[run.event_flow]
    check.rule("label_link_ptr", (counts == 0) | (counts == hops), "a label of each link, or none")
