"""Files of Chakra execution traces: one for each rank, as protobuf, gzipped or not, or JSON."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from m4graph.core.errors import WorkloadError
from m4graph.core.integers import as_integer
from m4graph.workload.programs.chakra.schema import messages

_ENDINGS = (".et", ".json")
_GZIP = b"\x1f\x8b"
_NAMES_IN_JSON = {
    "is_cpu_op", "comm_type", "comm_size", "comm_src", "comm_dst", "comm_tag", "pg_name",
}  # fmt: skip


class TraceNode(NamedTuple):
    """A node of a trace.

    Args:
        id (int): Its number in the file.
        name (str): Its name.
        type (int): As of the format: 4 computes, 5 sends, 6 receives, 7 is a collective.
        data_deps (list): The nodes that it waits for.
        duration_micros (int): How long it took.
        inputs (str): What its inputs say, of metadata.
        attributes (dict): What else there is.
    """

    id: int
    name: str
    type: int
    data_deps: list[int]
    duration_micros: int
    inputs: str
    attributes: dict[str, Any]


def trace_files(prefix: str | Path) -> list[Path]:
    """The files ``<prefix>.<rank>.et`` or ``.json`` of all ranks, from 0.

    Raises:
        WorkloadError: If there are none, or that of a rank is missing.
    """
    stem = Path(prefix)
    found: dict[int, Path] = {}
    for path in sorted(stem.parent.glob(f"{stem.name}.*")):
        number = path.name[len(stem.name) + 1 :].removesuffix(path.suffix)
        if path.suffix in _ENDINGS and number.isascii() and number.isdigit():
            found.setdefault(int(number), path)
    if not found:
        raise WorkloadError(f"{prefix}: expected traces {stem.name}.0.et, ... there (got none)")
    for rank in range(max(found) + 1):
        if rank not in found:
            raise WorkloadError(
                f"{prefix}: expected a trace of each rank from 0 to {max(found)} (got none of "
                f"rank {rank})"
            )
    return [found[rank] for rank in range(len(found))]


def read_trace(path: Path) -> list[TraceNode]:
    """The nodes of a rank's trace, by their numbers.

    Raises:
        WorkloadError: If it is no such file, or two nodes have one number; names the node.
    """
    try:
        content = path.read_bytes()
        if content.startswith(_GZIP):
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise WorkloadError(f"{path}: expected a trace to read (got {reason})") from None
    is_json = content.lstrip()[:1] == b"{"
    nodes = list(_from_json(path, content) if is_json else _from_protobuf(path, content))
    seen: set[int] = set()
    for node in nodes:
        if node.id in seen:
            raise WorkloadError(f"{path}, node {node.id}: expected numbers of their own (got two)")
        seen.add(node.id)
    return sorted(nodes, key=lambda node: node.id)


def _from_protobuf(path: Path, content: bytes) -> Iterator[TraceNode]:
    """Messages one behind the other, each with its length before it; the first is of the file."""
    from google.protobuf.message import DecodeError

    node_class = messages()["Node"]
    at, number = 0, -1
    while at < len(content):
        length, at = _varint(path, content, at)
        if length > len(content) - at:
            raise WorkloadError(f"{path}: expected {length} bytes of a node (got its end)")
        number += 1
        if number:
            try:
                node = node_class.FromString(content[at : at + length])
            except DecodeError as error:
                raise WorkloadError(
                    f"{path}, node behind {number - 1} others: expected a node (got {error})"
                ) from None
            attributes = {each.name: _value(each) for each in node.attr}
            yield TraceNode(
                node.id,
                node.name,
                node.type,
                list(node.data_deps),
                node.duration_micros,
                node.inputs.values,
                attributes,
            )
        at += length


def _value(attribute: Any) -> Any:
    """The value of an attribute, of whatever type."""
    values = [value for field, value in attribute.ListFields() if field.name != "name"]
    return values[0] if values else None


def _varint(path: Path, content: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(content) and shift < 64:
        byte = content[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
    raise WorkloadError(f"{path}: expected the length of a node (got the end of the file)")


def _from_json(path: Path, content: bytes) -> Iterator[TraceNode]:
    try:
        nodes = json.loads(content)["workload_graph"]
        for node in nodes:
            yield TraceNode(
                _whole(node.get("Id", 0)),
                str(node.get("Name", "")),
                _whole(node.get("NodeType", 0)),
                [_whole(other) for other in node.get("data_deps", [])],
                _whole(node.get("runtime", 0)),
                str(node.get("inputs", "")),
                {name: node[name] for name in _NAMES_IN_JSON & node.keys()},
            )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise WorkloadError(
            f"{path}: expected JSON with a list of nodes, workload_graph "
            f"(got {type(error).__name__}: {error})"
        ) from None


def _whole(value: Any) -> int:
    number = as_integer(value)
    if number is None or number < 0:
        raise ValueError(f"expected an integer of 0 or above, not {value!r}")
    return number
