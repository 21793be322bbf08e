"""All the inputs of a run: network, flows, routes, algorithm and configuration."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from m4graph.core.arrays import same
from m4graph.core.blocks import build
from m4graph.core.calls import plain_call
from m4graph.core.checks import check_count
from m4graph.core.errors import ConfigError, WorkloadError
from m4graph.core.schema import KeyProblem, spell, unknown_key
from m4graph.routing import (
    ROUTINGS,
    Routes,
    RoutingBlock,
    RoutingConfig,
    Spraying,
    check_routes,
)
from m4graph.scenario.congestion import CongestionControl, congestion_control
from m4graph.scenario.expected import ExpectedTimes, check_expected
from m4graph.scenario.faults import Fault, parse_faults
from m4graph.scenario.ideal import ideal_fct_ns
from m4graph.scenario.network import NetworkConfig
from m4graph.scenario.ranges import check_ranges
from m4graph.topology import NetworkArrays, validate
from m4graph.workload import AnyWorkload, Workload

MAX_SEED = 2**63 - 1
"""No seed may be larger."""

MAX_STOP_NS = 2**62
"""No stop time may be later."""


@dataclass(frozen=True, init=False, eq=False)
@plain_call
class Scenario:
    """Everything that a simulator needs, checked and resolved. Frozen; computes routes once.

    Two are equal if every input is, but for what the nodes of their networks are called.

    Args:
        network (networkx.Graph): Hosts ``0 .. H-1`` and switches, as :mod:`m4graph.topology`
            makes them.
        workload (Workload or ClosedLoopWorkload): The flows; their starts may be known, or follow
            from the completions of others.
        congestion_control (CongestionControl, dict or str): Parameters, a block with ``kind``,
            or a name.
        config (NetworkConfig or dict, optional): The ``network`` block of ``scenario.yaml``.
        routing (Routes, RoutingBlock, dict or str, optional): Routes in the workload's order, a
            ``file`` with them, or how to find them. (default: ECMP, exactly as ns-3)
        seed (int): Of everything random inside a simulator. (default: ``0``)
        name (str): For tables and files. (default: ``"scenario"``)
        expected (ExpectedTimes, optional): Recorded times, the truth of a comparison.
        faults (list of Fault or dict): Cables that go down, slow down or lose packets, as in the
            ``faults`` block of ``scenario.yaml``. (default: none)
        stop_ns (int, optional): Nothing happens from then on: a flow whose last byte comes at
            that time or later did not finish. (default: the last flow's finish)

    Raises:
        InputError: If a part is invalid, or does not fit the others; the message names the key,
            link or flow.
    """

    network: nx.Graph
    arrays: NetworkArrays
    workload: AnyWorkload
    congestion_control: CongestionControl
    config: NetworkConfig
    routing: Routes | RoutingConfig
    seed: int
    name: str
    expected: ExpectedTimes | None
    faults: tuple[Fault, ...]
    stop_ns: int | None

    def __init__(
        self,
        network: nx.Graph,
        workload: AnyWorkload,
        congestion_control: CongestionControl | Mapping[str, object] | str,
        config: NetworkConfig | Mapping[str, object] | None = None,
        routing: Routes | RoutingBlock | Mapping[str, object] | str | None = None,
        seed: int = 0,
        name: str = "scenario",
        expected: ExpectedTimes | None = None,
        faults: Sequence[Fault | Mapping[str, object]] = (),
        stop_ns: int | None = None,
    ) -> None:
        seed = check_count("seed", seed, 0, MAX_SEED)
        if stop_ns is not None:
            stop_ns = check_count("stop_ns", stop_ns, 1, MAX_STOP_NS)
        if not isinstance(name, str) or not name.strip():
            raise KeyProblem("name", f"expected text (got {spell(name)})")
        if not isinstance(workload, AnyWorkload):
            raise WorkloadError(
                f"workload: expected a Workload (got {type(workload).__name__}); "
                "m4.Workload.from_frame takes frames"
            )
        arrays = validate(network)
        _check_hosts(arrays, workload)
        check_ranges(arrays, workload)
        control, resolved = _resolve(arrays, congestion_control, config)
        vars(self).update(
            network=network,
            arrays=arrays,
            workload=workload,
            congestion_control=control,
            config=resolved,
            routing=_routing(arrays, workload, routing),
            seed=seed,
            name=name,
            expected=check_expected(expected, workload),
            faults=parse_faults(faults, arrays),
            stop_ns=stop_ns,
        )

    @cached_property
    def routes(self) -> Routes:
        """The data and ACK route of every flow, in the workload's order; computed once.

        Those of a closed loop do not depend on the order in which its flows will start: ECMP takes
        them in the workload's order, too.
        """
        if isinstance(self.routing, Routes):
            return self.routing
        router = self.routing.router(self.arrays)
        return router.route(self.workload.src, self.workload.dst)

    @property
    def spraying(self) -> Spraying | None:
        """How packets of a flow are spread over paths, the first on the flow's route; ``None``: all
        take that.
        """
        return None if isinstance(self.routing, Routes) else self.routing.spraying

    @cached_property
    def ideal_fct_ns(self) -> NDArray[np.int64]:
        """int64 ``[num_flows]``: the FCT of each flow alone on its route; computed once."""
        times = ideal_fct_ns(
            self.arrays,
            self.workload,
            self.routes,
            self.config.payload_bytes,
            self.config.ticks_per_ns,
        )
        times.setflags(write=False)
        return times

    @property
    def num_flows(self) -> int:
        """Number of flows of the workload."""
        return self.workload.num_flows

    def replace(self, **changes: Any) -> Scenario:
        """A copy with other arguments, as in ``scenario.replace(seed=1)``.

        Recorded times and given routes hold for one set of flows only: replace them along with
        the workload or the network.
        """
        arguments = inspect.signature(Scenario).parameters
        for name in changes.keys() - arguments.keys():
            raise unknown_key("", name, arguments)
        return Scenario(**{name: getattr(self, name) for name in arguments} | changes)

    def of_flows(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> Scenario:
        """The scenario of only some flows, on the routes that they have among all.

        Args:
            rows (np.ndarray): Their rows, ascending; or whether each one is kept, bool
                ``[num_flows]``.

        Raises:
            ConfigError: If it is a closed loop.
        """
        if not isinstance(self.workload, Workload):
            raise ConfigError("workload: expected an open loop (got a closed loop)")
        expected = None if self.expected is None else self.expected.of_flows(rows)
        routes = self.routes.of_flows(rows)
        return self.replace(workload=self.workload.of_rows(rows), routing=routes, expected=expected)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Scenario):
            return NotImplemented
        return all(same(getattr(self, name), getattr(other, name)) for name in _COMPARED)

    def __hash__(self) -> int:
        return hash((self.name, self.seed, self.num_flows, self.arrays.num_nodes))

    def __repr__(self) -> str:
        return (
            f"Scenario({self.name!r}, num_hosts={self.arrays.num_hosts}, "
            f"num_flows={self.num_flows}, congestion_control={self.congestion_control.kind!r}, "
            f"seed={self.seed})"
        )


_COMPARED = tuple(each.name for each in fields(Scenario) if each.name != "network")


def _resolve(
    arrays: NetworkArrays,
    control_spec: CongestionControl | Mapping[str, object] | str,
    config: NetworkConfig | Mapping[str, object] | None,
) -> tuple[CongestionControl, NetworkConfig]:
    block = NetworkConfig.parse({} if config is None else config, "network")
    control = congestion_control(control_spec).resolve(
        *block.nic_rates_bps(arrays), block.payload_bytes
    )
    return control, block.resolve(control.default_ecn)


def _routing(
    arrays: NetworkArrays,
    workload: AnyWorkload,
    routing: Routes | RoutingBlock | Mapping[str, object] | str | None,
) -> Routes | RoutingConfig:
    flows = workload.id, workload.src, workload.dst
    if isinstance(routing, Routes):
        check_routes(routing, arrays, *flows)
        return routing
    spec = {} if routing is None else routing
    return build(ROUTINGS, spec, "routing", RoutingBlock, default="ecmp").resolve(arrays, *flows)


def _check_hosts(arrays: NetworkArrays, workload: AnyWorkload) -> None:
    for end, hosts in (("src", workload.src), ("dst", workload.dst)):
        bad = np.flatnonzero((hosts < 0) | (hosts >= arrays.num_hosts))
        if len(bad):
            node = int(hosts[bad[0]])
            what = "a switch" if 0 <= node < arrays.num_nodes else "an unknown node"
            raise WorkloadError(
                f"flow {workload.id[bad[0]]}: expected {end} to be a host, "
                f"0 to {arrays.num_hosts - 1} (got {what}, {node})"
            )
