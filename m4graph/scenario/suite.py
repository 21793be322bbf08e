"""A suite: scenarios to evaluate on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from m4graph.core.calls import plain_call
from m4graph.core.errors import ConfigError, InputError
from m4graph.core.registry import Registry
from m4graph.scenario import Scenario
from m4graph.scenario.build import build_scenario
from m4graph.scenario.files import load_scenario

SUITES: Registry[Any] = Registry(
    "suite",
    {
        "ablation": "m4graph.evaluation.suites.small:ablation",
        "closed_loop": "m4graph.evaluation.suites.large:closed_loop",
        "collectives": "m4graph.evaluation.suites.collectives:collectives",
        "domains": "m4graph.evaluation.suites.domains:domains",
        "generalisation": "m4graph.evaluation.suites.small:generalisation",
        "large": "m4graph.evaluation.suites.large:large",
        "mimic": "m4graph.evaluation.suites.pods.suite:mimic",
        "mimic_dctcp": "m4graph.evaluation.suites.pods.suite:mimic_dctcp",
        "mimic_fabric": "m4graph.evaluation.suites.pods.suite:mimic_fabric",
        "parsimon": "m4graph.evaluation.suites.parsimon:parsimon",
        "sensitivity": "m4graph.evaluation.suites.sensitivity:sensitivity",
        "smoke": "m4graph.evaluation.suites.small:smoke",
    },
)
"""Functions without arguments that give a suite."""


@plain_call
@dataclass(frozen=True)
class Case:
    """A scenario of a suite, not built yet.

    Args:
        name (str): Its name, different from those of the suite's other cases.
        description (Mapping): The blocks of ``scenario.yaml``.
        folder (Path, optional): Where the scenario stands, if it has files.
    """

    name: str
    description: Mapping[str, Any]
    folder: Path | None = None

    def build(self) -> Scenario:
        """Makes the scenario.

        Raises:
            InputError: If the description is no valid scenario; names the case.
        """
        if self.folder is not None:
            return load_scenario(self.folder).replace(name=self.name)
        try:
            return build_scenario({**self.description, "name": self.name})
        except InputError as error:
            raise ConfigError(f"scenario {self.name}: {error}") from None

    @property
    def labels(self) -> dict[str, str | float]:
        """What the scenario is about, as far as its blocks say.

        ``algorithm``, ``sizes``, ``load``, ``matrix``, ``topology``, ``oversubscription`` (of a
        Clos network), ``limit`` (of flows under way, in a closed loop), and ``operation`` (a
        collective's, with its algorithm).
        """
        blocks = self.description
        topology, workload = blocks["topology"], blocks["workload"]
        flows = workload.get("flows")
        flows = flows if isinstance(flows, Mapping) else workload
        found: dict[str, str | float | None] = {
            "algorithm": _kind(blocks["congestion_control"]),
            "sizes": _kind(flows.get("sizes")),
            "load": flows.get("load"),
            "matrix": _kind(flows.get("matrix")),
            "topology": topology.get("kind", "file"),
            "oversubscription": _oversubscription(topology),
            "limit": workload.get("limit_per_rack"),
            "operation": _operation(workload),
        }
        return {name: value for name, value in found.items() if value is not None}


@plain_call
@dataclass(frozen=True)
class Suite:
    """Scenarios under a name.

    Args:
        name (str): The suite's name.
        cases (tuple): The scenarios.
        balanced (bool): They are in an order of which any beginning stands for the whole.
            (default: ``False``)
        beside (Mapping): Simulators that are compared beside the usual ones, unless others are
            named: for each label in tables a block of ``kind`` and options. (default: none)
        compared (tuple): The usual ones, where they are others than those of all suites.
            (default: none)
    """

    name: str
    cases: tuple[Case, ...]
    balanced: bool = False
    beside: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    compared: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = [case.name for case in self.cases]
        if not names:
            raise ConfigError(f"suite {self.name}: expected at least one scenario (got none)")
        for name in names:
            if names.count(name) > 1:
                raise ConfigError(
                    f"suite {self.name}: expected scenarios of different names (got two {name})"
                )

    @property
    def has_noise(self) -> bool:
        """Whether the truth is to be run again, a little moved, to stand beside the errors."""
        return True

    def alone(self) -> Self:
        """The suite without simulators that it brings along."""
        return replace(self, beside={})

    def part(self, fraction: float) -> Self:
        """A fair sample: this fraction of the cases, at least one, always the same ones.

        Those of a balanced suite are its first; those of another lie at equal distances.

        Raises:
            ConfigError: If the fraction is not in (0, 1].
        """
        if not 0 < fraction <= 1:
            raise ConfigError(f"fraction: expected a number in (0, 1] (got {fraction})")
        count = math.ceil(fraction * len(self.cases) - 1e-9)
        apart = 1.0 if self.balanced else len(self.cases) / count
        return replace(self, cases=tuple(self.cases[int(i * apart + 1e-9)] for i in range(count)))


def _operation(workload: Mapping[str, Any]) -> str | None:
    if workload.get("kind") == "mixed":
        return "mixed"
    if workload.get("kind") != "collective":
        return None
    return " ".join(str(workload[name]) for name in ("operation", "algorithm") if name in workload)


def _kind(block: Any) -> str | None:
    if isinstance(block, Mapping):
        return str(block["cluster"] if "cluster" in block else block.get("kind"))
    return None if block is None else str(block)


def _oversubscription(topology: Mapping[str, Any]) -> str | None:
    if topology.get("kind") != "clos":
        return None
    return f"{topology['racks'] / topology['spines']:g}:1"
