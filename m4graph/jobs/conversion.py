"""Jobs from the files of SimAI and Chakra, as folders with ``job.yaml``."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from m4graph.core.errors import WorkloadError
from m4graph.core.text import read_lines
from m4graph.core.yaml_file import write_yaml
from m4graph.jobs.files import JOB_FILE
from m4graph.workload.collectives import Collective
from m4graph.workload.programs.chakra.files import TraceNode, read_trace, trace_files
from m4graph.workload.programs.program import PARTS
from m4graph.workload.programs.simai import POLICIES, SimaiWorkload, read_simai
from m4graph.workload.programs.training import Pass, Row

GPUS_PER_SERVER = 8
_AS_SIMAI = {
    "network": {
        "payload_bytes": 9000,
        "buffer_bytes": 32_000_000,
        "ecn": {"reference_gbps": 400, "kmin_bytes": 800_000, "kmax_bytes": 3_200_000},
    },
    "congestion_control": {
        "kind": "dcqcn",
        "init_window_bytes": "pair",
        "min_rate_mbps": 100,
        "alpha_timer_us": 1,
        "increase_timer_us": 900,
        "additive_increase_mbps": 50,
        "hyper_increase_mbps": 100,
    },
}
"""As SimAI's configuration has it."""

_LONGEST_BLOCK = 32
_TOPOLOGY_FILE = "topology.txt"

Block = dict[str, Any]


class Converted(NamedTuple):
    """What was made.

    Args:
        num_ranks (int): Ranks of the job.
        notes (list): What was taken otherwise, or assumed.
    """

    num_ranks: int
    notes: list[str]


def convert_simai(source: Path, folder: Path) -> Converted:
    """Writes ``job.yaml`` with a ``training_job`` of the same groups and bytes.

    Args:
        source (Path): SimAI's workload text, or a folder with it and, if there is one, SimAI's
            topology text.
        folder (Path): Where to; it exists.

    Raises:
        InputError: If a file is bad, or the job recomputes or is a ``MICRO`` benchmark.
    """
    files = [source]
    if source.is_dir():
        files = sorted(path for path in source.iterdir() if path.is_file())
    workloads = [path for path in files if _first_word(path) in POLICIES]
    others = [path for path in files if path not in workloads]
    if len(workloads) != 1 or len(others) > 1:
        raise WorkloadError(
            f"{source}: expected one workload and at most one topology, as SimAI's text (got "
            f"{len(workloads)} and {len(others)} files)"
        )
    workload = read_simai(workloads[0])
    if workload.initiates or workload.is_micro:
        raise WorkloadError(
            f"{workloads[0]}: expected layers forwards and backwards, each once (got a job with "
            "checkpoints or MICRO, which only workload: {kind: simai} takes)"
        )
    num_ranks = workload.parallel.num_ranks
    notes: list[str] = []
    if others:
        shutil.copyfile(others[0], folder / _TOPOLOGY_FILE)
        topology: Block = {"kind": "file", "file": _TOPOLOGY_FILE, "format": "simai"}
    else:
        topology = _rails(num_ranks, notes)
    write_yaml(
        folder / JOB_FILE,
        {
            "name": workloads[0].stem,
            "topology": topology,
            "routing": {"kind": "simai"},
            **_AS_SIMAI,
            "workload": training_blocks(workload),
            "step_after": "sender_ack",
        },
    )
    return Converted(num_ranks, notes)


def convert_chakra(source: Path, folder: Path) -> Converted:
    """Writes ``job.yaml``, and the traces as JSON that a person can read.

    Args:
        source (Path): ``<prefix>`` of the files ``<prefix>.<rank>.et``.
        folder (Path): Where to; it exists.

    Raises:
        InputError: If a file is bad.
    """
    files = trace_files(source)
    notes: list[str] = []
    for rank, path in enumerate(files):
        content = {"workload_graph": [_as_json(node) for node in read_trace(path)]}
        text = json.dumps(content, indent=1)
        (folder / f"trace.{rank}.json").write_text(text + "\n", encoding="utf-8")
    write_yaml(
        folder / JOB_FILE,
        {
            "name": source.name,
            "topology": _rails(len(files), notes),
            "routing": {"kind": "simai"},
            **_AS_SIMAI,
            "workload": {"kind": "chakra", "prefix": "trace"},
        },
    )
    return Converted(len(files), notes)


JOB_FORMATS: dict[str, Callable[[Path, Path], Converted]] = {
    "simai": convert_simai,
    "chakra": convert_chakra,
}
"""Formats of jobs by name: functions of a source and a folder."""


def training_blocks(workload: SimaiWorkload) -> Block:
    """The keys of a ``training_job`` that does the same; rows that repeat are folded."""
    parallel = workload.parallel.model_dump(exclude_defaults=True)
    layers = [_layer(row) for row in workload.rows]
    return {"kind": "training_job", "parallel": parallel, "layers": folded(layers)}


def folded(layers: Sequence[Block]) -> list[Block]:
    """Layers with those that follow each other several times as one ``repeat``."""
    result: list[Block] = []
    at = 0
    while at < len(layers):
        length, times = _repetition(layers, at)
        block = list(layers[at : at + length])
        result += [{"repeat": times, "layers": block}] if times > 1 else block
        at += length * times
    return result


def _repetition(layers: Sequence[Block], at: int) -> tuple[int, int]:
    """Length and number of the blocks from a layer on that cover most; the shortest of several."""
    best = 1, 1
    for length in range(1, _LONGEST_BLOCK + 1):
        block = layers[at : at + length]
        times = 1
        while layers[at + times * length : at + (times + 1) * length] == block:
            times += 1
        if len(block) == length and times > 1 and length * times > best[0] * best[1]:
            best = length, times
    return best


def _layer(row: Row) -> Block:
    layer: Block = {"name": row.forward.name.removesuffix(f" {PARTS[0]}")}
    for name in PARTS:
        one: Pass = getattr(row, name)
        if one.compute_ns:
            layer[f"{name}_ns"] = one.compute_ns
        if one.collective is not None:
            layer[name] = _collective(one.collective, one.group)
    return layer


def _collective(collective: Collective, group: str) -> Block:
    block = {"kind": collective.kind, "group": group, "size_bytes": collective.size_bytes}
    return block if collective.algorithm is None else block | {"algorithm": collective.algorithm}


def _rails(num_ranks: int, notes: list[str]) -> Block:
    """The default of SimAI's generator for so many GPUs."""
    servers = -(-num_ranks // GPUS_PER_SERVER)
    notes.append(
        f"topology: not in the source; {servers} servers of {GPUS_PER_SERVER} GPUs on rails are "
        "assumed"
    )
    return {"kind": "rail", "servers": servers, "gpus_per_server": GPUS_PER_SERVER}


def _as_json(node: TraceNode) -> Block:
    block: Block = {
        "Id": node.id,
        "Name": node.name,
        "NodeType": node.type,
        "data_deps": node.data_deps,
        "runtime": node.duration_micros,
    }
    if node.inputs:
        block["inputs"] = node.inputs
    known = {name: value for name, value in node.attributes.items() if value is not None}
    return block | {name: value for name, value in known.items() if isinstance(value, int | str)}


def _first_word(path: Path) -> str:
    lines = read_lines(path, WorkloadError)
    return lines[0].cells[0] if lines else ""
