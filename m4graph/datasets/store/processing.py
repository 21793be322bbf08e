"""From a raw run to a file of graphs that are read one by one."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from m4graph.core.errors import InputError
from m4graph.core.schema import KeyProblem
from m4graph.core.yaml_file import read_yaml
from m4graph.datasets.making.leakage import check_training_seeds, scenario_hash
from m4graph.datasets.making.produce import run_hash
from m4graph.datasets.store.items import (
    NUM_NODES,
    Graph,
    StoredItems,
    Tensors,
    map_tensors,
    pack_items,
    read_metadata,
    save_tensors,
)
from m4graph.runs.labelled_run import LabelledRun

SCENARIO_SHA256, ARRAYS_SHA256 = "scenario_sha256", "arrays_sha256"
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
EVALUATION_SEED, NUM_ITEMS, MADE_BY = "evaluation_seed", "num_items", "made_by"


class Items(Protocol):
    """The graphs of one run."""

    def __getitem__(self, index: int) -> Graph:
        """Reads one."""


class Form(Protocol):
    """How a class of data sets stores the graphs of a run; it has to be picklable."""

    @property
    def version(self) -> str:
        """Another one makes the data set process its runs anew."""

    def pack(self, run: LabelledRun) -> tuple[Tensors, dict[str, str]]:
        """Gives what to store, :data:`NUM_NODES` among it."""

    def open(self, tensors: Tensors, metadata: Mapping[str, str]) -> Items:
        """Reads what :meth:`pack` gave."""


@dataclass(frozen=True)
class Processing:
    """Turns raw runs into processed ones.

    Args:
        raw (Path): The folder of raw runs.
        processed (Path): The folder of processed ones.
        form (Form): How graphs are stored where no filter and no transform comes first.
        pre_filter (callable, optional): Tells which graphs to store. (default: ``None``)
        pre_transform (callable, optional): What to store of a graph. (default: ``None``)
    """

    raw: Path
    processed: Path
    form: Form
    pre_filter: Callable[[Any], bool] | None = None
    pre_transform: Callable[[Any], Any] | None = None

    def path(self, name: str) -> Path:
        """The file of a processed run."""
        return self.processed / f"{name}.safetensors"

    @property
    def made_by(self) -> dict[str, str]:
        """What shapes a processed file beside its raw run."""
        return {
            "form": self.form.version,
            "pre_filter": callable_text(self.pre_filter),
            "pre_transform": callable_text(self.pre_transform),
        }

    def differs(self, name: str) -> list[str]:
        """Why a run has to be processed: what has changed, or ``"raw"``; nothing if it is as new.

        Args:
            name (str): Of the run.
        """
        path = self.path(name)
        try:
            since_ns = path.stat().st_mtime_ns
        except OSError:
            return ["raw"]
        try:
            before = json.loads(read_description(path)[MADE_BY])
        except (InputError, ValueError) as error:
            report_damage(path, error)
            return ["raw"]
        raw = [self.raw / f"{name}{ending}" for ending in (".npz", ".yaml")]
        if any(file.exists() and file.stat().st_mtime_ns > since_ns for file in raw):
            return ["raw"]
        if not isinstance(before, dict):
            before = {}
        return [key for key, value in self.made_by.items() if before.get(key) != value]

    def __call__(self, name: str, expected_sha256: Collection[str] = ()) -> None:
        """Processes a run.

        Args:
            name (str): Of the run.
            expected_sha256 (Collection[str], optional): What its arrays may hash to.
                (default: anything)

        Raises:
            InputError: If it is damaged or another one, or a graph cannot be stored.
        """
        file = self.raw / f"{name}.npz"
        evaluation_seed = _evaluation_seed(self.raw / f"{name}.yaml")
        run = LabelledRun.load(file)
        found = run_hash(run)
        if expected_sha256 and found not in expected_sha256:
            raise InputError(
                f"{file}: expected the run of SHA-256 {' or '.join(expected_sha256)}, as its "
                f"manifest has it (got {found})"
            )
        tensors, metadata = self.form.pack(run)
        if self.pre_filter is not None or self.pre_transform is not None:
            tensors, metadata = self._with_callables(tensors, metadata)
        metadata |= {
            SCENARIO_SHA256: scenario_hash(run),
            ARRAYS_SHA256: found,
            EVALUATION_SEED: evaluation_seed,
            NUM_ITEMS: str(len(tensors[NUM_NODES])),
            MADE_BY: json.dumps(self.made_by),
        }
        save_tensors(self.path(name), tensors, metadata)

    def open(self, name: str, in_memory: bool) -> Items:
        """Opens the graphs of a processed run; a file that is damaged is made anew.

        Args:
            name (str): Of the run.
            in_memory (bool): Read all of them now.

        Raises:
            InputError: If another data set has replaced the file, or the raw run is damaged, too.
        """
        try:
            return self._open(name, in_memory)
        except DamagedError as error:
            report_damage(self.path(name), error)
            self(name)
            return self._open(name, in_memory)

    def _open(self, name: str, in_memory: bool) -> Items:
        path = self.path(name)
        try:
            tensors, metadata = map_tensors(path)
            made_by = metadata[MADE_BY]
        except (InputError, KeyError) as error:
            raise DamagedError(str(error)) from None
        if made_by != json.dumps(self.made_by):
            raise InputError(
                f"{path}: expected what this data set has processed (got what one with "
                "another pre_filter or pre_transform has, since)"
            )
        if in_memory:
            tensors = {key: tensor.clone() for key, tensor in tensors.items()}
        try:
            return self._opened(tensors, metadata)
        except Exception as error:  # Whatever a form makes of tensors that are not its own.
            raise DamagedError(str(error)) from error

    def _opened(self, tensors: Tensors, metadata: dict[str, str]) -> Items:
        if self.pre_filter is None and self.pre_transform is None:
            return self.form.open(tensors, metadata)
        return StoredItems(tensors, metadata)

    def _with_callables(
        self, tensors: Tensors, metadata: dict[str, str]
    ) -> tuple[Tensors, dict[str, str]]:
        stored = self.form.open(tensors, metadata)
        items = [stored[index] for index in range(len(tensors[NUM_NODES]))]
        if self.pre_filter is not None:
            items = [item for item in items if self.pre_filter(item)]
        if self.pre_transform is not None:
            items = [self.pre_transform(item) for item in items]
        return pack_items(items)


class DamagedError(InputError):
    """A processed file is not what was written."""


def read_description(path: Path) -> dict[str, str]:
    """Reads what a processed file says of itself, and nothing else.

    Raises:
        InputError: If it is missing, damaged, or says too little.
    """
    metadata, num_items = read_metadata(path)
    for key in (SCENARIO_SHA256, ARRAYS_SHA256, EVALUATION_SEED, NUM_ITEMS, MADE_BY):
        if key not in metadata:
            raise InputError(f"{path}: expected a processed run (got one without {key})")
    if metadata[NUM_ITEMS] != str(num_items):
        raise InputError(f"{path}: expected {NUM_ITEMS} {num_items} (got {metadata[NUM_ITEMS]!r})")
    return metadata


def report_damage(path: Path, error: Exception) -> None:
    """Says on stderr that a file that can be made anew is."""
    got = " ".join(str(error).split())
    print(f"m4graph: {path} is damaged, and made anew ({got})", file=sys.stderr)


def _evaluation_seed(description: Path) -> str:
    """What is wrong with the seeds of a scenario; nothing if they are no evaluation's."""
    try:
        check_training_seeds(read_yaml(description))
    except KeyProblem as problem:
        return str(problem)
    return ""


def callable_text(function: Callable[..., Any] | None) -> str:
    """A callable as text: the same in another process, another one where a function changes."""
    code = getattr(function, "__code__", None)
    if function is None or code is None:
        return _ADDRESS.sub("", repr(function))
    captured = [cell.cell_contents for cell in function.__closure__ or ()]
    given = (function.__defaults__, function.__kwdefaults__, captured)
    names = repr((code.co_names, code.co_consts, given))
    body = code.co_code + _ADDRESS.sub("", names).encode()
    digest = hashlib.sha256(body).hexdigest()[:16]
    return f"{function.__module__}.{function.__qualname__} {digest}"
