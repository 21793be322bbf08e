"""Recipes: configurations of ``m4graph generate`` that come with the package, by name."""

from __future__ import annotations

from pathlib import Path

from m4graph.datasets.config import GenerateConfig, load_config
from m4graph.errors import ConfigError
from m4graph.schema import one_of

_FOLDER = Path(__file__).resolve().parent / "recipes"


def recipe_names() -> list[str]:
    """The recipes that come with the package."""
    return sorted(path.stem for path in _FOLDER.glob("*.yaml"))


def load_recipe(recipe: str | Path | GenerateConfig) -> GenerateConfig:
    """Gives the configuration of a recipe.

    Args:
        recipe (str, Path or GenerateConfig): A name, the path of a YAML file, or a configuration.

    Raises:
        InputError: If there is no such recipe, or it is bad.
    """
    if isinstance(recipe, GenerateConfig):
        return recipe
    if isinstance(recipe, Path) or recipe.endswith((".yaml", ".yml")):
        return load_config(recipe)
    if recipe not in recipe_names():
        raise ConfigError(
            f"recipe: expected {one_of(recipe_names())}, or the path of a YAML file "
            f"(got {recipe!r})"
        )
    return load_config(_FOLDER / f"{recipe}.yaml")
