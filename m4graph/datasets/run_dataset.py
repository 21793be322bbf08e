"""What the data sets of labelled runs share: their runs, their split, and what they refuse."""

from __future__ import annotations

import copy
import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch_geometric.data import Dataset

from m4graph.core.calls import plain_call
from m4graph.core.errors import ConfigError
from m4graph.core.parallel import unordered
from m4graph.datasets.making.config import GenerateConfig
from m4graph.datasets.named import NamedDataset, Recipe
from m4graph.datasets.split import held_out
from m4graph.datasets.store.fetch import Supply
from m4graph.datasets.store.items import NUM_NODES, Graph, map_tensors
from m4graph.datasets.store.processing import (
    NUM_ITEMS,
    SCENARIO_SHA256,
    Form,
    Items,
    Processing,
    read_description,
)
from m4graph.runs.labelled_run import LabelledRun
from m4graph.scenario.suite import Suite

Split = Literal["train", "val"]

_MAX_OPEN = 4096
"""Files that a process keeps mapped, unless all of them are to be in memory."""


@plain_call
class RunDataset(Dataset):  # type: ignore[misc]
    r"""Base class of :class:`FlowEventDataset`, :class:`SnapshotDataset` and
    :class:`FlowTableDataset`: graphs that are made of labelled runs.

    ``root`` is a folder as ``m4graph generate --out`` writes it: ``raw/run_<i>.npz`` with the
    scenario beside it in ``run_<i>.yaml``, ``config.yaml`` and ``manifest.json``. What is made of
    them stands in ``root/processed``; it is made anew where a raw run, a filter or a transform has
    changed.

    Args:
        root (str or Path): Folder of the data set.
        recipe (str, Path, GenerateConfig or NamedDataset, optional): What to fetch where runs are
            missing: a name of :data:`m4graph.datasets.DATASETS`, or a configuration of
            ``m4graph generate``. A named data set is checked against its hashes.
            (default: ``None``)
        source (str or Path, optional): Where to copy missing runs from, before any are generated:
            a folder, or ``hf://owner/repository[@revision]``. (default: the named data set's)
        split (str, optional): ``"train"`` or ``"val"``, as :meth:`split` splits by default.
            (default: all runs)
        suite (str or Suite, optional): A suite, or its name in
            :data:`m4graph.evaluation.suites.SUITES`: its scenarios, which are refused otherwise,
            and no others. Missing ones are simulated. (default: ``None``)
        transform (callable, optional): Takes a graph and gives another, at every access.
            (default: ``None``)
        pre_transform (callable, optional): The same, once, before it is stored.
            (default: ``None``)
        pre_filter (callable, optional): Tells of a graph whether to store it. (default: ``None``)
        force_reload (bool): Process all runs anew. (default: ``False``)
        in_memory (bool): Keep a run in memory once it has been read. (default: ``False``)
        jobs (int, optional): Processes that generate and that process runs. (default: one for
            each core to generate, one to process)
        log (bool): Show progress. (default: ``False``)

    Raises:
        InputError: If runs are missing and there is nothing to get them from, a run is damaged or
            not the expected one, or it is of a scenario that is kept for evaluation.
    """

    folder: str = ""
    """Of the processed runs, in ``root/processed``."""

    form: Form
    """How graphs are stored."""

    def __init__(
        self,
        root: str | Path,
        recipe: Recipe | NamedDataset | None = None,
        *,
        source: str | os.PathLike[str] | None = None,
        split: Split | None = None,
        suite: str | Suite | None = None,
        transform: Callable[[Any], Any] | None = None,
        pre_transform: Callable[[Any], Any] | None = None,
        pre_filter: Callable[[Any], bool] | None = None,
        force_reload: bool = False,
        in_memory: bool = False,
        jobs: int | None = None,
        log: bool = False,
    ) -> None:
        if split not in (None, "train", "val"):
            raise ConfigError(f"split: expected train, val or none (got {split!r})")
        root = Path(root).expanduser()
        self._supply = Supply(root, recipe, source, suite, jobs, log)
        self._processing = Processing(
            self._supply.raw,
            root / "processed" / self.folder,
            self.form,
            pre_filter,
            pre_transform,
        )
        self._jobs = jobs
        self._in_memory = in_memory
        self._opened: dict[int, Items] = {}
        super().__init__(
            str(root), transform, pre_transform, pre_filter, log=log, force_reload=force_reload
        )
        self._read_index()
        if split is not None:
            self._indices = self.split()[split == "val"].indices()

    @property
    def processed_dir(self) -> str:
        """The folder of processed runs."""
        return str(self._processing.processed)

    @property
    def raw_file_names(self) -> list[str]:
        """``run_<i>.npz``: the recipe's, the suite's, the source's, or what is there."""
        return [f"{name}.npz" for name in self._supply.names()]

    @property
    def processed_file_names(self) -> list[str]:
        """One file for each run."""
        return [f"{name}.safetensors" for name in self._supply.names()]

    @property
    def config(self) -> GenerateConfig | None:
        """The recipe, if one was given."""
        return self._supply.config

    def download(self) -> None:
        """Copies or generates the runs that are missing.

        Raises:
            InputError: If there is nothing to get them from.
        """
        self._supply.fetch()

    def process(self) -> None:
        """Stores the graphs of every run that has none yet, or has changed."""
        changes = {name: self._changes(name) for name in self._supply.names()}
        todo = [name for name, changed in changes.items() if changed]
        for key in ("pre_filter", "pre_transform"):
            if any(key in changed for changed in changes.values()) and not self.force_reload:
                warnings.warn(
                    f"{self.processed_dir}: {key} differs from the one of before; "
                    "the runs are processed anew",
                    stacklevel=4,
                )
        if todo:
            Path(self.processed_dir).mkdir(parents=True, exist_ok=True)
            self._process_all(todo)

    def len(self) -> int:
        """Number of graphs."""
        return int(self._first[-1])

    def get(self, idx: int) -> Graph:
        """Reads a graph."""
        run = self._run_of(idx)
        if run not in self._opened:
            if len(self._opened) >= _MAX_OPEN and not self._in_memory:
                self._opened.clear()
            self._opened[run] = self._processing.open(self.names[run], self._in_memory)
        return self._opened[run][int(idx - self._first[run])]

    @property
    def hashes(self) -> list[str]:
        """The scenario's hash of every graph; those of one scenario have the same."""
        counts = np.diff(self._first).tolist()
        pairs = zip(self._hashes, counts, strict=True)
        return [digest for digest, count in pairs for _ in range(count)]

    def run(self, idx: int) -> LabelledRun:
        """Reads the run of a graph as arrays; counts as ``dataset[idx]``, in a split too."""
        name = self.names[self._run_of(self.indices()[idx])]
        return LabelledRun.load(self._supply.raw / f"{name}.npz")

    def run_index(self) -> NDArray[np.int64]:
        """Which of :attr:`names` each graph is of, int64 ``[len(dataset)]``."""
        of_all = np.repeat(np.arange(len(self.names)), np.diff(self._first))
        return of_all[np.asarray(self.indices(), np.int64)]

    def item_num_nodes(self) -> NDArray[np.int64]:
        """Nodes of each graph, int64 ``[len(dataset)]``; no graph is read for it."""
        parts = [map_tensors(self._processing.path(name))[0][NUM_NODES] for name in self.names]
        of_all = torch.cat(parts).numpy().astype(np.int64)
        return of_all[np.asarray(self.indices(), np.int64)]

    def split(self, val_fraction: float = 0.1, seed: int = 0) -> tuple[Self, Self]:
        """Splits the runs for training and validation, by a hash of their scenarios.

        Neither the runs' order nor their names matter, and all graphs of the same links, flows and
        routes (of several events, or under several algorithms) are on the same side.

        Args:
            val_fraction (float): Share of the scenarios to validate on, in [0, 1); above 0, it is
                at least one. (default: ``0.1``)
            seed (int): Another seed, another split. (default: ``0``)

        Raises:
            ConfigError: If the fraction is out of range, or leaves nothing to train on.
        """
        runs = self.run_index()
        there = {self._hashes[run] for run in np.unique(runs)}
        validated = held_out(there, val_fraction, seed)
        is_val = np.array([digest in validated for digest in self._hashes])[runs]
        return self._part(~is_val), self._part(is_val)

    def __getstate__(self) -> dict[str, Any]:
        """Without open files: another process opens its own."""
        return {**self.__dict__, "_opened": {}}

    def _download(self) -> None:
        """In place of PyG's, which makes folders before it knows that there is something to do."""
        self.download()

    def _process(self) -> None:
        """In place of PyG's, which writes pickles beside the processed files."""
        self.process()

    def _run_of(self, idx: int) -> int:
        return int(np.searchsorted(self._first, idx, side="right")) - 1

    def _changes(self, name: str) -> list[str]:
        return ["raw"] if self.force_reload else self._processing.differs(name)

    def _process_all(self, names: Sequence[str]) -> None:
        expected = self._supply.expected()
        calls = ((name, expected.get(name, ())) for name in names)
        with self._supply.progress("runs processed") as report:
            for done, _ in enumerate(unordered(self._processing, calls, self._jobs or 1), 1):
                report(done, len(names))

    def _read_index(self) -> None:
        self.names = self._supply.names()
        metadata = {name: read_description(self._processing.path(name)) for name in self.names}
        self._hashes = [each[SCENARIO_SHA256] for each in metadata.values()]
        self._first = np.cumsum([0, *(int(each[NUM_ITEMS]) for each in metadata.values())])
        self._supply.check(metadata)

    def _part(self, mask: NDArray[np.bool_]) -> Self:
        part = copy.copy(self)
        part._indices = np.asarray(self.indices())[mask]
        return part
