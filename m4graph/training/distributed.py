"""Several processes that train one model: each on episodes of its own, with one sum a step."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from lightning.pytorch.strategies import DDPStrategy
from torch import Tensor, distributed, nn


class Process(NamedTuple):
    """Which of the processes of a training one is."""

    rank: int
    num_processes: int


def this_process() -> Process:
    """The one that asks: 0 of 1, unless a training has started several."""
    if not distributed.is_initialized():
        return Process(0, 1)
    return Process(distributed.get_rank(), distributed.get_world_size())


def add_up(parameters: Iterable[nn.Parameter], sums: Sequence[Tensor]) -> None:
    """Adds gradients, and further sums, over the processes, in place and in one go.

    With one process, it leaves them alone. With several, all parameters have gradients afterwards,
    as a process whose episode is over has none.

    Args:
        parameters (iterable of nn.Parameter): The same on every process, in the same order.
        sums (list of Tensor): Such as losses and weights.
    """
    if this_process().num_processes == 1:
        return
    tensors = list(sums)
    for parameter in parameters:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
        tensors.append(parameter.grad)
    flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
    distributed.all_reduce(flat)
    parts = torch.split(flat, [tensor.numel() for tensor in tensors])
    for tensor, part in zip(tensors, parts, strict=True):
        tensor.copy_(part.view_as(tensor))


class EventStrategy(DDPStrategy):
    """Lightning's processes, without the wrapper around the model.

    ``DistributedDataParallel`` adds gradients up once in each call of ``backward``; our trainings
    call it once for each event, and add up by :func:`add_up`.
    """

    def __init__(self) -> None:
        super().__init__(start_method="spawn")

    def setup_environment(self) -> None:
        """Starts a process of the training; Lightning calls this in each of them."""
        quiet()  # a new process has filters of its own
        super().setup_environment()

    def configure_ddp(self) -> None:
        """Leaves the model as it is: every process starts from the same weights."""


def quiet() -> None:
    """Drops Lightning's greetings and warnings that say nothing to our users."""
    logging.getLogger("lightning.fabric").setLevel(logging.WARNING)
    # About the folder, which we have checked, Lightning's own use of torch, and saving when
    # interrupted before the first validation.
    warnings.filterwarnings("ignore", message="Checkpoint directory .* exists")
    warnings.filterwarnings("ignore", message=".*LeafSpec")
    warnings.filterwarnings("ignore", message=".*does not have many workers")
    warnings.filterwarnings("ignore", message=".*could not find the monitored key")
