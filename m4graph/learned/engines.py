"""Which engine runs a model, and how to make one."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from m4graph.core.errors import ConfigError, one_of
from m4graph.learned.compiled import CompiledEngine, Weights
from m4graph.learned.compiled.checkpoint import weights_of_checkpoint
from m4graph.learned.compiled.weights import export_weights, misfit
from m4graph.learned.domain import Seen
from m4graph.learned.protocol import Engine
from m4graph.runs import FlowNetwork
from m4graph.runs.settings import seen_settings
from m4graph.simulators.forecast import EventSpeed

if TYPE_CHECKING:
    import torch
    from torch import nn

    from m4graph.nn import EventModel, FlowLinkModel

Least = Sequence[NDArray[np.int64]] | None

ENGINES = ("auto", "torch", "compiled")


class EngineMaker(ABC):
    """Makes engines of one kind for one model."""

    name: ClassVar[str]
    """``"torch"`` or ``"compiled"``."""

    steps_a_turn: ClassVar[int]
    """Steps that take a fraction of a second: between two reports of progress or looks at
    Ctrl-C."""

    runs_side_by_side: ClassVar[bool]
    """Whether an engine takes more than one network."""

    speed: ClassVar[EventSpeed]
    """About how fast a run is, on one core."""

    seen: Seen
    """What the model can see of an algorithm's parameters."""

    @abstractmethod
    def make(self, networks: Sequence[FlowNetwork], least_fct_ns: Least = None) -> Engine:
        """An engine for networks; for a single one, if it does not run them side by side.

        Args:
            networks (list of FlowNetwork): The networks.
            least_fct_ns (list of np.ndarray, optional): Of each, what its flows take at least.
                (default: their ideal FCTs)
        """


class CompiledMaker(EngineMaker):
    """Makes engines that run the standard model on one core of a CPU.

    Args:
        weights (Weights): Of the model.
    """

    name = "compiled"
    steps_a_turn = 2000
    runs_side_by_side = False
    speed = EventSpeed(events_per_s=1.5e4, touched_per_s=1.6e5)

    def __init__(self, weights: Weights) -> None:
        self.seen = seen_settings
        self._weights = weights

    def make(self, networks: Sequence[FlowNetwork], least_fct_ns: Least = None) -> CompiledEngine:
        """An engine for a single network."""
        (network,) = networks
        least = None if least_fct_ns is None else least_fct_ns[0]
        return CompiledEngine(self._weights, network, least)


class TorchMaker(EngineMaker):
    """Makes engines that run any model, wherever it is.

    Args:
        model (FlowLinkModel or PaperModel): The model, on its device.
    """

    name = "torch"
    steps_a_turn = 50
    runs_side_by_side = True
    speed = EventSpeed(events_per_s=7e2, touched_per_s=5e4)

    def __init__(self, model: EventModel) -> None:
        self.seen = getattr(model, "seen_settings", seen_settings)
        self._model = model

    def make(self, networks: Sequence[FlowNetwork], least_fct_ns: Least = None) -> Engine:
        """An engine for networks side by side."""
        from m4graph.learned.torch_engine import TorchEngine

        return TorchEngine(self._model, networks, least_fct_ns)


def checkpoint_maker(
    engine: str, folder: Path, model_name: str, device: str | torch.device
) -> EngineMaker:
    """The maker for a checkpoint; torch is only imported if its engine, or a device, needs it.

    Args:
        engine (str): ``"torch"``, ``"compiled"``, or ``"auto"``: compiled where that is possible.
        folder (Path): The checkpoint.
        model_name (str): For messages.
        device (str or torch.device): Where to run.

    Raises:
        CheckpointError: If there is no such checkpoint, or it is damaged.
        ConfigError: If there is no such engine or device, or the engine cannot run the model there.
    """
    _check_name(engine)
    if engine != "torch" and device == "cpu":
        weights = weights_of_checkpoint(folder)
        if weights is not None:
            return CompiledMaker(weights)
    from m4graph.checkpoint.folder import load_checkpoint

    return _maker(engine, load_checkpoint(folder, device), model_name)


def model_maker(engine: str, model: object, device: str | torch.device) -> EngineMaker:
    """The maker for a copy of a model; arguments and errors as of :func:`checkpoint_maker`."""
    from torch import nn

    from m4graph.core.device import resolve_device

    _check_name(engine)
    if not isinstance(model, nn.Module):
        raise ConfigError(f"model: expected a name, a path or an nn.Module (got {model!r})")
    placed = copy.deepcopy(model).to(resolve_device(device)).eval()
    return _maker(engine, placed, type(model).__name__)


def _maker(engine: str, model: nn.Module, model_name: str) -> EngineMaker:
    if not hasattr(model, "hidden_channels"):
        raise ConfigError(
            f"model {model_name}: expected one that runs on event steps, as FlowLinkModel "
            f"(got a {type(model).__name__})"
        )
    obstacle = _obstacle(model)
    if engine == "compiled" and obstacle is not None:
        raise ConfigError(
            f"engine: expected torch or auto for model {model_name}; compiled runs a "
            f"FlowLinkModel with conv 'sage' or 'pair' on the cpu (got {obstacle})"
        )
    if engine == "torch" or obstacle is not None:
        return TorchMaker(cast("EventModel", model))
    return CompiledMaker(export_weights(cast("FlowLinkModel", model)))


def _check_name(engine: str) -> None:
    if engine not in ENGINES:
        raise ConfigError(f"engine: expected {one_of(ENGINES)} (got {engine!r})")


def _obstacle(model: nn.Module) -> str | None:
    """Why the compiled engine cannot run a model; None if it can."""
    device = next(model.parameters()).device
    return f"device {device}" if device.type != "cpu" else misfit(model)
