"""The configuration of ``m4graph generate``: a seed, a number, and a distribution of scenarios."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from pydantic import Field

from m4graph.core.calls import plain_call
from m4graph.core.rng import TRAIN_SEEDS, generator
from m4graph.core.schema import KeyProblem, StrictModel, spell, unknown_key
from m4graph.core.yaml_file import Override, apply_overrides, locate, read_yaml
from m4graph.datasets.making.distributions import parse
from m4graph.datasets.making.laws import Law, draw
from m4graph.datasets.making.leakage import check_training_seed, check_training_seeds
from m4graph.scenario.build import ScenarioFile

BLOCKS = [name for name in ScenarioFile.model_fields if name not in ("name", "seed", "faults")]
"""What is drawn. A model sees no faults, so that it could only learn from them what is wrong."""


class GenerateConfig(StrictModel):
    """A distribution of scenarios, and how many of them to simulate.

    Scenario ``i`` depends on the seed, its number and the distribution alone. Its own seed is a
    training seed (:data:`m4graph.core.rng.TRAIN_SEEDS`), another one for every scenario.

    Args:
        name (str): Of the data; scenario ``i`` is called ``<name>_<i>``.
        seed (int): From which everything is drawn; none that is kept for evaluation.
            (default: ``0``)
        num_scenarios (int): How many scenarios to simulate.
        scenario (dict): The blocks of ``scenario.yaml``, without name and seed. Any value in them
            may be a law of :mod:`m4graph.datasets.making.distributions`; or a ``choice`` of such
            blocks, with ``weights``.
    """

    name: str = Field(min_length=1, pattern=r"^[\w.-]+$")
    seed: int = Field(default=0, ge=0, le=2**63 - 1)
    num_scenarios: int = Field(ge=1, le=len(TRAIN_SEEDS))
    scenario: dict[str, Any]

    @classmethod
    def parse(cls, data: object, key: str = "") -> Self:
        """Validates a configuration.

        Raises:
            KeyProblem: For the first bad key.
        """
        config = super().parse(data, key)
        check_training_seed(config.seed, "seed")
        config.law  # noqa: B018 - parsed once, here
        for place, blocks in scenario_options(config.scenario, "scenario"):
            _check_names(blocks, place)
        return config

    @cached_property
    def law(self) -> Law:
        """The distribution, parsed."""
        return parse(self.scenario, "scenario")

    def describe(self, index: int) -> dict[str, Any]:
        """Draws scenario ``index``: what stands in its ``scenario.yaml``.

        Raises:
            KeyProblem: If the blocks contradict each other, or hold a seed that is kept for
                evaluation.
        """

        def streams(key: str) -> np.random.Generator:
            return generator(self.seed, "datasets", "scenario", index, key)

        blocks = draw(self.law, streams, "scenario")
        check_training_seeds(blocks, "scenario")
        return {"name": f"{self.name}_{index:06d}", **blocks, "seed": self.scenario_seed(index)}

    def scenario_seed(self, index: int) -> int:
        """The seed of scenario ``index``: consecutive training seeds, from a random first one."""
        first = int(generator(self.seed, "datasets", "first seed").integers(len(TRAIN_SEEDS)))
        return TRAIN_SEEDS[(first + index) % len(TRAIN_SEEDS)]


def scenario_options(
    scenario: Mapping[str, Any], key: str = ""
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The blocks of a distribution of scenarios, and where they stand: one, or a choice of them."""
    if "choice" not in scenario:
        yield key, scenario
        return
    for index, option in enumerate(scenario["choice"]):
        place = f"{key}[{index}]"
        if not isinstance(option, Mapping):
            raise KeyProblem(place, f"expected a block of keys (got {spell(option)})")
        yield from scenario_options(option, place)


def _check_names(blocks: Mapping[str, Any], key: str) -> None:
    for name in blocks:
        if name not in BLOCKS:
            raise unknown_key(key, name, BLOCKS)
    for name in ("topology", "workload", "congestion_control"):
        if name not in blocks:
            raise KeyProblem(f"{key}.{name}", "missing key")


@plain_call
def load_config(path: str | Path, overrides: Iterable[Override] = ()) -> GenerateConfig:
    """Reads a configuration; paths inside it are relative to it, and made absolute.

    Raises:
        InputError: For bad input; the message names the file and the key.
    """
    file = Path(path)
    changes = list(overrides)
    data = apply_overrides(read_yaml(file), changes)
    if isinstance(data.get("scenario"), Mapping):
        folder = file.resolve().parent
        data["scenario"] = _with_paths(folder, data["scenario"])
    try:
        return GenerateConfig.parse(data)
    except KeyProblem as problem:
        raise locate(problem, str(file), changes) from None


def _with_paths(folder: Path, tree: Any, is_path: bool = False) -> Any:
    """Makes every path of a key ``file`` absolute."""
    if isinstance(tree, Mapping):
        return {
            name: _with_paths(folder, value, name == "file" or (is_path and name == "choice"))
            for name, value in tree.items()
        }
    if isinstance(tree, list):
        return [_with_paths(folder, value, is_path) for value in tree]
    return str(folder / tree) if is_path and isinstance(tree, str) else tree
