"""How long operations take in the network: simulated, remembered, or by a closed form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from m4graph.jobs.closed_form import closed_form_ns, has_closed_form
from m4graph.jobs.cluster import Cluster, Running
from m4graph.jobs.flow_run import FlowRun
from m4graph.jobs.placement import Placement, Placer
from m4graph.routing import Routes
from m4graph.scenario import Scenario
from m4graph.simulators import Completion, Simulator
from m4graph.workload import Workload
from m4graph.workload.collectives import Collective, CollectiveFlows

BACKGROUND = -1
"""Stands for an operation's number, of flows that belong to none."""

_NOBODY = -1


class Transport:
    """Carries operations, each from its start to an end that it finds.

    Operations on separate cables do not see each other. With ``memo``, one whose cables nothing
    else uses takes as long as an equal one did before, in this group or another; the routes of a
    group are then found once, as for connections that stay open. Without, each flow has a source
    port of its own, as in ns-3; and all is simulated in one session, unless the closed form is
    used.

    Args:
        scenario (Scenario): The network; its workload does not matter.
        simulator (Simulator): One that has sessions.
        memo (bool): Whether equal operations are simulated once.
        nvlink (str): ``"closed_form"``: operations within a server that has its cables for itself
            are not simulated if they have a closed form; or ``"simulate"``.
        acknowledged (bool): A step begins when the one before is acknowledged.
        latency_ns (int): Before each flow.
        completed (list, optional): Gets operation and completion of each flow that is simulated.
            (default: none)

    Attributes:
        num_flows (int): Of all operations so far.
        num_simulated (int): Flows that went through the simulator.
        link_bytes (np.ndarray): Payload over each link so far, int64 ``[num_links]``.
        compile_s (float): Seconds of compilation.
    """

    def __init__(
        self,
        scenario: Scenario,
        simulator: Simulator,
        memo: bool,
        nvlink: Literal["closed_form", "simulate"],
        acknowledged: bool,
        latency_ns: int,
        completed: list[tuple[int, Completion]] | None = None,
    ) -> None:
        self._completed = completed
        self._scenario = scenario
        self._simulator = simulator
        self._memo = memo
        self._in_one = not memo and nvlink == "simulate"
        self._with_closed_form = nvlink == "closed_form"
        self._latency_ns = latency_ns
        self._placer = Placer(scenario, acknowledged)
        # Of flowlets one knows the first path only.
        self._is_even = scenario.spraying is not None and scenario.spraying.gap_us == 0
        self._owner = np.full(scenario.arrays.num_links // 2, _NOBODY)
        self._clusters: dict[int, Cluster] = {}
        self._num_clusters = 0
        self._placements: dict[tuple[int, Collective], Placement] = {}
        self._routes: dict[tuple[int, Collective], Routes] = {}
        self._foreseen_ns: dict[Placement, int] = {}
        self._remembered_ns: dict[bytes, int] = {}
        self.num_flows = 0
        self.num_simulated = 0
        self.link_bytes = np.zeros(scenario.arrays.num_links, np.int64)
        self.compile_s = 0.0
        self._past_hops = 0

    @property
    def packet_hops(self) -> int:
        """Packets sent over a link so far; 0 where there are no packets."""
        return self._past_hops + sum(one.packet_hops for one in self._clusters.values())

    @property
    def is_live(self) -> bool:
        """Whether operations are under way whose end is not known."""
        return any(cluster.is_live for cluster in self._clusters.values())

    def place(self, group: int, hosts: NDArray[np.int64], collective: Collective) -> Placement:
        """The flows of a group's next operation, and their routes.

        Raises:
            InputError: If the group cannot do it.
        """
        if not self._memo:
            return self._placer.place(hosts, collective)
        found = self._placements.get((group, collective))
        if found is None:
            shape = collective._replace(size_bytes=0)
            routes = self._routes.get((group, shape))
            found = self._placer.place(hosts, collective, routes)
            self._placements[group, collective] = found
            self._routes[group, shape] = found.routes
        return found

    def start(self, started: Sequence[Running], now_ns: int) -> list[Running]:
        """Operations start now; gives these, and all whose end is not known any more."""
        self._let_go(now_ns)
        touched: dict[int, Cluster] = {}
        for one in started:
            self._note(one.placement)
            number = self._meet(one.placement.cables, touched)
            touched[number] = self._clusters[number]
            touched[number].add(one)
        for cluster in touched.values():
            cluster.begin(now_ns)
            if len(cluster.members) == 1 and not self._in_one:
                self._foresee(cluster.members[0])
        return [member for cluster in touched.values() for member in cluster.members]

    def start_background(self, workload: Workload) -> None:
        """Flows that wait for nothing, beside all operations; call it first."""
        none = np.zeros(0, np.int64)
        flows = CollectiveFlows.of(workload.src, workload.dst, workload.size_bytes, 0, (none, none))
        routes = self._placer.route(flows.src, flows.dst)
        placement = self._placer.placed(
            Collective("background", 0), flows, flows, routes, workload.start_ns - self._latency_ns
        )
        self.start([Running(BACKGROUND, placement, 0)], 0)

    def advance(self, until_ns: float) -> list[Running]:
        """Finds the next ends up to a time; the ends that are known are not after it.

        Raises:
            SimulationError: If an operation can never end.
        """
        found: list[Running] = []
        for cluster in self._clusters.values():
            if cluster.is_live:
                ended = cluster.advance(until_ns)
                if ended is not None:
                    found.append(ended)
                    until_ns = min(until_ns, float(ended.end_ns or 0))
        return found

    def _note(self, placement: Placement) -> None:
        flows, routes = placement.flows, placement.routes
        self.num_flows += flows.num_flows
        if placement.paths is not None and self._is_even:
            spread = placement.paths.link_bytes(routes, flows.size_bytes, len(self.link_bytes))
            self.link_bytes += np.rint(spread).astype(np.int64)
            return
        sizes = np.repeat(flows.size_bytes, np.diff(routes.data_ptr))
        np.add.at(self.link_bytes, routes.data_links, sizes)

    def _meet(self, cables: NDArray[np.int64], touched: dict[int, Cluster]) -> int:
        """The number of the cluster of an operation on these cables, new or made of others."""
        owners = [0] * bool(self._clusters) if self._in_one else self._owners_of(cables)
        if not owners:
            number = self._num_clusters
            self._num_clusters += 0 if self._in_one else 1
            self._clusters[number] = Cluster(self._new_run)
        else:
            number, *others = owners
            for other in others:
                self._clusters[number].absorb(self._clusters.pop(other))
                touched.pop(other, None)
                self._owner[self._owner == other] = number
        self._owner[cables] = number
        return number

    def _owners_of(self, cables: NDArray[np.int64]) -> list[int]:
        owners = self._owner[cables]
        if owners.max() == _NOBODY:
            return []
        return [owner for owner in np.unique(owners).tolist() if owner != _NOBODY]

    def _let_go(self, now_ns: int) -> None:
        """Frees the cables of operations that have ended."""
        for number, cluster in list(self._clusters.items()):
            gone = cluster.leave(now_ns)
            for one in gone:
                self._owner[one.placement.cables] = _NOBODY
            if gone:
                for one in cluster.members:
                    self._owner[one.placement.cables] = number
            if not cluster.members and not self._in_one:
                self._past_hops += cluster.packet_hops
                del self._clusters[number]

    def _foresee(self, one: Running) -> None:
        """Finds the end of an operation that is alone, if it stays so."""
        placement = one.placement
        lasts_ns = self._foreseen_ns.get(placement)
        if lasts_ns is None:
            lasts_ns = self._alone_ns(placement)
            if lasts_ns is None:
                return
            if self._memo:
                self._foreseen_ns[placement] = lasts_ns
        one.end_ns = one.start_ns + lasts_ns

    def _alone_ns(self, placement: Placement) -> int | None:
        """How long an operation takes alone; ``None``: it is simulated where it stands."""
        if has_closed_form(placement) and (self._with_closed_form or placement.has_switch_flows):
            return closed_form_ns(self._scenario, placement, self._latency_ns)
        if not self._memo:
            return None
        digest = self._placer.digest(placement)
        known = self._remembered_ns.get(digest)
        if known is None:
            run = self._new_run()
            run.add(0, placement, 0)
            end = run.advance(None)
            assert end is not None
            self._past_hops += run.packet_hops
            known = self._remembered_ns[digest] = end.end_ns
        return known

    def _new_run(self) -> FlowRun:
        session = self._simulator.open_session(self._scenario)
        self.compile_s += session.compile_s
        return FlowRun(session, self._latency_ns, self._count, self._completed)

    def _count(self, num_flows: int) -> None:
        self.num_simulated += num_flows
