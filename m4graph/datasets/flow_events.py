"""Labelled runs as a dataset of PyTorch Geometric."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from torch_geometric.data import Dataset

from m4graph.datasets.config import GenerateConfig
from m4graph.datasets.generation import generate
from m4graph.datasets.leakage import check_training_seeds, refuse_reserved, scenario_hash
from m4graph.datasets.produce import run_name
from m4graph.datasets.recipe import load_recipe
from m4graph.datasets.run_data import RunData, to_run_data
from m4graph.datasets.run_file import load_processed, load_raw, read_metadata, save_processed
from m4graph.errors import ConfigError, InputError
from m4graph.graph.run import LabelledRun
from m4graph.schema import KeyProblem
from m4graph.yaml_file import read_yaml

_HASH = "scenario_sha256"


class FlowEventDataset(Dataset):  # type: ignore[misc]
    r"""Runs of the packet simulator, with the state of flows and links at every flow arrival and
    departure.

    ``root`` is the folder that ``m4graph generate --out`` wrote: ``root/raw/run_<i>.npz`` with the
    scenario beside it in ``run_<i>.yaml``; ``root/processed`` is made from it. Runs of scenarios
    that are kept for evaluation are refused, by their seed and by their hash.

    Args:
        root (str or Path): Folder of the dataset.
        recipe (str, Path or GenerateConfig, optional): What to generate where runs are missing: a
            recipe of the package (``"tiny"``, ``"dctcp-fattree"``), or a configuration.
            (default: ``None``)
        jobs (int, optional): Processes that generate. (default: one for each core)
        transform (callable, optional): Takes a :class:`RunData` and gives another, at every
            access. (default: ``None``)
        force_reload (bool): Process all runs anew. (default: ``False``)
        log (bool): Print when runs are processed. (default: ``False``)

    Raises:
        InputError: If runs are missing and no recipe is given, a run is damaged, or it is of a
            scenario that is kept for evaluation.

    **Fields:** those of :class:`RunData`; ``y`` of a flow is its slowdown.

    **Split:** :meth:`split`, by a hash of links, flows and routes. Evaluation is in no dataset.

    **STATS:**

    .. list-table::
        :widths: 20 10 10 15 15 20
        :header-rows: 1

        * - Recipe
          - #runs
          - #flows
          - #events
          - raw size
          - made in (one core)
        * - tiny
          - 3
          - 180
          - 360
          - 24 KB
          - 1 s
        * - dctcp-fattree
          - 320
          - 640 000
          - 1 280 000
          - 52 MB
          - 16 min
    """

    def __init__(
        self,
        root: str | Path,
        recipe: str | Path | GenerateConfig | None = None,
        jobs: int | None = None,
        transform: Callable[[RunData], Any] | None = None,
        force_reload: bool = False,
        log: bool = False,
    ) -> None:
        self.config = None if recipe is None else load_recipe(recipe)
        self._jobs = jobs
        root = Path(root)
        _remove_stale(root)
        super().__init__(str(root), transform, log=log, force_reload=force_reload)
        self._names = [Path(name).stem for name in self.raw_file_names]
        self.hashes = [self._hash(name) for name in self._names]

    @property
    def raw_file_names(self) -> list[str]:
        """``run_<i>.npz``: the recipe's, or what is there."""
        if self.config is not None:
            return [f"{run_name(index)}.npz" for index in range(self.config.num_scenarios)]
        return sorted(path.name for path in Path(self.raw_dir).glob("run_*.npz"))

    @property
    def processed_file_names(self) -> list[str]:
        """One file for each run."""
        return [f"{Path(name).stem}.safetensors" for name in self.raw_file_names]

    def download(self) -> None:
        """Generates the recipe's runs that are missing.

        Raises:
            InputError: If there is no recipe.
        """
        if self.config is None:
            raise InputError(
                f"{self.raw_dir}: expected runs (got none); make them by "
                f"m4graph generate CONFIG.yaml --out {self.root}, or give a recipe"
            )
        generate(self.config, self.root, self._jobs)

    def process(self) -> None:
        """Checks every run, and stores it as safetensors."""
        for name in (Path(raw).stem for raw in self.raw_file_names):
            processed = self._processed(name)
            if self.force_reload or not processed.exists():
                _process(Path(self.raw_dir), name, processed)

    def len(self) -> int:
        """Number of runs."""
        return len(self._names)

    def get(self, idx: int) -> RunData:
        """Reads a run as a graph."""
        return to_run_data(load_processed(self._processed(self._names[idx])))

    def run(self, idx: int) -> LabelledRun:
        """Reads a run as arrays; counts as ``dataset[idx]`` does, so in a split too."""
        return load_processed(self._processed(self._names[self.indices()[idx]]))

    def split(self, val_fraction: float = 0.1, seed: int = 0) -> tuple[Self, Self]:
        """Splits the runs for training and validation, by a hash of their scenarios.

        Neither the runs' order nor their names matter, and runs of the same links, flows and
        routes (under several algorithms, say) are on the same side.

        Args:
            val_fraction (float): Share of the scenarios to validate on, in [0, 1); above 0, it is
                at least one. (default: ``0.1``)
            seed (int): Another seed, another split. (default: ``0``)

        Raises:
            ConfigError: If the fraction is out of range, or leaves nothing to train on.
        """
        if not 0 <= val_fraction < 1:
            raise ConfigError(f"val_fraction: expected 0 to below 1 (got {val_fraction})")
        hashes = [self.hashes[index] for index in self.indices()]
        ranked = sorted(set(hashes), key=lambda digest: _rank(digest, seed))
        count = max(round(val_fraction * len(ranked)), int(val_fraction > 0))
        if count >= len(ranked):
            raise ConfigError(
                f"val_fraction: expected to leave a scenario to train on (got {val_fraction} "
                f"of {len(ranked)})"
            )
        held_out = set(ranked[:count])
        train = [place for place, digest in enumerate(hashes) if digest not in held_out]
        val = [place for place, digest in enumerate(hashes) if digest in held_out]
        return self.index_select(train), self.index_select(val)

    def _processed(self, name: str) -> Path:
        return Path(self.processed_dir) / f"{name}.safetensors"

    def _hash(self, name: str) -> str:
        digest = read_metadata(self._processed(name)).get(_HASH, "")
        refuse_reserved(digest, str(Path(self.raw_dir) / f"{name}.npz"))
        return digest


def _process(raw: Path, name: str, processed: Path) -> None:
    description = raw / f"{name}.yaml"
    try:
        check_training_seeds(read_yaml(description))
    except KeyProblem as problem:
        raise ConfigError(f"{description}: {problem}") from None
    run = load_raw(raw / f"{name}.npz")
    digest = scenario_hash(run)
    refuse_reserved(digest, str(raw / f"{name}.npz"))
    save_processed(run, processed, {_HASH: digest})


def _remove_stale(root: Path) -> None:
    """Removes processed runs whose raw run has changed since."""
    for raw in (root / "raw").glob("run_*.npz"):
        processed = root / "processed" / f"{raw.stem}.safetensors"
        if processed.exists() and processed.stat().st_mtime_ns < raw.stat().st_mtime_ns:
            processed.unlink()


def _rank(digest: str, seed: int) -> str:
    return hashlib.sha256(f"{seed} {digest}".encode()).hexdigest()
