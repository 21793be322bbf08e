"""The programs of a job from Chakra execution traces."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from m4graph.core.calls import plain_call
from m4graph.core.errors import InputError, WorkloadError
from m4graph.core.integers import as_integer
from m4graph.core.units import NS_PER_US
from m4graph.workload.collectives import Collective
from m4graph.workload.programs.chakra.files import TraceNode, read_trace, trace_files
from m4graph.workload.programs.program import Communicator, JobPrograms, Program, ProgramBuilder
from m4graph.workload.programs.training import MAX_BYTES

_METADATA, _COMPUTE, _SEND, _RECEIVE, _COLLECTIVE = 1, 4, 5, 6, 7
_BARRIER = 9
_KINDS = {
    0: "all_reduce", 1: "reduce", 2: "all_gather", 3: "gather", 4: "scatter", 5: "broadcast",
    6: "all_to_all", 7: "reduce_scatter", 8: "reduce_scatter", _BARRIER: "all_reduce",
}  # fmt: skip
_ALL_RANKS = ("", "0")

Groups = Mapping[str, Sequence[int]]


@plain_call
def chakra_programs(prefix: str | Path, groups: str | Path | Groups | None = None) -> JobPrograms:
    """Reads the traces ``<prefix>.<rank>.et`` of all ranks (protobuf, also gzipped) or ``.json``.

    A node waits for its ``data_deps``. Computing takes its recorded time, 1 ns at least; what runs
    on the CPU does so beside it. Messages belong together by sender, receiver and tag, collectives
    by their group, both in the order of nodes. Of an all-gather, ``comm_size`` is the part of one
    rank. A barrier is an all-reduce of a byte for each rank.

    Args:
        prefix (str or Path): What the names of the files begin with.
        groups (str, Path or dict, optional): The ranks of each group by name, or a JSON file with
            that. (default: as the traces say; ``""`` and ``"0"`` are all ranks)

    Raises:
        WorkloadError: If a file or a node is bad; names the file and the node.
    """
    files = trace_files(prefix)
    traces = [read_trace(path) for path in files]
    known = _groups(groups, traces, len(files))
    programs, communicators = [], []
    for rank, (path, nodes) in enumerate(zip(files, traces, strict=True)):
        reader = _Rank(path, rank, len(files), known)
        programs.append(reader.program(nodes))
        communicators.append(reader.communicators)
    return JobPrograms(tuple(programs), np.arange(len(files)), communicators)


class _Rank:
    """Turns the trace of one rank into its program."""

    def __init__(
        self, path: Path, rank: int, num_ranks: int, groups: Mapping[str, tuple[int, ...]]
    ) -> None:
        self._path = path
        self._rank = rank
        self._num_ranks = num_ranks
        self._groups = groups
        self._builder = ProgramBuilder()
        self.communicators: dict[str, Communicator] = {}

    def program(self, nodes: list[TraceNode]) -> Program:
        number = {node.id: place for place, node in enumerate(self._kept(nodes))}
        for node in self._kept(nodes):
            missing = next((other for other in node.data_deps if other not in number), None)
            if missing is not None:
                raise self._error(node, f"expected to wait for nodes of its trace (got {missing})")
            try:
                self._add(node, [number[other] for other in node.data_deps])
            except WorkloadError:
                raise
            except InputError as error:
                raise self._error(node, str(error)) from None
        try:
            return self._builder.finish()
        except WorkloadError as error:
            raise WorkloadError(f"{self._path}: {error}") from None

    def _kept(self, nodes: list[TraceNode]) -> list[TraceNode]:
        return [node for node in nodes if node.type > 0]

    def _add(self, node: TraceNode, after: list[int]) -> None:
        builder, name = self._builder, node.name
        if node.type == _COLLECTIVE:
            collective, group = self._collective(node)
            builder.collective(name, collective, group, after=after)
        elif node.type in (_SEND, _RECEIVE):
            group = self._pair(node)
            size_bytes = max(1, self._integer(node, "comm_size", 0, MAX_BYTES))
            add = builder.send if node.type == _SEND else builder.receive
            add(name, size_bytes, group, after=after)
        else:
            duration_ns = 0
            if node.type != _METADATA:
                duration_ns = max(node.duration_micros * NS_PER_US, 1)
            on_cpu = node.attributes.get("is_cpu_op", False) and node.type == _COMPUTE
            (builder.cpu if on_cpu else builder.compute)(name, duration_ns, after=after)

    def _collective(self, node: TraceNode) -> tuple[Collective, str]:
        code = self._integer(node, "comm_type", 0, 2**31 - 1)
        if code not in _KINDS:
            raise self._error(node, f"expected a comm_type of 0 to {_BARRIER} (got {code})")
        name = str(node.attributes.get("pg_name") or "")
        ranks = self._groups.get(name)
        if ranks is None:
            raise self._error(node, f"expected a group that is known (got pg_name {name!r})")
        if self._rank not in ranks:
            raise self._error(node, f"expected a group with rank {self._rank} (got {name!r})")
        size_bytes = max(1, self._integer(node, "comm_size", 0, MAX_BYTES))
        if code == _BARRIER:
            size_bytes = len(ranks)
        elif _KINDS[code] == "all_gather":
            size_bytes *= len(ranks)
        label = f"group {name}" if name else "all ranks"
        self.communicators[label] = Communicator(label, ranks, label)
        return Collective(_KINDS[code], size_bytes), label

    def _pair(self, node: TraceNode) -> str:
        largest = self._num_ranks - 1
        src = self._integer(node, "comm_src", self._own(node, _SEND), largest)
        dst = self._integer(node, "comm_dst", self._own(node, _RECEIVE), largest)
        tag = self._integer(node, "comm_tag", 0, 2**63 - 1)
        if src == dst or self._rank != (src if node.type == _SEND else dst):
            raise self._error(
                node,
                f"expected a message of rank {self._rank} and another one (got one from rank "
                f"{src} to rank {dst})",
            )
        label = f"{src}->{dst} tag {tag}"
        self.communicators[label] = Communicator(label, (src, dst), "messages")
        return label

    def _own(self, node: TraceNode, kind: int) -> int:
        """What a missing end of a message stands for: of zero the field is left out, too."""
        return self._rank if node.type == kind else 0

    def _integer(self, node: TraceNode, name: str, missing: int, maximum: int) -> int:
        value = node.attributes.get(name)
        number = missing if value is None else as_integer(value)
        if number is None or not 0 <= number <= maximum:
            raise self._error(
                node, f"expected {name}, an integer of 0 to {maximum} (got {value!r})"
            )
        return number

    def _error(self, node: TraceNode, problem: str) -> WorkloadError:
        return WorkloadError(f"{self._path}, node {node.id} ({node.name}): {problem}")


def _groups(
    given: str | Path | Groups | None, traces: list[list[TraceNode]], num_ranks: int
) -> dict[str, tuple[int, ...]]:
    """The ranks of each group by name."""
    found: dict[str, tuple[int, ...]] = dict.fromkeys(_ALL_RANKS, tuple(range(num_ranks)))
    for nodes in traces:
        for node in nodes:
            if node.type == _METADATA and "pg_name" in node.inputs:
                for entry in _parsed(node.inputs):
                    if isinstance(entry, dict) and entry.get("ranks"):
                        name = str(entry.get("pg_name", ""))
                        found[name] = _ranks(name, entry["ranks"], num_ranks)
    if given is not None:
        table: Any = given
        if not isinstance(given, Mapping):
            try:
                table = json.loads(Path(given).read_text(encoding="utf-8"))
            except (OSError, ValueError, RecursionError) as error:
                raise WorkloadError(f"{given}: expected JSON of groups (got {error})") from None
        if not isinstance(table, Mapping):
            raise WorkloadError(f"{given}: expected the ranks of each group by name")
        found |= {str(name): _ranks(str(name), ranks, num_ranks) for name, ranks in table.items()}
    return found


def _parsed(text: str) -> list[Any]:
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return []
    return parsed if isinstance(parsed, list) else []


def _ranks(name: str, ranks: Any, num_ranks: int) -> tuple[int, ...]:
    numbers = [as_integer(rank) for rank in ranks] if isinstance(ranks, list | tuple) else [None]
    good = [rank for rank in numbers if rank is not None and 0 <= rank < num_ranks]
    if len(set(good)) < len(numbers) or not good:
        raise WorkloadError(
            f"group {name!r}: expected different ranks of 0 to {num_ranks - 1} (got {ranks!r})"
        )
    return tuple(good)
