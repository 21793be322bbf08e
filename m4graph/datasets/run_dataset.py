"""What the data sets of labelled runs share: their runs, their split, and what they refuse."""

from __future__ import annotations

import copy
import hashlib
import os
import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch_geometric.data import Dataset

from m4graph.datasets.generation import generate
from m4graph.datasets.items import NUM_NODES, Graph, map_tensors
from m4graph.datasets.leakage import refuse_reserved
from m4graph.datasets.manifest import known_hashes
from m4graph.datasets.named import NamedDataset, Recipe, find_dataset
from m4graph.datasets.parallel import unordered
from m4graph.datasets.processing import (
    ARRAYS_SHA256,
    EVALUATION_SEED,
    NUM_ITEMS,
    SCENARIO_SHA256,
    Form,
    Items,
    Processing,
)
from m4graph.datasets.produce import run_name
from m4graph.datasets.run_file import load_raw, read_metadata
from m4graph.datasets.run_folder import check_run_folder
from m4graph.datasets.source import copy_runs
from m4graph.datasets.suite_runs import SuiteRuns
from m4graph.errors import ConfigError, InputError
from m4graph.graph.run import LabelledRun
from m4graph.progress import count_progress

Split = Literal["train", "val"]

_MAX_OPEN = 4096
"""Files that a process keeps mapped, unless all of them are to be in memory."""


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
        suite (str, optional): A name of :data:`m4graph.evaluation.suites.SUITES`: the scenarios of
            this suite, which are refused otherwise, and no others. Missing ones are simulated.
            (default: ``None``)
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

    folder: ClassVar[str] = ""
    """Of the processed runs, in ``root/processed``."""

    form: ClassVar[Form]
    """How graphs are stored."""

    def __init__(
        self,
        root: str | Path,
        recipe: Recipe | NamedDataset | None = None,
        *,
        source: str | os.PathLike[str] | None = None,
        split: Split | None = None,
        suite: str | None = None,
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
        if recipe is not None and suite is not None:
            raise ConfigError(f"suite: expected no recipe beside it (got suite {suite!r})")
        self.named = None if recipe is None else find_dataset(recipe)
        self.config = None if self.named is None else self.named.config()
        self.suite = None if suite is None else SuiteRuns(suite)
        self._source = source if source or self.named is None else self.named.source
        self._jobs = jobs
        self._in_memory = in_memory
        self._opened: dict[int, Items] = {}
        root = Path(root).expanduser()
        self._processing = Processing(
            root / "raw", root / "processed" / self.folder, self.form, pre_filter, pre_transform
        )
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
        if self.config is not None:
            names = [run_name(index) for index in range(self.config.num_scenarios)]
        elif self.suite is not None:
            names = [run_name(index) for index in range(len(self.suite))]
        else:
            there = {path.stem for path in Path(self.raw_dir).glob("run_*.npz")}
            names = sorted(there | set(self._expected()))
        return [f"{name}.npz" for name in names]

    @property
    def processed_file_names(self) -> list[str]:
        """One file for each run."""
        return [f"{Path(name).stem}.safetensors" for name in self.raw_file_names]

    def download(self) -> None:
        """Copies or generates the runs that are missing.

        Raises:
            InputError: If there is nothing to get them from.
        """
        root = Path(self.root)
        if self._source is not None:
            copy_runs(self._source, root, self._missing())
        if self.config is not None and self._missing():
            with self._progress("runs generated") as report:
                generate(self.config, root, self._jobs, progress=report)
        elif self.suite is not None:
            self.suite.simulate(Path(self.raw_dir), self._missing(), self._jobs)
        missing = self._missing()
        if missing or not self.raw_file_names:
            what = f"the runs {', '.join(missing)}" if missing else "runs"
            raise InputError(
                f"{self.raw_dir}: expected {what} (got none); make them by "
                f"m4graph generate CONFIG.yaml --out {self.root}, or give a recipe"
            )

    def process(self) -> None:
        """Stores the graphs of every run that has none yet, or has changed."""
        changes = {name: self._changes(name) for name in self._names()}
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
        run = int(np.searchsorted(self._first, idx, side="right")) - 1
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
        return load_raw(Path(self.raw_dir) / f"{self.names[self.run_index()[idx]]}.npz")

    def run_index(self) -> NDArray[np.int64]:
        """Which of :attr:`names` each graph is of, int64 ``[len(dataset)]``."""
        of_all = np.repeat(np.arange(len(self.names)), np.diff(self._first))
        return of_all if self._indices is None else of_all[np.asarray(self._indices, np.int64)]

    def item_num_nodes(self) -> NDArray[np.int64]:
        """Nodes of each graph, int64 ``[len(dataset)]``; no graph is read for it."""
        parts = [map_tensors(self._processing.path(name))[0][NUM_NODES] for name in self.names]
        of_all = torch.cat(parts).numpy().astype(np.int64)
        return of_all if self._indices is None else of_all[np.asarray(self._indices, np.int64)]

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
        if not 0 <= val_fraction < 1:
            raise ConfigError(f"val_fraction: expected 0 to below 1 (got {val_fraction})")
        runs = self.run_index()
        there = {self._hashes[run] for run in np.unique(runs)}
        ranked = sorted(there, key=lambda digest: _rank(digest, seed))
        count = max(round(val_fraction * len(ranked)), int(val_fraction > 0))
        if count >= len(ranked):
            raise ConfigError(
                f"val_fraction: expected to leave a scenario to train on (got {val_fraction} "
                f"of {len(ranked)})"
            )
        held_out = set(ranked[:count])
        is_val = np.array([digest in held_out for digest in self._hashes])[runs]
        return self._part(~is_val), self._part(is_val)

    def __getstate__(self) -> dict[str, Any]:
        """Without open files: another process opens its own."""
        return {**self.__dict__, "_opened": {}}

    def _download(self) -> None:
        """In place of PyG's, which makes folders before it knows that there is something to do."""
        if self.config is not None:
            Path(self.root).parent.mkdir(parents=True, exist_ok=True)
            check_run_folder(self.config, Path(self.root))
        if self._missing() or not self.raw_file_names:
            self.download()

    def _process(self) -> None:
        """In place of PyG's, which writes pickles beside the processed files."""
        self.process()

    def _names(self) -> list[str]:
        return [Path(name).stem for name in self.raw_file_names]

    def _missing(self) -> list[str]:
        return [name for name in self._names() if not (Path(self.raw_dir) / f"{name}.npz").exists()]

    def _expected(self) -> dict[str, frozenset[str]]:
        """The runs of somebody else, and their hashes: they must be there, and be the same."""
        is_shared = self._source is not None or (
            self.named is not None and self.named.runs_sha256 is not None
        )
        return known_hashes(Path(self.root)) if is_shared else {}

    def _changes(self, name: str) -> list[str]:
        return ["raw"] if self.force_reload else self._processing.differs(name)

    def _process_all(self, names: Sequence[str]) -> None:
        expected = self._expected()
        calls = ((name, expected.get(name, ())) for name in names)
        with self._progress("runs processed") as report:
            for done, _ in enumerate(unordered(self._processing, calls, self._jobs or 1), 1):
                report(done, len(names))

    def _progress(self, title: str) -> AbstractContextManager[Callable[[int, int], None]]:
        return count_progress(title) if self.log else nullcontext(lambda done, total: None)

    def _read_index(self) -> None:
        self.names = self._names()
        words = [read_metadata(self._processing.path(name)) for name in self.names]
        self._hashes = [each[SCENARIO_SHA256] for each in words]
        self._first = np.cumsum([0, *(int(each[NUM_ITEMS]) for each in words)])
        for name, each in zip(self.names, words, strict=True):
            self._refuse(name, each)
        if self.named is not None:
            self.named.check_runs(each[ARRAYS_SHA256] for each in words)

    def _refuse(self, name: str, words: dict[str, str]) -> None:
        file = Path(self.raw_dir) / name
        if self.suite is not None:
            self.suite.check(words[SCENARIO_SHA256], f"{file}.npz")
            return
        if words[EVALUATION_SEED]:
            raise ConfigError(f"{file}.yaml: {words[EVALUATION_SEED]}")
        refuse_reserved(words[SCENARIO_SHA256], f"{file}.npz")

    def _part(self, mask: NDArray[np.bool_]) -> Self:
        part = copy.copy(self)
        part._indices = np.asarray(self.indices())[mask]
        return part


def _rank(digest: str, seed: int) -> str:
    return hashlib.sha256(f"{seed} {digest}".encode()).hexdigest()
