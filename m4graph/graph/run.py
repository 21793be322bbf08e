"""A labelled run: everything that training needs of one simulated scenario, as plain arrays."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from m4graph.errors import InputError
from m4graph.graph.configuration import configuration_vector, pool_bytes
from m4graph.graph.paper_configuration import paper_configuration
from m4graph.results import SimulationResult
from m4graph.scenario import Scenario

FORMAT_VERSION = 2


@dataclass(frozen=True, eq=False)
class FlowNetwork:
    """The flows and links of one scenario, and nothing that only a simulation could know.

    Flows are rows of the workload, ordered by start; links are directed.

    Shapes:
        - ``link_rate_bps``, ``link_delay_ns`` int64, ``link_kind`` int8 (bit 0: leaves a host,
          bit 1: enters a host) ``[num_links]``
        - ``size_bytes``, ``start_ns``, ``ideal_fct_ns`` int64 ``[num_flows]``
        - ``route_ptr`` int64 ``[num_flows + 1]``, ``route_links`` int32 ``[num_hops]``
        - ``link_src``, ``link_dst`` int32 ``[num_links]``; ``node_pool_bytes`` float64
          ``[num_nodes]``: what the ports of a switch share of its buffer, 0 for a host
        - ``configuration`` float64 ``[num_configuration]``, see :mod:`.configuration`
        - ``window_bytes``, ``payload_bytes`` int64 ``[1]``; a window of 0: none
        - ``paper_configuration`` float32 ``[13]``, see :mod:`.paper_configuration`
    """

    link_rate_bps: NDArray[np.int64]
    link_delay_ns: NDArray[np.int64]
    link_kind: NDArray[np.int8]
    size_bytes: NDArray[np.int64]
    start_ns: NDArray[np.int64]
    ideal_fct_ns: NDArray[np.int64]
    route_ptr: NDArray[np.int64]
    route_links: NDArray[np.int32]
    link_src: NDArray[np.int32]
    link_dst: NDArray[np.int32]
    node_pool_bytes: NDArray[np.float64]
    configuration: NDArray[np.float64]
    window_bytes: NDArray[np.int64]
    payload_bytes: NDArray[np.int64]
    paper_configuration: NDArray[np.float32]

    @classmethod
    def from_scenario(cls, scenario: Scenario) -> FlowNetwork:
        """Takes what a learned simulator may know from a scenario.

        Raises:
            WorkloadError: If its workload is a closed loop: starts are known after a run only.
        """
        workload, routes = scenario.workload, scenario.routes
        return replace(
            cls.without_flows(scenario),
            size_bytes=workload.size_bytes,
            start_ns=workload.start_ns,
            ideal_fct_ns=scenario.ideal_fct_ns,
            route_ptr=routes.data_ptr,
            route_links=routes.data_links,
        )

    @classmethod
    def without_flows(cls, scenario: Scenario) -> FlowNetwork:
        """The links and the configuration of a scenario."""
        arrays = scenario.arrays
        leaves_host = (arrays.link_src < arrays.num_hosts).astype(np.int8)
        enters_host = (arrays.link_dst < arrays.num_hosts).astype(np.int8)
        return cls(
            link_rate_bps=arrays.link_rate_bps,
            link_delay_ns=arrays.link_delay_ns,
            link_kind=leaves_host + 2 * enters_host,
            size_bytes=np.zeros(0, np.int64),
            start_ns=np.zeros(0, np.int64),
            ideal_fct_ns=np.zeros(0, np.int64),
            route_ptr=np.zeros(1, np.int64),
            route_links=np.zeros(0, np.int32),
            link_src=arrays.link_src.astype(np.int32),
            link_dst=arrays.link_dst.astype(np.int32),
            node_pool_bytes=pool_bytes(scenario),
            configuration=configuration_vector(scenario),
            window_bytes=np.array([scenario.congestion_control.init_window_bytes or 0]),
            payload_bytes=np.array([scenario.config.payload_bytes]),
            paper_configuration=paper_configuration(scenario),
        )

    @property
    def num_flows(self) -> int:
        """Number of flows."""
        return len(self.size_bytes)

    @property
    def num_links(self) -> int:
        """Number of directed links."""
        return len(self.link_rate_bps)


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
            InputError: If the file is missing, is no such file, or has another format version.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                version = int(file["format_version"])
                if version != FORMAT_VERSION:
                    raise InputError(
                        f"{path}: expected format version {FORMAT_VERSION} (got {version})"
                    )
                network = FlowNetwork(**{name: file[name] for name in _NETWORK_FIELDS})
                return cls(network=network, **{name: file[name] for name in _LABEL_FIELDS})
        except FileNotFoundError:
            raise InputError(f"{path}: expected a labelled run (got no such file)") from None
        except (KeyError, ValueError, OSError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"{path}: expected a labelled run (got {error})") from None


_NETWORK_FIELDS = tuple(field.name for field in fields(FlowNetwork))
_LABEL_FIELDS = tuple(field.name for field in fields(LabelledRun) if field.name != "network")
