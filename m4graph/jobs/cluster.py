"""Operations that share cables, directly or through others: they are simulated together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from m4graph.jobs.flow_run import FlowRun
from m4graph.jobs.placement import Placement


@dataclass(eq=False)
class Running:
    """An operation under way.

    Args:
        operation (int): Its number.
        placement (Placement): Its flows.
        start_ns (int): When it started.
        end_ns (int, optional): When it ends, if nothing else comes to its cables; ``None``: not
            known yet.
    """

    operation: int
    placement: Placement
    start_ns: int
    end_ns: int | None = None


class Cluster:
    """Operations whose cables no other ones cross.

    One that is alone may have an end that is known without a simulation. When another one comes,
    both are simulated from the start of the first. A simulation that has gone too far, as nobody
    knew that an operation would come, is done anew: what has happened so far happens again.

    Args:
        new_run (Callable): Opens a session.
    """

    def __init__(self, new_run: Callable[[], FlowRun]) -> None:
        self._new_run = new_run
        self._run: FlowRun | None = None
        self._history: list[Running] = []
        self._coming: list[Running] = []
        self.members: list[Running] = []

    @property
    def is_live(self) -> bool:
        """Whether ends are yet to be found."""
        return any(member.end_ns is None for member in self.members)

    @property
    def packet_hops(self) -> int:
        """Packets that its simulation has sent over a link; 0 where there are no packets."""
        return 0 if self._run is None else self._run.packet_hops

    def add(self, one: Running) -> None:
        """An operation comes; :meth:`begin` follows."""
        self._coming.append(one)

    def absorb(self, other: Cluster) -> None:
        """Takes over the operations of another cluster, which is of no use from then on."""
        self._history = sorted(self._history + other._history, key=lambda one: one.start_ns)
        self._coming += other._coming
        self.members += other.members
        self._run = None

    def begin(self, now_ns: int) -> None:
        """The operations that have come start now; ends after now are not known any more."""
        for member in self.members:
            if member.end_ns is not None and member.end_ns > now_ns:
                member.end_ns = None
        if self._run is not None and self._run.now_ns > now_ns:
            self._run = None
        if self._run is not None:
            for one in self._coming:
                self._run.add(one.operation, one.placement, one.start_ns)
        self._history += self._coming
        self.members += self._coming
        self._coming = []

    def advance(self, until_ns: float) -> Running | None:
        """Simulates up to a time, or to the first end that was not known; gives who has ended."""
        if self._run is None:
            self._run = self._new_run()
            for member in self._history:
                self._run.add(member.operation, member.placement, member.start_ns)
        if self._run.now_ns > until_ns:  # An end that it has found lies behind that time.
            return None
        limit = None if until_ns == np.inf else int(until_ns)
        still = {one.operation: one for one in self.members if one.end_ns is None}
        while (end := self._run.advance(limit)) is not None:
            if end.operation in still:
                still[end.operation].end_ns = end.end_ns
                return still[end.operation]
        return None

    def leave(self, now_ns: int) -> list[Running]:
        """Lets go of the operations that have ended by now, and gives them."""
        gone = [one for one in self.members if one.end_ns is not None and one.end_ns <= now_ns]
        if gone:
            self.members = [one for one in self.members if one not in gone]
        return gone
