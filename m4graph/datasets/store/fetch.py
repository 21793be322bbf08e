"""Which runs a data set has, where missing ones come from, and which ones it refuses."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from m4graph.core.errors import ConfigError, InputError
from m4graph.core.files import whole_file
from m4graph.core.hub import HUB_PREFIX, download
from m4graph.core.progress import Progress, count_progress
from m4graph.datasets.making.generation import generate
from m4graph.datasets.making.leakage import refuse_reserved
from m4graph.datasets.making.manifest import known_hashes
from m4graph.datasets.making.run_folder import RAW, check_run_folder, run_name
from m4graph.datasets.making.suite_runs import SuiteRuns
from m4graph.datasets.named import NamedDataset, Recipe, find_dataset
from m4graph.datasets.store.processing import ARRAYS_SHA256, EVALUATION_SEED, SCENARIO_SHA256
from m4graph.scenario.suite import Suite

_DESCRIPTIONS = ("config.yaml", "manifest*.json")
_FILES = (*_DESCRIPTIONS, "raw/run_*")


class Supply:
    """The raw runs of a data set.

    Args:
        root (Path): Folder of the data set.
        recipe (str, Path, GenerateConfig or NamedDataset, optional): Whose runs these are.
        source (str or Path, optional): Where to copy missing ones from.
        suite (str or Suite, optional): The evaluation suite whose scenarios these are.
        jobs (int, optional): Processes that simulate.
        log (bool): Show progress.

    Raises:
        InputError: If there is no such recipe or suite, or both are given.
    """

    def __init__(
        self,
        root: Path,
        recipe: Recipe | NamedDataset | None,
        source: str | os.PathLike[str] | None,
        suite: str | Suite | None,
        jobs: int | None,
        log: bool,
    ) -> None:
        if recipe is not None and suite is not None:
            raise ConfigError("suite: expected no recipe beside it (got a suite, too)")
        self.raw = root / RAW
        self._root = root
        self._named = None if recipe is None else find_dataset(recipe)
        self.config = None if self._named is None else self._named.config()
        self._suite = None if suite is None else SuiteRuns(suite)
        self._source = source if source or self._named is None else self._named.source
        self._jobs = jobs
        self._log = log

    def names(self) -> list[str]:
        """The runs: the recipe's, the suite's, the source's, or what is there."""
        if self.config is not None:
            return [run_name(index) for index in range(self.config.num_scenarios)]
        if self._suite is not None:
            return [run_name(index) for index in range(len(self._suite))]
        there = {path.stem for path in self.raw.glob("run_*.npz")}
        is_shared = self._named is not None and self._named.runs_sha256 is not None
        listed = self.expected() if is_shared or self._source is not None else {}
        return sorted(there | set(listed))

    def missing(self) -> list[str]:
        """The runs that are not there."""
        return [name for name in self.names() if not (self.raw / f"{name}.npz").exists()]

    def expected(self) -> Mapping[str, frozenset[str]]:
        """The hashes that the folder's manifests give for runs; of others, any is welcome."""
        return known_hashes(self._root)

    def fetch(self) -> None:
        """Copies or simulates what is missing.

        Raises:
            InputError: If there is nothing to get it from, or the folder is another recipe's.
        """
        if self.config is not None:
            self._root.parent.mkdir(parents=True, exist_ok=True)
            check_run_folder(self.config, self._root)
        if self._source is not None and self._is_incomplete():
            copy_runs(self._source, self._root, self.missing())
        if self.missing():
            self._simulate()
        if self._is_incomplete():
            missing = self.missing()
            what = f"the runs {', '.join(missing)}" if missing else "runs"
            raise InputError(
                f"{self.raw}: expected {what} (got none); make them by "
                f"m4graph generate CONFIG.yaml --out {self._root}, or give a recipe"
            )

    def check(self, metadata: Mapping[str, Mapping[str, str]]) -> None:
        """Refuses runs of evaluation, unless they are the suite's, and others than the named ones.

        Args:
            metadata (Mapping): What the processed file of each run says, by its name.

        Raises:
            InputError: If there is one.
        """
        for name, each in metadata.items():
            file = self.raw / name
            if self._suite is not None:
                self._suite.check(each[SCENARIO_SHA256], f"{file}.npz")
                continue
            if each[EVALUATION_SEED]:
                raise ConfigError(f"{file}.yaml: {each[EVALUATION_SEED]}")
            refuse_reserved(each[SCENARIO_SHA256], f"{file}.npz")
        if self._named is not None:
            self._named.check_runs(each[ARRAYS_SHA256] for each in metadata.values())

    @contextmanager
    def progress(self, title: str) -> Iterator[Progress]:
        """Shows how many runs are done, if that is wanted."""
        if not self._log:
            yield lambda done, total: None
            return
        with count_progress(title) as report:
            yield report

    def _is_incomplete(self) -> bool:
        return bool(self.missing()) or not self.names()

    def _simulate(self) -> None:
        if self.config is not None:
            with self.progress("runs generated") as report:
                generate(self.config, self._root, self._jobs, progress=report)
        elif self._suite is not None:
            self._suite.simulate(self.raw, self.missing(), self._jobs)


def copy_runs(source: str | os.PathLike[str], root: Path, names: Sequence[str]) -> None:
    """Copies runs that are missing, as far as the source has them.

    Each file appears whole or not at all, the manifest first: it names the runs that an
    interruption leaves to be copied.

    Args:
        source (str or Path): A folder as ``m4graph generate`` writes it, or
            ``hf://owner/repository[@revision]`` of a data set.
        root (Path): The folder to copy to.
        names (list of str): Names of the runs; none: all that the source has.

    Raises:
        InputError: If there is no such source.
    """
    folder = _folder(os.fspath(source))
    (root / "raw").mkdir(parents=True, exist_ok=True)
    for pattern in _DESCRIPTIONS:
        for file in folder.glob(pattern):
            _copy(file, root / file.name)
    for name in names or sorted(file.stem for file in folder.glob("raw/run_*.npz")):
        tables = sorted((folder / "raw" / name).glob("*"))  # of an imported run
        last = [folder / "raw" / f"{name}{ending}" for ending in (".yaml", ".npz")]
        for file in (*tables, *last):
            _copy(file, root / file.relative_to(folder))


def _folder(source: str) -> Path:
    if source.startswith(HUB_PREFIX):
        return download(source, _FILES, "dataset", InputError, repo_type="dataset")
    folder = Path(source)
    if not (folder / "raw").is_dir():
        raise InputError(f"{folder}: expected a folder with runs in its folder raw (got none)")
    return folder


def _copy(file: Path, to: Path) -> None:
    if to.exists() or not file.exists():
        return
    to.parent.mkdir(exist_ok=True)
    with whole_file(to) as half:
        shutil.copyfile(file, half)
