"""Training jobs: layers, groups and a pipeline schedule, as the program of each rank."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from pydantic import Field

from m4graph.core.calls import plain_call
from m4graph.core.schema import KeyProblem, StrictModel, join_key, keys_inside
from m4graph.workload.collectives import Collective, check_collective
from m4graph.workload.programs.parallel import Parallel
from m4graph.workload.programs.program import JobPrograms, Program, ProgramBuilder

MAX_BYTES = 2**50
"""No buffer may be larger."""


class LayerCollective(StrictModel):
    """One collective of a layer; see :class:`.Collective`.

    Args:
        kind (str): As in :data:`~m4graph.workload.collectives.KINDS`.
        group (str): ``tp``, ``dp``, ``ep`` or ``dp_ep``.
        size_bytes (int): As of :class:`.Collective`.
        algorithm (str, optional): As there. (default: the kind's)
        channels (int, optional): As there. (default: as many as a server has ranks)
        chunks (int): As there. (default: ``1``)
    """

    kind: str
    group: Literal["tp", "dp", "ep", "dp_ep"]
    size_bytes: int = Field(ge=1, le=MAX_BYTES)
    algorithm: str | None = None
    channels: int | None = Field(default=None, ge=1, le=1024)
    chunks: int = Field(default=1, ge=1, le=65536)

    @property
    def collective(self) -> Collective:
        """What is to be done."""
        return check_collective(
            Collective(self.kind, self.size_bytes, self.algorithm, self.channels, self.chunks)
        )


class Layer(StrictModel):
    """A layer, or layers that are repeated.

    In each of its three passes a layer computes, then communicates: forwards and for the gradient
    of its input it waits for that, for the gradient of its weights nobody does before the end.
    With several micro-batches, weights are communicated with the last one.

    Args:
        name (str): For time lines. (default: ``"layer"``)
        forward_ns (int): Computing forwards. (default: ``0``)
        forward (LayerCollective, optional): What is communicated then.
        input_grad_ns (int): Computing the gradient of the input. (default: ``0``)
        input_grad (LayerCollective, optional): What is communicated then.
        weight_grad_ns (int): Computing the gradient of the weights. (default: ``0``)
        weight_grad (LayerCollective, optional): What is communicated then.
        stages (str): Of a pipeline, which ones have it: ``"all"``, ``"first"`` or ``"last"``;
            copies of a ``repeat`` are spread over all. (default: ``"all"``)
        repeat (int): Copies of ``layers``. (default: ``1``)
        layers (list, optional): Layers to repeat; the other keys are then left out.
    """

    name: str = "layer"
    forward_ns: int = Field(default=0, ge=0, le=2**61)
    forward: LayerCollective | None = None
    input_grad_ns: int = Field(default=0, ge=0, le=2**61)
    input_grad: LayerCollective | None = None
    weight_grad_ns: int = Field(default=0, ge=0, le=2**61)
    weight_grad: LayerCollective | None = None
    stages: Literal["all", "first", "last"] = "all"
    repeat: int = Field(default=1, ge=1, le=10**6)
    layers: list[Layer] | None = None


class Schedule(StrictModel):
    """How micro-batches pass through the stages of a pipeline.

    Args:
        kind (str): ``"1f1b"``: as soon as the pipeline is full, one forwards, one backwards;
            ``"gpipe"``: all forwards, then all backwards. (default: ``"1f1b"``)
        micro_batches (int): How many. (default: ``1``)
        message_bytes (int): What a stage sends to the next one, and gets back. (default: ``1``)

    Reference:
        Narayanan et al., "Memory-Efficient Pipeline-Parallel DNN Training", ICML 2021, for 1F1B;
        Huang et al., "GPipe", NeurIPS 2019.
    """

    kind: Literal["1f1b", "gpipe"] = "1f1b"
    micro_batches: int = Field(default=1, ge=1, le=10**6)
    message_bytes: int = Field(default=1, ge=1, le=MAX_BYTES)


class Pass(NamedTuple):
    """What a layer does in one of its passes."""

    name: str
    compute_ns: int
    collective: Collective | None
    group: str


class Row(NamedTuple):
    """A layer without repetitions."""

    forward: Pass
    input_grad: Pass
    weight_grad: Pass


@plain_call
def training_job(
    parallel: Parallel | Mapping[str, Any],
    layers: Sequence[Layer | Mapping[str, Any]],
    schedule: Schedule | Mapping[str, Any] | None = None,
) -> JobPrograms:
    """One iteration of a training job.

    Args:
        parallel (Parallel or dict): Sizes of the groups.
        layers (list of Layer or dict): The layers, in the order of the forward pass.
        schedule (Schedule or dict, optional): Of the pipeline. (default: one micro-batch)

    Raises:
        KeyProblem: If a key is bad, or a group or a pipeline cannot be cut as asked for.
    """
    sizes = Parallel.parse(parallel, "parallel")
    plan = Schedule.parse({} if schedule is None else schedule, "schedule")
    parsed = [Layer.parse(layer, join_key("layers", i)) for i, layer in enumerate(layers)]
    with keys_inside("parallel"):
        communicators = sizes.communicators()
    rows = [list(_rows(parsed, "layers", stage, sizes.pp)) for stage in range(sizes.pp)]
    programs = tuple(_stage(rows[stage], plan, stage, sizes.pp) for stage in range(sizes.pp))
    return JobPrograms(programs, sizes.stage_of_rank, communicators)


def _rows(layers: Sequence[Layer], key: str, stage: int, num_stages: int) -> Iterator[Row]:
    """The layers of a stage."""
    own = {"all", *(["first"] * (stage == 0)), *(["last"] * (stage == num_stages - 1))}
    for index, layer in enumerate(layers):
        where = join_key(key, index)
        if layer.layers is not None:
            if layer.repeat % num_stages:
                raise KeyProblem(
                    join_key(where, "repeat"),
                    f"expected a multiple of pp, {num_stages} (got {layer.repeat})",
                )
            inner = list(_rows(layer.layers, join_key(where, "layers"), 0, 1))
            yield from inner * (layer.repeat // num_stages)
        elif layer.stages in own:
            yield Row(
                *(_pass(layer, name, where) for name in ("forward", "input_grad", "weight_grad"))
            )


def _pass(layer: Layer, name: str, where: str) -> Pass:
    communication: LayerCollective | None = getattr(layer, name)
    compute_ns = getattr(layer, f"{name}_ns")
    label = f"{layer.name} {name}"
    if communication is None:
        return Pass(label, compute_ns, None, "")
    with keys_inside(join_key(where, name)):
        return Pass(label, compute_ns, communication.collective, communication.group)


def _stage(rows: list[Row], plan: Schedule, stage: int, num_stages: int) -> Program:
    builder = ProgramBuilder()
    unfinished: list[int] = []

    def forwards(batch: int) -> None:
        if stage > 0:
            builder.receive(f"receive forward {batch}", plan.message_bytes, "forward_from")
        run_forward(builder, rows)
        if stage < num_stages - 1:
            name = f"send forward {batch}"
            unfinished.append(builder.send(name, plan.message_bytes, "forward_to"))

    def backwards(batch: int) -> None:
        if stage < num_stages - 1:
            builder.receive(f"receive backward {batch}", plan.message_bytes, "backward_from")
        last = batch == plan.micro_batches - 1
        for index in range(len(rows) - 1, -1, -1):
            unfinished.extend(run_backward(builder, rows[index], index, last))
        if stage > 0:
            name = f"send backward {batch}"
            unfinished.append(builder.send(name, plan.message_bytes, "backward_to"))

    _in_order(plan, num_stages - stage - 1, forwards, backwards)
    end_of_iteration(builder, unfinished)
    return builder.finish()


def _in_order(
    plan: Schedule,
    stages_behind: int,
    forwards: Callable[[int], None],
    backwards: Callable[[int], None],
) -> None:
    """Calls for each micro-batch, in the order of the schedule at a stage."""
    num = plan.micro_batches
    ahead = num if plan.kind == "gpipe" else min(stages_behind, num)
    for batch in range(ahead):
        forwards(batch)
    for batch in range(num):
        if ahead + batch < num:
            forwards(ahead + batch)
        backwards(batch)


def run_forward(builder: ProgramBuilder, rows: Sequence[Row], first: int = 0) -> None:
    """Adds the forward passes of layers, which wait for their communication.

    Args:
        builder (ProgramBuilder): The program.
        rows (list): The layers.
        first (int): Number of the first one. (default: ``0``)
    """
    for index, row in enumerate(rows, first):
        builder.at(index, "forward")
        _run(builder, row.forward, blocking=True)


def run_backward(builder: ProgramBuilder, row: Row, index: int, with_weights: bool) -> list[int]:
    """Adds the backward passes of a layer; gives the communication that nothing waits for yet.

    Args:
        builder (ProgramBuilder): The program.
        row (Row): The layer.
        index (int): Its number.
        with_weights (bool): Whether the gradients of the weights are communicated.
    """
    builder.at(index, "input_grad")
    _run(builder, row.input_grad, blocking=True)
    builder.at(index, "weight_grad")
    weights = row.weight_grad if with_weights else row.weight_grad._replace(collective=None)
    return _run(builder, weights, blocking=False)


def end_of_iteration(builder: ProgramBuilder, unfinished: Sequence[int]) -> None:
    """Adds the end, which waits for all communication."""
    builder.at(-1, "forward")
    builder.wait(unfinished)
    builder.compute("end", 0)


def _run(builder: ProgramBuilder, one: Pass, blocking: bool) -> list[int]:
    if one.compute_ns:
        builder.compute(one.name, one.compute_ns)
    if one.collective is None:
        return []
    return [builder.collective(one.name, one.collective, one.group, blocking)]
