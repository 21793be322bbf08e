"""The data of a training in Lightning: episodes to train on, runs to validate on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import lightning
import torch
from torch.utils.data import DataLoader, Dataset

from m4graph.core.calls import plain_call
from m4graph.datasets import FlowEventDataset
from m4graph.runs import LabelledRun
from m4graph.training.config import AnyTrainConfig
from m4graph.training.data import EpisodeDataset
from m4graph.training.paper.config import PaperTrainConfig
from m4graph.training.paper.data import PeriodDataset


@plain_call
class RunDataModule(lightning.LightningDataModule):
    """Labelled runs, split into those to train on and those to validate on.

    Args:
        config (TrainConfig or PaperTrainConfig): The split, the episodes, the seed.
        folder (str or Path): A generated or imported data set.

    Attributes:
        train_set (FlowEventDataset): The runs to train on.
        val_set (FlowEventDataset): The others, ``val_runs`` of them at most.
        episodes (EpisodeDataset or PeriodDataset): What is trained on, one episode an epoch.
        val_runs (list of LabelledRun): The one batch of a validation.

    Raises:
        InputError: If there is no such data set, or it has too few runs.
    """

    def __init__(self, config: AnyTrainConfig, folder: str | Path) -> None:
        super().__init__()
        self.train_set, val_set = FlowEventDataset(folder).split(config.val_fraction, config.seed)
        self.val_set = val_set[: config.val_runs]
        self.val_runs = _runs(self.val_set)
        self.episodes = _episodes(config, _runs(self.train_set))

    def train_dataloader(self) -> DataLoader[Any]:
        """The parts of one episode, as many as optimiser steps."""
        return DataLoader(self.episodes, batch_size=None)

    def val_dataloader(self) -> DataLoader[Any]:
        """All validation runs at once."""
        # For a DataLoader, all that has a length and items is a data set.
        return DataLoader(cast(Dataset[list[LabelledRun]], [self.val_runs]), batch_size=None)

    def transfer_batch_to_device(
        self, batch: Any, device: torch.device, dataloader_idx: int
    ) -> Any:
        """Leaves runs and episodes where they are; their steps move one by one."""
        return batch


def _runs(dataset: FlowEventDataset) -> list[LabelledRun]:
    return [dataset.run(index) for index in range(len(dataset))]


def _episodes(
    config: AnyTrainConfig, runs: Sequence[LabelledRun]
) -> EpisodeDataset | PeriodDataset:
    if isinstance(config, PaperTrainConfig):
        return PeriodDataset(runs, config)
    return EpisodeDataset(runs, config)
