"""The configuration of a training: one YAML, all keys checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from m4graph.core.rng import TRAIN_SEEDS
from m4graph.core.schema import KeyProblem, StrictModel, one_of, spell
from m4graph.core.yaml_file import Override, apply_overrides, locate, read_yaml
from m4graph.training.paper.config import PaperTrainConfig


class ModelConfig(StrictModel):
    """Arguments of :class:`m4graph.nn.FlowLinkModel`, with ``kind: flow_link`` or without it.

    Args:
        conv_options (dict): Further arguments of the layers.
    """

    kind: Literal["flow_link"] = "flow_link"
    conv: str = "sage"
    hidden_channels: int = Field(default=64, ge=1, le=4096)
    num_layers: int = Field(default=2, ge=0, le=16)
    time_cells: bool = True
    prior: bool = True
    scope: Literal["hop", "component"] = "hop"
    extra_heads: dict[str, str | dict[str, Any]] = Field(default_factory=dict)
    conv_options: dict[str, Any] = Field(default_factory=dict)

    @property
    def summary(self) -> str:
        """What a model's card says it is."""
        return (
            f"`FlowLinkModel` ({self.conv}, {self.hidden_channels} channels,\n{self.num_layers} "
            "rounds of message passing)"
        )


class StreamShares(StrictModel):
    """How often each kind of event stream is trained on (:mod:`m4graph.training.streams`).

    Args:
        exact (float): Flows leave when they did in truth.
        noise (float): Each flow leaves too early or too late, by itself.
        fluid (float): Flows leave as in the fluid simulator.
        scaled (float): All flows of a run are too fast or too slow by one factor.
        free (float): Flows leave when the model says so, as in use.
    """

    exact: float = Field(default=0.25, ge=0)
    noise: float = Field(default=0.1, ge=0)
    fluid: float = Field(default=0.0, ge=0)
    scaled: float = Field(default=0.05, ge=0)
    free: float = Field(default=0.6, ge=0)


class TrainConfig(StrictModel):
    """A training from labelled runs to a checkpoint.

    Args:
        name (str): Of the checkpoint.
        data (str): Folder of a generated data set, relative to the YAML file.
        seed (int): Of the initial weights, the order of runs and the perturbations.
        val_fraction (float): Share of the runs that is kept for validation.
        max_steps (int): Optimiser steps.
        runs_per_episode (int): Runs that stand side by side.
        steps_per_window (int): Events of each run between two optimiser steps; gradients go back
            that far.
        lr (float): Highest learning rate; after a warm-up it falls to 0 along a cosine.
        warmup_steps (int): Of the learning rate.
        max_grad_norm (float): Longer gradients are cut.
        remaining_weight (float): Of the loss on remaining bytes.
        queue_weight (float): Of the loss on queues.
        supervision (str): ``"touched"``: the slowdown of every touched flow counts at every event;
            ``"departing"``: that of a flow from the last event on that touches it in truth, as in
            the original m4.
        val_every_episodes (int): Episodes between two validations, which run free.
        val_runs (int): Validation runs used each time, at most.
        accelerator (str): For Lightning.
        devices (int): Processes that train one model, each on a GPU, or side by side on the CPU. A
            step of the optimiser follows the gradients of all of them.
        model (ModelConfig): Which model.
        streams (StreamShares): How often each kind of event stream is trained on.
    """

    name: str = Field(min_length=1, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    data: str = Field(min_length=1)
    seed: int = Field(default=0, ge=0, lt=len(TRAIN_SEEDS))
    val_fraction: float = Field(default=0.05, gt=0, lt=1)
    max_steps: int = Field(ge=1)
    runs_per_episode: int = Field(default=20, ge=1)
    steps_per_window: int = Field(default=32, ge=1)
    lr: float = Field(default=2e-3, gt=0)
    warmup_steps: int = Field(default=50, ge=0)
    max_grad_norm: float = Field(default=1.0, gt=0)
    remaining_weight: float = Field(default=0.03, ge=0)
    queue_weight: float = Field(default=0.03, ge=0)
    supervision: Literal["touched", "departing"] = "touched"
    val_every_episodes: int = Field(default=10, ge=1)
    val_runs: int = Field(default=16, ge=1)
    accelerator: Literal["cpu", "gpu", "auto"] = "cpu"
    devices: int = Field(default=1, ge=1)
    model: ModelConfig = ModelConfig()
    streams: StreamShares = StreamShares()

    @property
    def notes(self) -> str:
        """Further points for a model's card."""
        return ""


AnyTrainConfig = TrainConfig | PaperTrainConfig

_CONFIGS: dict[str, type[AnyTrainConfig]] = {
    "flow_link": TrainConfig,
    "m4_paper": PaperTrainConfig,
}


def load_train_config(
    path: str | Path, overrides: Sequence[Override] = ()
) -> tuple[AnyTrainConfig, Path]:
    """Reads a training's YAML.

    Returns:
        The configuration, and the folder of its data set.

    Raises:
        InputError: If the file or a key is wrong; the message names both.
    """
    path = Path(path)
    data = apply_overrides(read_yaml(path), overrides)
    try:
        config = _config_class(data).parse(data)
    except KeyProblem as problem:
        raise locate(problem, str(path), overrides) from None
    return config, path.parent / config.data


def _config_class(data: Mapping[str, Any]) -> type[AnyTrainConfig]:
    """The configuration that goes with the kind of the model."""
    model = data.get("model")
    kind = model.get("kind", "flow_link") if isinstance(model, Mapping) else "flow_link"
    if kind not in _CONFIGS:
        raise KeyProblem("model.kind", f"expected {one_of(_CONFIGS)} (got {spell(kind)})")
    return _CONFIGS[kind]
