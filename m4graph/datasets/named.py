"""Named data sets: a recipe, what its runs must hash to, and where they can be had."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from m4graph.core.calls import plain_call
from m4graph.core.errors import ConfigError, InputError, one_of
from m4graph.core.registry import Registry
from m4graph.datasets.making.config import GenerateConfig, load_config

HASHES_FILE = Path(__file__).resolve().parent / "named.json"
RECIPES = Path(__file__).resolve().parent / "recipes"

Recipe = str | Path | GenerateConfig


@plain_call
@dataclass(frozen=True)
class NamedDataset:
    """A data set that is the same for everyone.

    Args:
        name (str): Its name.
        recipe (Path or GenerateConfig): What ``m4graph generate`` takes.
        recipe_sha256 (str, optional): :func:`recipe_hash` of it. (default: not checked)
        runs_sha256 (str, optional): :func:`runs_hash` of its runs. (default: not checked)
        source (str, optional): Where to copy the runs from: a folder, or
            ``hf://owner/repository[@revision]``. (default: they are generated)
    """

    name: str
    recipe: Path | GenerateConfig
    recipe_sha256: str | None = None
    runs_sha256: str | None = None
    source: str | None = None

    def config(self) -> GenerateConfig:
        """The recipe, checked.

        Raises:
            InputError: If the recipe is bad, or is not that of the name.
        """
        if isinstance(self.recipe, GenerateConfig):
            config = self.recipe
        else:
            config = load_config(self.recipe)
        found = recipe_hash(config)
        if self.recipe_sha256 not in (None, found):
            raise ConfigError(
                f"data set {self.name}: expected a recipe of SHA-256 {self.recipe_sha256} "
                f"(got {found} of {config.name!r})"
            )
        return config

    def check_runs(self, arrays_sha256: Iterable[str]) -> None:
        """Checks that runs are those of the data set.

        Args:
            arrays_sha256 (Iterable[str]): The hashes of their arrays, in order.

        Raises:
            InputError: If they are not.
        """
        found = runs_hash(arrays_sha256)
        if self.runs_sha256 not in (None, found):
            raise InputError(
                f"data set {self.name}: expected runs of SHA-256 {self.runs_sha256} (got {found}); "
                "to use others, give the recipe as the path of a file"
            )


DATASETS: Registry[NamedDataset] = Registry(
    "dataset",
    {
        "dctcp-fattree": "m4graph.datasets.built_in:DCTCP_FATTREE",
        "m4-paper": "m4graph.datasets.built_in:M4_PAPER",
        "m4graph": "m4graph.datasets.built_in:M4GRAPH",
        "sample": "m4graph.datasets.built_in:SAMPLE",
        "tiny": "m4graph.datasets.built_in:TINY",
        "wide": "m4graph.datasets.built_in:WIDE",
    },
)
"""Objects of :class:`NamedDataset`."""


def find_dataset(recipe: Recipe | NamedDataset) -> NamedDataset:
    """Gives the data set of a recipe; only those of :data:`DATASETS` have hashes.

    Args:
        recipe (str, Path, GenerateConfig or NamedDataset): A name, the path of a YAML file, or a
            configuration.

    Raises:
        InputError: If there is no such name, or the recipe is bad.
    """
    if isinstance(recipe, NamedDataset):
        return recipe
    if isinstance(recipe, GenerateConfig):
        return NamedDataset(recipe.name, recipe)
    if isinstance(recipe, Path) or recipe.endswith((".yaml", ".yml")):
        return NamedDataset(str(recipe), load_config(recipe))
    if recipe not in DATASETS:
        raise ConfigError(
            f"recipe: expected {one_of(DATASETS.names())}, or the path of a YAML file "
            f"(got {recipe!r})"
        )
    return DATASETS.resolve(recipe)


def recipe_hash(config: GenerateConfig) -> str:
    """The hash of a recipe: of its keys and values, not of how its file is written."""
    text = json.dumps(config.model_dump(), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def runs_hash(arrays_sha256: Iterable[str]) -> str:
    """The hash of a data set: of the hashes of its runs' arrays, in the order of the runs."""
    return hashlib.sha256("\n".join(arrays_sha256).encode()).hexdigest()
