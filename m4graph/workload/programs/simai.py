"""SimAI's workload text (AICB, ASTRA-sim 1) as the programs of a job."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from m4graph.core.calls import plain_call
from m4graph.core.errors import WorkloadError
from m4graph.core.integers import parse_integer
from m4graph.core.schema import KeyProblem
from m4graph.core.text import Line, read_lines
from m4graph.workload.collectives import Collective
from m4graph.workload.programs.parallel import Parallel
from m4graph.workload.programs.program import MAX_NS, JobPrograms, ProgramBuilder
from m4graph.workload.programs.training import (
    MAX_BYTES,
    Pass,
    Row,
    end_of_iteration,
    run_backward,
    run_forward,
)

POLICIES = ("HYBRID_TRANSFORMER_FWD_IN_BCKWD", "HYBRID_TRANSFORMER", "MICRO")
"""What the first line may start with."""

_KINDS = {
    "ALLREDUCE": "all_reduce",
    "ALLGATHER": "all_gather",
    "REDUCESCATTER": "reduce_scatter",
    "ALLTOALL": "all_to_all",
}
_SUFFIXES = {"_DP_EP": "dp_ep", "_EP": "ep", "": None}
_LEAST_FORWARD_BYTES = 4096
_FIELDS = 12
_CHECKPOINTS = "checkpoints"
_INITIATES = "checkpoint_initiates"


class SimaiWorkload(NamedTuple):
    """What such a file says.

    Args:
        parallel (Parallel): The groups.
        rows (list): The layers.
        checkpoints (list): Rows from which on the forward pass is done again ...
        initiates (list): ... before the backward pass of these.
        is_micro (bool): Gradients of weights are communicated, and nothing else is done.
    """

    parallel: Parallel
    rows: list[Row]
    checkpoints: list[int]
    initiates: list[int]
    is_micro: bool


@plain_call
def read_simai(path: str | Path, nvls: bool = False) -> SimaiWorkload:
    """Reads a file.

    Args:
        path (str or Path): The file.
        nvls (bool): All-reduces of tensor-parallel groups of 8 ranks or more are done in the
            NVSwitch, as SimAI does for the GPUs H100 and H800 if it is told to.
            (default: ``False``)

    Raises:
        WorkloadError: If it is no such file; names the row and the field.
    """
    lines = read_lines(Path(path), WorkloadError)
    if not lines:
        raise WorkloadError(f"{path}: expected a line of a policy and groups (got an empty file)")
    policy, header, flags = _header(lines[0])
    words = [word for line in lines[1:] for word in line.cells]
    # Some files count more rows than they hold.
    listed = _integer(f"{path}, line 2", "a number of rows", words[0] if words else "")
    cells = words[1:]
    count, left = divmod(len(cells), _FIELDS)
    if left and count < listed:
        raise WorkloadError(f"{path}, row {count}: expected {_FIELDS} fields (got {left})")
    count = min(count, listed)
    rows = [
        _row(f"{path}, row {row}", cells[row * _FIELDS : (row + 1) * _FIELDS], nvls)
        for row in range(count)
    ]
    for key, numbers in flags.items():
        if any(row >= count for row in numbers):
            raise lines[0].error(key, f"expected rows below {count}", max(numbers))
    return SimaiWorkload(
        _parallel(lines[0], header),
        rows,
        flags[_CHECKPOINTS],
        flags[_INITIATES],
        policy == "MICRO",
    )


@plain_call
def simai_programs(workload: SimaiWorkload) -> JobPrograms:
    """What the ranks do: one pass forwards and one backwards, all ranks alike.

    Raises:
        KeyProblem: If the groups do not fit each other.
    """
    builder, rows = ProgramBuilder(), workload.rows
    unfinished: list[int] = []
    if not workload.is_micro:
        run_forward(builder, rows)
    for index in range(len(rows) - 1, -1, -1):
        if index in workload.initiates:
            first = max((row for row in workload.checkpoints if row <= index), default=0)
            run_forward(builder, rows[first : index + 1], first)
        nothing = Pass("", 0, None, "")
        row = Row(nothing, nothing, rows[index].weight_grad) if workload.is_micro else rows[index]
        unfinished += run_backward(builder, row, index, with_weights=True)
    end_of_iteration(builder, unfinished)
    parallel = workload.parallel
    return JobPrograms((builder.finish(),), parallel.stage_of_rank * 0, parallel.communicators())


def _header(line: Line) -> tuple[str, dict[str, int], dict[str, list[int]]]:
    """The policy, the numbers by key, and the lists of rows."""
    policy = line.cells[0]
    if policy not in POLICIES:
        raise line.error("policy", f"expected one of {', '.join(POLICIES)}", policy)
    words = " ".join(line.cells[1:]).replace(":", " ").split()
    numbers: dict[str, int] = {}
    flags: dict[str, list[int]] = {_CHECKPOINTS: [], _INITIATES: []}
    while words:
        key, text = words[0], words[1] if len(words) > 1 else ""
        numbers[key] = _integer(line.where, key, text)
        words = words[2:]
        if key in flags:
            listed, words = words[: numbers[key]], words[numbers[key] :]
            if len(listed) < numbers[key]:
                raise line.error(key, f"expected {numbers[key]} rows", len(listed))
            flags[key] = [_integer(line.where, key, word) for word in listed]
    return policy, numbers, flags


def _parallel(line: Line, header: dict[str, int]) -> Parallel:
    tp = max(1, header.get("model_parallel_NPU_group", 1))
    num_ranks = header.get("all_gpus", tp)
    if header.get("pp", 1) > 1:
        expected = "expected 1, as this format has no traffic between stages, a training_job has"
        raise line.error("pp", expected, header["pp"])
    if num_ranks < 1 or num_ranks % tp:
        expected = f"expected a multiple of model_parallel_NPU_group, {tp}"
        raise line.error("all_gpus", expected, num_ranks)
    dp, ep = num_ranks // tp, max(1, header.get("ep", 1))
    if dp % ep:
        raise line.error("ep", f"expected a divisor of the {dp} data-parallel ranks", ep)
    try:
        return Parallel.parse({"tp": tp, "ep": ep, "dp": dp, "order": "simai"})
    except KeyProblem as problem:
        raise WorkloadError(f"{line.where}: {problem}") from None


def _row(where: str, cells: list[str], nvls: bool) -> Row:
    name = cells[0]
    passes = []
    for column, (label, default) in enumerate(
        (("forward", "tp"), ("input_grad", "tp"), ("weight_grad", "dp"))
    ):
        compute, kind, size = cells[2 + 3 * column : 5 + 3 * column]
        here = f"{where} ({name}), {label}"
        compute_ns = _integer(here, "compute time", compute, MAX_NS)
        size_bytes = _integer(here, "bytes", size, MAX_BYTES)
        collective, group = _collective(here, kind, size_bytes, default)
        if collective is not None and column == 0:
            raised = max(collective.size_bytes, _LEAST_FORWARD_BYTES)
            collective = collective._replace(size_bytes=raised)
        if collective is not None and nvls and group == "tp" and collective.kind == "all_reduce":
            collective = collective._replace(algorithm="nvls")
        passes.append(Pass(f"{name} {label}", compute_ns, collective, group))
    return Row(*passes)


def _collective(
    where: str, text: str, size_bytes: int, default: str
) -> tuple[Collective | None, str]:
    """A collective and its group; ``None`` where nothing is sent."""
    suffix = next(suffix for suffix in _SUFFIXES if text.endswith(suffix))
    kind = text.removesuffix(suffix)
    if text == "NONE" or kind == "BROADCAST" or size_bytes == 0:
        return None, ""
    if kind not in _KINDS:
        raise WorkloadError(
            f"{where}: expected NONE or one of {', '.join(_KINDS)}, with _EP, _DP_EP or nothing "
            f"behind it (got {text!r})"
        )
    return Collective(_KINDS[kind], size_bytes), _SUFFIXES[suffix] or default


def _integer(where: str, name: str, text: str, maximum: int = 2**31 - 1) -> int:
    value = parse_integer(text)
    if value is None or not 0 <= value <= maximum:
        raise WorkloadError(
            f"{where}: expected {name}, an integer of 0 to {maximum} (got {text!r})"
        )
    return value
