"""Simulators as commands and suites run them: under a label, with options, and with an identity."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from m4graph.core.calls import plain_call
from m4graph.core.compilation import source_digest
from m4graph.core.errors import ConfigError, InputError
from m4graph.core.progress import Progress
from m4graph.results import SimulationResult
from m4graph.scenario import Scenario
from m4graph.scenario.cautions import warn_of
from m4graph.simulators import base
from m4graph.simulators.base import (
    Simulator,
    build_simulator,
    option_names,
    warn_of_unfinished,
)


class Refusal(ConfigError):
    """What a simulator says of a scenario that it cannot do."""


@plain_call
@dataclass(frozen=True)
class Runner:
    """A simulator of a comparison. Its fields are plain, so that workers can build it anew.

    Args:
        label (str): What tables call it.
        simulator (str): Its name in the registry.
        options (Mapping): Arguments of its constructor. (default: none)
    """

    label: str
    simulator: str
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_deterministic(self) -> bool:
        """As the simulator says."""
        return self._factory.is_deterministic

    @property
    def counted(self) -> str:
        """As the simulator says."""
        return self._factory.counted

    def build(self) -> Simulator:
        """Makes the simulator, once in a process.

        Raises:
            InputError: If an option is bad.
        """
        return self._built

    def run(self, scenario: Scenario, progress: Progress | None = None) -> SimulationResult:
        """Runs a scenario; the result carries the label. Warns as :func:`.simulate` does.

        Raises:
            InputError: If an option is bad.
            Refusal: If the simulator cannot do this scenario.
            SimulationError: If the run fails.
        """
        simulator = self.build()
        warn_of(scenario)
        try:
            result = simulator.run(scenario, progress)
        except InputError as error:
            raise Refusal(str(error)) from error
        labelled = replace(result, simulator=self.label)
        warn_of_unfinished(labelled)
        return labelled

    def identity(self) -> str:
        """A hash of all that results depend on, but for the scenario: sources, options, weights.

        Raises:
            InputError: If there are no such weights.
        """
        factory = self._factory
        options = factory.resolve_options(self.options)
        named = {key: options[key] for key in options if key not in factory.neutral_options}
        parts = [self.simulator, json.dumps(named, sort_keys=True, default=repr)]
        parts.append(source_digest(*_modules(factory)))
        for path in factory.input_files(options):
            parts.append(hashlib.sha256(path.read_bytes()).hexdigest())
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def __reduce__(self) -> tuple[type[Runner], tuple[str, str, Mapping[str, Any]]]:
        return Runner, (self.label, self.simulator, self.options)

    @cached_property
    def _built(self) -> Simulator:
        return build_simulator(self.simulator, **self.options)

    @property
    def _factory(self) -> type[Simulator]:
        return base.SIMULATORS.resolve(self.simulator)


@plain_call
def make_runners(
    names: Sequence[str],
    models: Sequence[str] = (),
    options: Mapping[str, Any] | None = None,
    own_options: Mapping[str, Mapping[str, Any]] | None = None,
) -> tuple[Runner, ...]:
    """Runners of simulators, with all their options; one for each model of those that take one.

    Args:
        names (Sequence[str]): Simulators.
        models (Sequence[str]): Names or paths of models. (default: of each simulator its own)
        options (Mapping, optional): Other options; ``None`` is none. Each goes to the simulators
            that have it. (default: none)
        own_options (Mapping, optional): Options of single simulators, by name, as
            :func:`.read_options` gives them. (default: none)

    Raises:
        ConfigError: If a simulator is unknown or comes twice, no simulator has an option, or one
            has it from both.
    """
    shared = {name: value for name, value in (options or {}).items() if value is not None}
    own = dict(own_options or {})
    factories = {base.SIMULATORS.spelling(name): base.SIMULATORS.resolve(name) for name in names}
    if len(factories) < len(names):
        raise ConfigError(f"simulators: expected each simulator once (got {_twice(names)} twice)")
    _check_shared([*shared, *(["model"] if models else [])], factories, own)
    found = []
    for name, factory in factories.items():
        valid = option_names(factory)
        given = {key: value for key, value in shared.items() if key in valid}
        given |= own.get(name, {})
        if not models or "model" not in valid:
            found.append(Runner(name, name, factory.resolve_options(given)))
            continue
        for model in models:
            label = f"{name}:{model}" if len(models) > 1 else name
            found.append(Runner(label, name, factory.resolve_options({"model": model} | given)))
    return tuple(found)


@plain_call
def labelled_runners(
    blocks: Mapping[str, Mapping[str, Any]],
    own_options: Mapping[str, Mapping[str, Any]] | None = None,
) -> tuple[Runner, ...]:
    """Runners under labels of one's own, also of one simulator with several options.

    Args:
        blocks (Mapping): For each label a block of ``kind``, a simulator's name, and options.
        own_options (Mapping, optional): Of single simulators, by name; options in a block go
            before them. (default: none)
    """
    own = dict(own_options or {})
    found = []
    for label, block in blocks.items():
        name = base.SIMULATORS.spelling(block["kind"])
        options = {key: value for key, value in block.items() if key != "kind"}
        resolved = base.SIMULATORS.resolve(name).resolve_options({**own.get(name, {}), **options})
        found.append(Runner(label, name, resolved))
    return tuple(found)


def _check_shared(
    shared: Iterable[str],
    factories: Mapping[str, type[Simulator]],
    own: Mapping[str, Mapping[str, Any]],
) -> None:
    for option in shared:
        takers = [name for name, factory in factories.items() if option in option_names(factory)]
        if not takers:
            raise ConfigError(
                f"--{option}: expected a simulator that has this option "
                f"(got {', '.join(factories)})"
            )
        for name in takers:
            if option in own.get(name, {}):
                raise ConfigError(
                    f"--{option}: expected it once (got --option {name}.{option}, too)"
                )


def _modules(factory: type[Simulator]) -> list[str]:
    """The modules whose code, with what it imports, makes a simulator.

    Of the simulator itself it is the whole package, parts of which may be plug-ins by name. What
    was typed into a shell has no file that could change.
    """
    own = sys.modules[factory.__module__]
    bases = [each.__module__ for each in factory.__mro__ if issubclass(each, Simulator)]
    names = [own.__package__ or own.__name__, *bases]
    in_files = [name for name in names if getattr(sys.modules[name], "__file__", None)]
    return sorted({*in_files, *factory.sources})


def _twice(names: Sequence[str]) -> str:
    spelled = [base.SIMULATORS.spelling(name) for name in names]
    return next(name for name in spelled if spelled.count(name) > 1)
