"""A labelled run: everything that training needs of one simulated scenario, as plain arrays."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from m4graph.core.array_file import read_arrays
from m4graph.core.errors import InputError
from m4graph.results import SimulationResult
from m4graph.runs.check import check_run
from m4graph.runs.flow_network import FlowNetwork

FORMAT_VERSION = 2


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
