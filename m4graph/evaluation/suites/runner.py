"""Simulators as a suite runs them: under a label, with options, and with an identity."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from m4graph import simulators
from m4graph.core.compilation import functions_digest, source_digest
from m4graph.core.errors import ConfigError
from m4graph.simulators import Simulator, build_simulator
from m4graph.zoo.load import default_model_name, find_checkpoint

_SOURCES = {
    "packet": ("m4graph.simulators.packet", "m4graph.simulators.session"),
    "fluid": ("m4graph.simulators.fluid", "m4graph.estimate", "m4graph.simulators.session"),
    "learned": (
        "m4graph.learned",
        "m4graph.nn",
        "m4graph.graph",
        "m4graph.estimate",
        "m4graph.runs",
        "m4graph.simulators.session",
    ),
}


@dataclass(frozen=True)
class Runner:
    """A simulator of an evaluation. Its fields are plain, so that workers can build it anew.

    Args:
        label (str): What tables call it.
        simulator (str): Its name in the registry.
        options (tuple): Pairs of the constructor's options and their values.
    """

    label: str
    simulator: str
    options: tuple[tuple[str, str], ...] = ()

    @property
    def cached(self) -> bool:
        """Whether results are worth keeping for other evaluations: there are no options."""
        return self.simulator in ("packet", "fluid") and not self.options

    def build(self) -> Simulator:
        """Makes the simulator.

        Raises:
            InputError: If an option is bad.
        """
        return build_simulator(self.simulator, **dict(self.options))

    def identity(self) -> str:
        """A hash of all that results depend on, but for the scenario: sources, options, weights."""
        parts = [self.simulator, *map("=".join, self.options)]
        if self.simulator in _SOURCES:
            parts += [source_digest(package) for package in _SOURCES[self.simulator]]
        else:
            parts.append(functions_digest([simulators.SIMULATORS.resolve(self.simulator)]))
        model = dict(self.options).get("model")
        if model is not None:
            parts += _file_hashes(find_checkpoint(model))
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def make_runners(
    names: Sequence[str],
    models: Sequence[str] = (),
    options: Mapping[str, str | None] | None = None,
) -> tuple[Runner, ...]:
    """Runners of simulators; one that takes a model has a runner for each model.

    Args:
        names (Sequence[str]): Simulators.
        models (Sequence[str]): Names or paths of models. (default: of each
            simulator its own, the zoo's default for ``learned``)
        options (Mapping, optional): Other options; ``None`` is none. Each goes to the simulators
            that have it. (default: none)

    Raises:
        ConfigError: If a simulator is unknown or comes twice, or no simulator has an option.
    """
    given = {name: value for name, value in (options or {}).items() if value is not None}
    taken: set[str] = set()
    found: list[Runner] = []
    for name in names:
        parameters = inspect.signature(simulators.SIMULATORS.resolve(name)).parameters
        taken.update(parameters)
        own = tuple((key, value) for key, value in given.items() if key in parameters)
        # The zoo's default is a model of our own simulator; a plug-in has its own default.
        chosen = models or ([default_model_name()] if name == "learned" else [])
        if "model" not in parameters or not chosen:
            found.append(Runner(name, name, own))
            continue
        for model in chosen:
            label = f"{name}:{model}" if len(models) > 1 else name
            found.append(Runner(label, name, (("model", model), *own)))
    for option in [*given, *(["model"] if models else [])]:
        if option not in taken:
            raise ConfigError(
                f"--{option}: expected a simulator that has this option (got {', '.join(names)})"
            )
    labels = [runner.label for runner in found]
    for label in labels:
        if labels.count(label) > 1:
            raise ConfigError(f"simulators: expected each once (got {label} twice)")
    return tuple(found)


def _file_hashes(folder: Path) -> list[str]:
    paths = sorted(path for path in folder.glob("*") if path.suffix in (".safetensors", ".json"))
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
