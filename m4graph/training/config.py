"""The configuration of a training: one YAML, all keys checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat

from m4graph.core.blocks import choose
from m4graph.core.calls import plain_call
from m4graph.core.registry import Registry
from m4graph.core.schema import KeyProblem, StrictModel
from m4graph.core.yaml_file import Override, apply_overrides, locate, read_yaml
from m4graph.training.common import CommonTrainConfig, Count
from m4graph.training.paper.config import PaperTrainConfig

_WIDTHS = ("flow_channels", "link_channels")
"""Arguments of a model that the features decide."""


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
    memory: bool = True
    prior: bool = True
    scope: Literal["hop", "component"] = "hop"
    extra_heads: dict[str, str | dict[str, Any]] = Field(default_factory=dict)
    conv_options: dict[str, Any] = Field(default_factory=dict)

    @property
    def arguments(self) -> dict[str, Any]:
        """What :class:`m4graph.nn.FlowLinkModel` is made with."""
        return {**self.model_dump(exclude={"kind", "conv_options"}), **self.conv_options}

    @classmethod
    def of_arguments(cls, arguments: Mapping[str, Any]) -> ModelConfig:
        """The other way round: from the ``config`` of a model."""
        own = {name: value for name, value in arguments.items() if name in cls.model_fields}
        others = {name: arguments[name] for name in arguments if name not in {*own, *_WIDTHS}}
        return cls(**own, conv_options=others)

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


class TrainConfig(CommonTrainConfig):
    """A training of a :class:`~m4graph.nn.FlowLinkModel`, from labelled runs to a checkpoint.

    Args:
        seed (int): Of the initial weights, the order of runs and the perturbations.
        runs_per_episode (int): Runs of an episode.
        lanes (int, optional): Runs that stand side by side; where one ends, the next begins, and
            the episode ends with most of the lanes. (default: all of the episode, each to its end)
        blank_episodes (int): Episodes at the start of the training in which every event finds blank
            states: all of a window are treated at once, which is the faster the fewer runs stand
            side by side. Free runs leave when the model said so as the episode began.
        steps_per_window (int): Events of each run between two optimiser steps; gradients go back
            that far.
        remaining_weight (float): Of the loss on remaining bytes.
        tail_tilt (float): How far above the median the predictions of slow flows aim: at the
            quantile ``0.5 + tail_tilt`` where they are slowed down by 8 or more, and less so down
            to 2.
        relative_limit (float): Up to this factor between the true and the predicted slowdown, the
            loss is the relative error, which counts what is too slow for more than what is too
            fast; beyond, and with 1 throughout, that of the logarithm.
        run_weight (float): 0: the slowdown of each flow of an episode counts the same; 1: those of
            each run do, as in the tables of errors, so that runs of few flows are learned as well.
        supervision (str): ``"touched"``: the slowdown of every touched flow counts at every event;
            ``"departing"``: that of a flow from the last event on that touches it in truth, as in
            the original m4.
        model (ModelConfig): Which model.
        streams (StreamShares): How often each kind of event stream is trained on.
    """

    runs_per_episode: Count = 20
    lanes: Count | None = None
    blank_episodes: int = Field(default=0, ge=0)
    steps_per_window: Count = 32
    lr: PositiveFloat = 2e-3
    tail_tilt: float = Field(default=0.0, ge=0, lt=0.5)
    relative_limit: float = Field(default=1.0, ge=1, le=100)
    run_weight: float = Field(default=0.0, ge=0, le=1)
    remaining_weight: NonNegativeFloat = 0.03
    queue_weight: NonNegativeFloat = 0.03
    supervision: Literal["touched", "departing"] = "touched"
    val_every_episodes: Count = 10
    val_runs: Count = 16
    model: ModelConfig = ModelConfig()
    streams: StreamShares = StreamShares()


AnyTrainConfig = TrainConfig | PaperTrainConfig

_CONFIGS: Registry[type[AnyTrainConfig]] = Registry(
    "model to train",
    {
        "flow_link": "m4graph.training.config:TrainConfig",
        "m4_paper": "m4graph.training.paper.config:PaperTrainConfig",
    },
)


@plain_call
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
        model = choose(_CONFIGS, data.get("model", {}), "model", default="flow_link")
        block = {"kind": model.name, **model.parameters}
        config: AnyTrainConfig = model.plugin.parse({**data, "model": block})
    except KeyProblem as problem:
        raise locate(problem, str(path), overrides) from None
    return config, path.parent / config.data
