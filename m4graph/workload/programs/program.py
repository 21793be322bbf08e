"""What the ranks of a job do: a graph of computations and communication for each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from m4graph.core.calls import plain_call
from m4graph.core.checks import check_count
from m4graph.core.errors import WorkloadError
from m4graph.workload.collectives import Collective, check_collective

COMPUTE, CPU, COMMUNICATE, SEND, RECEIVE = range(5)
"""Kinds of nodes: computing on the accelerator, on its CPU, and communication."""

PARTS = ("forward", "input_grad", "weight_grad")
"""The passes of a layer."""

MAX_NS = 2**61
"""No computation may take longer."""


@plain_call
class Communicator(NamedTuple):
    """Ranks that communicate, one operation after the other.

    Args:
        name (str): Tells communicators of the same ranks apart.
        ranks (tuple): Two or more; of messages, the sender and the receiver.
        dimension (str): What its time counts as, as in ``"tp"``.
    """

    name: str
    ranks: tuple[int, ...]
    dimension: str


@plain_call
@dataclass(frozen=True, eq=False)
class Program:
    """The nodes of a rank; ranks that do the same share one.

    A node begins when all that it waits for are done. A rank does one computation at a time, and
    beside it one on its CPU; what takes no time waits for neither. Operations of one communicator
    come one after the other, those of several side by side. The first operation of a rank in a
    communicator belongs with the first of each other rank of it, and so on, in the order of nodes.

    Fields:
        - names: tuple ``[num_nodes]``
        - kind: int8 ``[num_nodes]``, :data:`COMPUTE` ...
        - duration_ns: int64 ``[num_nodes]``, of computations
        - slot: int32 ``[num_nodes]``, which communicator of the rank; -1 of computations
        - operation: int32 ``[num_nodes]``, which of ``operations``; -1 of computations
        - after_ptr: int64 ``[num_nodes + 1]``, after: int64; the nodes that each one waits for
        - layer: int32 ``[num_nodes]``, which layer of a training it belongs to, or -1
        - part: int8 ``[num_nodes]``, which of the layer's passes: one of :data:`PARTS`
        - slots: tuple of the communicators' names in the program
        - operations: tuple of :class:`.Collective`
    """

    names: tuple[str, ...]
    kind: NDArray[np.int8]
    duration_ns: NDArray[np.int64]
    slot: NDArray[np.int32]
    operation: NDArray[np.int32]
    after_ptr: NDArray[np.int64]
    after: NDArray[np.int64]
    layer: NDArray[np.int32]
    part: NDArray[np.int8]
    slots: tuple[str, ...]
    operations: tuple[Collective, ...]

    @property
    def num_nodes(self) -> int:
        """Number of nodes."""
        return len(self.names)


@plain_call
class ProgramBuilder:
    """Puts a program together, node by node; each method gives the new node's number.

    A node waits for the last one that was blocking, and for what :meth:`wait` was given since; or,
    if ``after`` is given, for these nodes only.
    """

    def __init__(self) -> None:
        self._names: list[str] = []
        self._kind: list[int] = []
        self._duration_ns: list[int] = []
        self._slot: list[int] = []
        self._operation: list[int] = []
        self._after: list[list[int]] = []
        self._place: list[tuple[int, int]] = []
        self._at = -1, 0
        self._slots: dict[str, int] = {}
        self._operations: dict[Collective, int] = {}
        self._front: list[int] = []

    @property
    def num_nodes(self) -> int:
        """Nodes so far."""
        return len(self._names)

    def compute(self, name: str, duration_ns: int, after: Iterable[int] | None = None) -> int:
        """A computation.

        Raises:
            KeyProblem: If the duration is no integer of 0 or above.
        """
        duration = check_count("duration_ns", duration_ns, 0, MAX_NS)
        return self._add(name, COMPUTE, duration, -1, -1, after, blocking=True)

    def cpu(self, name: str, duration_ns: int, after: Iterable[int] | None = None) -> int:
        """Work of the CPU, beside which the rank may compute.

        Raises:
            KeyProblem: If the duration is no integer of 0 or above.
        """
        duration = check_count("duration_ns", duration_ns, 0, MAX_NS)
        return self._add(name, CPU, duration, -1, -1, after, blocking=True)

    def collective(
        self,
        name: str,
        collective: Collective,
        group: str,
        blocking: bool = True,
        after: Iterable[int] | None = None,
    ) -> int:
        """A collective operation of the rank's communicator of that name.

        Raises:
            KeyProblem: If its kind or algorithm is unknown.
        """
        return self._communicate(name, COMMUNICATE, collective, group, blocking, after)

    def send(
        self,
        name: str,
        size_bytes: int,
        group: str,
        blocking: bool = False,
        after: Iterable[int] | None = None,
    ) -> int:
        """A message from the first rank of a communicator; it starts at once."""
        message = Collective("send_recv", size_bytes)
        return self._communicate(name, SEND, message, group, blocking, after)

    def receive(
        self,
        name: str,
        size_bytes: int,
        group: str,
        blocking: bool = True,
        after: Iterable[int] | None = None,
    ) -> int:
        """The same message at the second rank; done when it has arrived."""
        message = Collective("send_recv", size_bytes)
        return self._communicate(name, RECEIVE, message, group, blocking, after)

    def at(self, layer: int, part: str) -> None:
        """What comes next belongs to a layer's pass, one of :data:`PARTS`."""
        self._at = layer, PARTS.index(part)

    def wait(self, nodes: Iterable[int]) -> None:
        """What comes next waits for these nodes, too."""
        self._front += nodes

    def finish(self) -> Program:
        """The program.

        Raises:
            WorkloadError: If a node waits for one that is not there, or nodes wait for each other
                in a circle.
        """
        counts = [len(nodes) for nodes in self._after]
        program = Program(
            names=tuple(self._names),
            kind=np.array(self._kind, np.int8),
            duration_ns=np.array(self._duration_ns, np.int64),
            slot=np.array(self._slot, np.int32),
            operation=np.array(self._operation, np.int32),
            after_ptr=np.cumsum([0, *counts]),
            after=np.array([node for nodes in self._after for node in nodes], np.int64),
            layer=np.array([layer for layer, _ in self._place], np.int32),
            part=np.array([part for _, part in self._place], np.int8),
            slots=tuple(self._slots),
            operations=tuple(self._operations),
        )
        _check_order(program)
        return program

    def _communicate(
        self,
        name: str,
        kind: int,
        collective: Collective,
        group: str,
        blocking: bool,
        after: Iterable[int] | None,
    ) -> int:
        named = check_collective(collective)
        slot = self._slots.setdefault(group, len(self._slots))
        operation = self._operations.setdefault(named, len(self._operations))
        return self._add(name, kind, 0, slot, operation, after, blocking)

    def _add(
        self,
        name: str,
        kind: int,
        duration_ns: int,
        slot: int,
        operation: int,
        after: Iterable[int] | None,
        blocking: bool,
    ) -> int:
        node = len(self._names)
        self._names.append(name)
        self._kind.append(kind)
        self._duration_ns.append(duration_ns)
        self._slot.append(slot)
        self._operation.append(operation)
        self._place.append(self._at)
        self._after.append(list(self._front if after is None else after))
        if blocking and after is None:
            self._front = [node]
        return node


@plain_call
@dataclass(frozen=True, eq=False)
class JobPrograms:
    """The programs of all ranks of a job.

    Fields:
        - programs: tuple of :class:`Program`
        - program_of_rank: int64 ``[num_ranks]``
        - communicators: for each rank, those of its program's ``slots`` by name
    """

    programs: tuple[Program, ...]
    program_of_rank: NDArray[np.int64]
    communicators: Sequence[dict[str, Communicator]]

    @property
    def num_ranks(self) -> int:
        """Number of ranks."""
        return len(self.program_of_rank)

    def program(self, rank: int) -> Program:
        """What a rank does."""
        return self.programs[int(self.program_of_rank[rank])]


def _check_order(program: Program) -> None:
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    n = program.num_nodes
    missing = np.flatnonzero((program.after < 0) | (program.after >= n))
    waiting = np.repeat(np.arange(n), np.diff(program.after_ptr))
    if len(missing):
        node, other = int(waiting[missing[0]]), int(program.after[missing[0]])
        raise WorkloadError(
            f"node {node} ({program.names[node]}): expected to wait for a node of its rank, "
            f"0 to {n - 1} (got {other})"
        )
    if not (program.after >= waiting).any():
        return  # Each waits for earlier ones.
    graph = csr_array((np.ones(len(waiting)), (waiting, program.after)), (n, n))
    _, component = connected_components(graph, directed=True, connection="strong")
    closed = np.flatnonzero(component[waiting] == component[program.after])
    if len(closed):
        node, other = int(waiting[closed[0]]), int(program.after[closed[0]])
        got = "itself" if node == other else f"node {other}, which waits for it in turn"
        raise WorkloadError(
            f"node {node} ({program.names[node]}): expected nodes that do not wait for each other "
            f"in a circle (got {got})"
        )
