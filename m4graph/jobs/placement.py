"""Where the flows of a collective run: their hosts, routes and cables."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from m4graph.core.errors import InputError, WorkloadError
from m4graph.routing import PathFinder, Paths, Routes
from m4graph.scenario import Scenario
from m4graph.scenario.ideal import ACK_BYTES, serialization_ticks
from m4graph.scenario.ranges import largest_flow_bytes
from m4graph.workload.collectives import (
    SWITCH,
    Collective,
    CollectiveFlows,
    RankGroup,
    collective_flows,
)


@dataclass(frozen=True, eq=False)
class Placement:
    """The flows of a collective in a network.

    Fields:
        - collective: what is done
        - pattern: its flows between places of the group
        - flows: the same between hosts; :data:`.SWITCH` is an NVSwitch
        - routes: their routes
        - paths: all their paths, where packets are spread over these; else ``None``
        - cables: int64, all that they cross, ascending
        - ack_ns: int64 ``[num_flows]``, from a flow's last byte at its receiver to the next step
        - start_ns: int64 ``[num_flows]``, no flow starts earlier than that after the collective
        - is_in_servers: whether all cables end at an NVSwitch
    """

    collective: Collective
    pattern: CollectiveFlows
    flows: CollectiveFlows
    routes: Routes
    paths: Paths | None
    cables: NDArray[np.int64]
    ack_ns: NDArray[np.int64]
    start_ns: NDArray[np.int64]
    is_in_servers: bool

    @property
    def num_flows(self) -> int:
        """Number of flows."""
        return self.flows.num_flows

    @property
    def has_switch_flows(self) -> bool:
        """Whether flows end at an NVSwitch or start there."""
        return bool((self.flows.src == SWITCH).any())


class Placer:
    """Places collectives; flows are routed in the order in which they are asked for.

    Args:
        scenario (Scenario): The network and its routing; the workload does not matter.
        acknowledged (bool): A step begins when the one before is acknowledged.
    """

    def __init__(self, scenario: Scenario, acknowledged: bool) -> None:
        self._arrays = scenario.arrays
        self._nodes = scenario.network.nodes
        self._router: Any = scenario.routing.router(scenario.arrays)  # type: ignore[union-attr]
        self._finder = None
        if scenario.spraying is not None:
            self._finder = PathFinder(scenario.arrays, scenario.spraying.prefer_nvswitch)
        self._acknowledged = acknowledged
        self._largest_bytes = largest_flow_bytes(scenario.arrays)
        self._flows: dict[tuple[Collective, bytes], CollectiveFlows] = {}
        kinds = [self._nodes[node].get("kind") for node in range(scenario.arrays.num_nodes)]
        self._is_nvswitch = np.array([kind == "nvswitch" for kind in kinds])

    def place(
        self, hosts: NDArray[np.int64], collective: Collective, routes: Routes | None = None
    ) -> Placement:
        """Places a collective of ranks on these hosts.

        Args:
            hosts (np.ndarray): Hosts of the ranks, in their order.
            collective (Collective): What they do.
            routes (Routes, optional): Those of flows between the same hosts in the same order.
                (default: new ones)

        Raises:
            InputError: If the collective cannot be done there.
        """
        group = self._group(hosts)
        key = collective, np.concatenate((group.server, group.rail)).tobytes()
        flows = self._flows.get(key)
        if flows is None:
            flows = self._flows[key] = collective_flows(collective, group)
        if flows.size_bytes.max() > self._largest_bytes:
            raise WorkloadError(
                f"{collective.kind} of {collective.size_bytes} bytes: expected flows of at most "
                f"{self._largest_bytes} bytes (got one of {flows.size_bytes.max()})"
            )
        ends = np.append(hosts, SWITCH)  # the last is what SWITCH, -1, stands for
        placed = flows.on(ends)
        if routes is None:
            routes = self._route(placed, hosts)
        return self.placed(collective, flows, placed, routes, np.zeros(flows.num_flows, np.int64))

    def route(self, src: NDArray[np.int32], dst: NDArray[np.int32]) -> Routes:
        """Routes the next flows between hosts."""
        return self._router.route(src, dst)  # type: ignore[no-any-return]

    def placed(
        self,
        collective: Collective,
        pattern: CollectiveFlows,
        flows: CollectiveFlows,
        routes: Routes,
        start_ns: NDArray[np.int64],
    ) -> Placement:
        """A placement of flows between hosts whose routes are known."""
        arrays = self._arrays
        paths = None if self._finder is None else self._finder.find(routes)
        data_links = routes.data_links if paths is None else paths.links
        cables = np.unique(np.concatenate((data_links, routes.ack_links)) >> 1)
        ends = np.stack((arrays.link_src[2 * cables], arrays.link_dst[2 * cables]))
        ack_ns = np.zeros(flows.num_flows, np.int64)
        if self._acknowledged:
            rates = arrays.link_rate_bps[routes.ack_links].astype(np.int64)
            hops = arrays.link_delay_ns[routes.ack_links] + serialization_ticks(ACK_BYTES, rates)
            ack_ns = np.add.reduceat(hops, routes.ack_ptr[:-1])
        in_servers = bool(self._is_nvswitch[ends].any(axis=0).all())
        cables = cables.astype(np.int64)
        return Placement(
            collective, pattern, flows, routes, paths, cables, ack_ns, start_ns, in_servers
        )

    def digest(self, placement: Placement) -> bytes:
        """Equal for collectives that take equal time where nothing else is.

        Their flows wait for each other in the same way and share links in the same way, and these
        links have equal rates and delays.
        """
        flows, routes, arrays = placement.flows, placement.routes, self._arrays
        links = np.concatenate((routes.data_links, routes.ack_links))
        ways: tuple[NDArray[np.int64], ...] = ()
        if placement.paths is not None:
            paths = placement.paths
            links = np.concatenate((links, paths.links))
            ways = paths.start, paths.count, paths.first
        found, first, label = np.unique(links, return_index=True, return_inverse=True)
        in_order = np.argsort(first)
        rank = np.empty(len(found), np.int64)
        rank[in_order] = np.arange(len(found))
        named = found[in_order]
        digest = hashlib.sha256(repr(placement.collective).encode())
        for array in (
            rank[label], routes.data_ptr, routes.ack_ptr, flows.size_bytes, flows.after_ptr,
            flows.after, arrays.link_rate_bps[named], arrays.link_delay_ns[named], *ways,
        ):  # fmt: skip
            digest.update(array.tobytes())
        return digest.digest()

    def _group(self, hosts: NDArray[np.int64]) -> RankGroup:
        places = [self._nodes[int(host)] for host in hosts]
        servers = [
            place.get("server", -1 - int(host)) for place, host in zip(places, hosts, strict=True)
        ]
        rails = [place.get("rail", 0) for place in places]
        _, first, inverse = np.unique(servers, return_index=True, return_inverse=True)
        number = np.argsort(np.argsort(first))[inverse]  # in the order of the group
        return RankGroup(number.astype(np.int64), np.array(rails, np.int64))

    def _route(self, flows: CollectiveFlows, hosts: NDArray[np.int64]) -> Routes:
        through_switch = (flows.src == SWITCH) | (flows.dst == SWITCH)
        if not through_switch.any():
            return self.route(flows.src, flows.dst)
        switch = self._switch_of(hosts)
        src = np.where(flows.src == SWITCH, switch, flows.src).astype(np.int64)
        dst = np.where(flows.dst == SWITCH, switch, flows.dst).astype(np.int64)
        ptr = np.arange(flows.num_flows + 1)
        there, back = self._arrays.link_ids(src, dst), self._arrays.link_ids(dst, src)
        return Routes(np.zeros(flows.num_flows, np.int32), ptr, there, ptr, back)

    def _switch_of(self, hosts: NDArray[np.int64]) -> int:
        """The NVSwitch that all hosts are at; of a network without any, their switch."""
        arrays = self._arrays
        common: set[int] | None = None
        for host in hosts.tolist():
            own = set(arrays.link_dst[arrays.link_src == host].tolist())
            common = own if common is None else common & own
        switches = sorted(common or (), key=lambda node: not self._is_nvswitch[node])
        if not switches:
            raise InputError("algorithm: expected one switch at all ranks for 'nvls' (got none)")
        return int(switches[0])
