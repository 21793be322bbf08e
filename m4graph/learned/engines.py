"""Which engine runs a model, and how to make one."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from m4graph.core.errors import ConfigError
from m4graph.core.schema import one_of
from m4graph.learned.compiled import CompiledEngine, export_weights, misfit
from m4graph.learned.protocol import Engine
from m4graph.learned.torch_engine import TorchEngine
from m4graph.nn import FlowLinkModel
from m4graph.runs import FlowNetwork

ENGINES = ("auto", "torch", "compiled")


class EngineMaker:
    """Makes engines of one kind for one model.

    Args:
        name (str): ``"torch"``, ``"compiled"``, or ``"auto"``: compiled where that is possible.
        model (nn.Module): The model, on its device.
        model_name (str): For messages.
        device (torch.device): Where the model is.

    Raises:
        ConfigError: If there is no such engine, or it cannot run this model there.
    """

    name: str
    """``"torch"`` or ``"compiled"``."""

    steps_a_turn: int
    """Steps that take a fraction of a second: between two reports of progress or looks at
    Ctrl-C."""

    runs_side_by_side: bool
    """Whether an engine takes more than one network."""

    def __init__(
        self, name: str, model: FlowLinkModel, model_name: str, device: torch.device
    ) -> None:
        if name not in ENGINES:
            raise ConfigError(f"engine: expected {one_of(ENGINES)} (got {name!r})")
        obstacle = _obstacle(model, device)
        if name == "compiled" and obstacle is not None:
            raise ConfigError(
                f"engine: expected torch or auto for model {model_name}; compiled runs a "
                f"FlowLinkModel with conv 'sage' on the cpu (got {obstacle})"
            )
        is_compiled = name != "torch" and obstacle is None
        self.name = "compiled" if is_compiled else "torch"
        self.steps_a_turn = 2000 if is_compiled else 50
        self.runs_side_by_side = not is_compiled
        self._model = model
        self._weights = export_weights(model) if is_compiled else None

    def make(self, networks: Sequence[FlowNetwork]) -> Engine:
        """An engine for networks; for a single one, if it does not run them side by side."""
        if self._weights is None:
            return TorchEngine(self._model, networks)
        (network,) = networks
        return CompiledEngine(self._weights, network)


def _obstacle(model: nn.Module, device: torch.device) -> str | None:
    """Why the compiled engine cannot run a model; None if it can."""
    return f"device {device}" if device.type != "cpu" else misfit(model)
