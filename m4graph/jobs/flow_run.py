"""The flows of several operations in one session, each waiting for those before it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from m4graph.core.errors import ConfigError, SimulationError
from m4graph.jobs.placement import Placement
from m4graph.results import UNFINISHED_BECAUSE
from m4graph.simulators.session import Completion, Session


class End(NamedTuple):
    """An operation has ended.

    Args:
        operation (int): Its number.
        end_ns (int): When.
    """

    operation: int
    end_ns: int


class _Member:
    """An operation whose flows are under way."""

    def __init__(
        self, operation: int, placement: Placement, first_flow: int, start_ns: int
    ) -> None:
        self.operation = operation
        self.first_flow = first_flow
        self.followers = placement.pattern.followers
        self.num_open = placement.pattern.num_open.copy()
        self.ack_ns: list[int] = placement.ack_ns.tolist()
        self.ready_ns = [start_ns] * placement.num_flows
        self.num_left = placement.num_flows
        self.end_ns = start_ns


class FlowRun:
    """Runs operations side by side.

    Args:
        session (Session): An idle network.
        latency_ns (int): Between the moment when a flow could start and its start.
        count (Callable): Is told how many flows are added.
        completed (list, optional): Gets operation and completion of each flow. (default: none)
    """

    def __init__(
        self,
        session: Session,
        latency_ns: int,
        count: Callable[[int], None],
        completed: list[tuple[int, Completion]] | None = None,
    ) -> None:
        self._completed = completed
        self._count = count
        self._session = session
        self._latency_ns = latency_ns
        self._member_of_flow: list[_Member] = []
        self._num_left = 0

    @property
    def now_ns(self) -> int:
        """Up to here everything has happened."""
        return self._session.now_ns

    @property
    def packet_hops(self) -> int:
        """Packets sent over a link; 0 where there are no packets."""
        return self._session.packet_hops or 0

    @property
    def is_idle(self) -> bool:
        """Whether all operations have ended."""
        return self._num_left == 0

    def add(self, operation: int, placement: Placement, start_ns: int) -> None:
        """An operation starts now or later."""
        flows = placement.flows
        if placement.has_switch_flows and self._session.packet_hops is not None:
            raise ConfigError(
                "algorithm: expected 'nvls' alone on its cables, or a simulator without packets "
                "(got packets and other flows beside it)"
            )
        numbers = self._session.announce(flows.src, flows.dst, flows.size_bytes, placement.routes)
        member = _Member(operation, placement, numbers.start, start_ns)
        self._member_of_flow += [member] * placement.num_flows
        self._num_left += 1
        self._count(placement.num_flows)
        own_ns = placement.start_ns.tolist()
        for flow, count in enumerate(member.num_open):
            if count == 0:
                begin_ns = start_ns + own_ns[flow] + self._latency_ns
                self._session.start(numbers.start + flow, begin_ns)

    def advance(self, until_ns: int | None) -> End | None:
        """Runs up to a time, or to the first operation that ends; ``None``: none has.

        Raises:
            SimulationError: If flows can never complete.
        """
        session, latency_ns = self._session, self._latency_ns
        for done in session.run(until_ns):
            member = self._member_of_flow[done.flow_id]
            flow = done.flow_id - member.first_flow
            if self._completed is not None:
                self._completed.append((member.operation, done))
            arrived_ns = done.finish_ns + member.ack_ns[flow]
            ready_ns, num_open = member.ready_ns, member.num_open
            for other in member.followers[flow]:
                ready_ns[other] = max(ready_ns[other], arrived_ns)
                num_open[other] -= 1
                if num_open[other] == 0:
                    begin_ns = max(ready_ns[other] + latency_ns, session.now_ns)
                    session.start(member.first_flow + other, begin_ns)
            member.end_ns = max(member.end_ns, arrived_ns)
            member.num_left -= 1
            if member.num_left == 0:
                self._num_left -= 1
                return End(member.operation, member.end_ns)
        if until_ns is None and not self.is_idle:
            why = self._session.extra.get(UNFINISHED_BECAUSE, "the simulation has stopped")
            raise SimulationError(f"collective: expected all its flows to complete ({why})")
        return None
