"""What is swept: the blocks of a file, blocks in memory, or a scenario made in Python."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel

from m4graph.core.errors import ConfigError, InputError, one_of
from m4graph.core.schema import KeyProblem, spell
from m4graph.core.units import NS_PER_US
from m4graph.core.yaml_file import Override, apply_overrides, locate
from m4graph.scenario import NetworkConfig, Scenario
from m4graph.scenario.build import ScenarioFile, build_scenario
from m4graph.scenario.congestion import EcnConfig, congestion_control
from m4graph.scenario.files import load_scenario
from m4graph.sweeps.points import Point
from m4graph.workload import from_config as workload_from_config
from m4graph.workload.generate import arguments_of


class Source(Protocol):
    """Makes scenarios that differ in some keys. Travels to workers."""

    def build(self, overrides: Sequence[Override]) -> Scenario:
        """The scenario with keys set.

        Raises:
            InputError: If a key or a value is bad; the message names it.
        """


def source_of(scenario: Scenario | Mapping[str, Any] | str | os.PathLike[str]) -> Source:
    """Finds out what is to be swept.

    Raises:
        ConfigError: If it is nothing of the kind.
    """
    if isinstance(scenario, Scenario):
        return _Parts(scenario)
    if isinstance(scenario, Mapping):
        return _Blocks(dict(scenario), Path.cwd())
    if isinstance(scenario, str | os.PathLike):
        return _File(Path(scenario).absolute())
    raise ConfigError(
        "sweep: expected a scenario, its file, or its blocks as in scenario.yaml "
        f"(got {spell(scenario)})"
    )


@dataclass(frozen=True)
class _File:
    path: Path

    def build(self, overrides: Sequence[Override]) -> Scenario:
        return load_scenario(self.path, overrides)


@dataclass(frozen=True)
class _Blocks:
    blocks: dict[str, Any]
    folder: Path

    def build(self, overrides: Sequence[Override]) -> Scenario:
        try:
            return build_scenario(apply_overrides(self.blocks, overrides), self.folder)
        except KeyProblem as problem:
            raise locate(problem, "sweep", overrides) from None


@dataclass(frozen=True)
class _Parts:
    """A scenario that was made in Python.

    What it has by default follows the keys that are set, as it would in a file that does not name
    it: with another algorithm come that one's own defaults. Flows are drawn anew if
    :func:`m4graph.workload.generate` made them.
    """

    scenario: Scenario

    def __getstate__(self) -> dict[str, Any]:
        # Which arguments flows were drawn with is known in this process alone.
        return {"scenario": self.scenario, "blocks": self.blocks}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)

    @cached_property
    def blocks(self) -> dict[str, Any]:
        """The blocks of the scenario but for its network."""
        scenario = self.scenario
        control, config = scenario.congestion_control, scenario.config
        rates_bps = config.nic_rates_bps(scenario.arrays)
        default = congestion_control(control.kind).resolve(*rates_bps, config.payload_bytes)
        blocks = {
            "congestion_control": {"kind": control.kind, **_given(control, default)},
            "network": _given(config, NetworkConfig().resolve(control.default_ecn)),
            "routing": scenario.routing,
            "seed": scenario.seed,
            "faults": [fault.model_dump() for fault in scenario.faults],
            "stop_us": None if scenario.stop_ns is None else scenario.stop_ns / NS_PER_US,
        }
        if isinstance(scenario.routing, BaseModel):
            blocks["routing"] = scenario.routing.model_dump()
        drawn = arguments_of(scenario.workload)
        if drawn is not None:
            until_ns = drawn.pop("until_ns")
            drawn["until_us"] = None if until_ns is None else until_ns / NS_PER_US
            if drawn["seed"] == scenario.seed:
                del drawn["seed"]
            blocks["workload"] = {"kind": "generated", **drawn}
        return blocks

    def build(self, overrides: Sequence[Override]) -> Scenario:
        for override in overrides:
            self._check(override)
        try:
            return self._built(apply_overrides(self.blocks, overrides))
        except KeyProblem as problem:
            raise locate(problem, "sweep", overrides) from None

    def _check(self, override: Override) -> None:
        name = override.key.partition(".")[0]
        if name == "workload" and "workload" not in self.blocks:
            raise ConfigError(
                f"{override}: expected a scenario whose flows m4graph.workload.generate made, or "
                "the file of a scenario (got a scenario of given flows)"
            )
        if name not in self.blocks:
            raise ConfigError(
                f"{override}: expected {one_of(self.blocks)} of a scenario made in Python; all "
                f"keys can be swept in its file, or in its blocks as a dict (got {name!r})"
            )

    def _built(self, blocks: Mapping[str, Any]) -> Scenario:
        scenario, drawn = self.scenario, blocks.get("workload")
        plain = {name: blocks[name] for name in ("congestion_control", "seed", "faults", "stop_us")}
        parsed = ScenarioFile.parse({"topology": {}, "workload": {}, **plain})
        workload = scenario.workload
        if drawn is not None:
            workload = workload_from_config(drawn, scenario.network, parsed.seed)
        return Scenario(
            network=scenario.network,
            workload=workload,
            congestion_control=parsed.congestion_control,
            config=blocks["network"],
            routing=blocks["routing"],
            seed=parsed.seed,
            name=scenario.name,
            faults=parsed.faults,
            stop_ns=None if parsed.stop_us is None else round(parsed.stop_us * NS_PER_US),
        )


def _given(model: BaseModel, default: BaseModel) -> dict[str, Any]:
    """What differs from the defaults, as a block."""
    found: dict[str, Any] = {}
    for name, plain in model.model_dump().items():
        value, usual = getattr(model, name), getattr(default, name)
        if value == usual:
            continue
        found[name] = _given(value, usual) if isinstance(value, EcnConfig) else plain
    return found


def built_at(source: Source, point: Point) -> Scenario:
    """Builds the scenario of a point.

    Raises:
        InputError: If it is not valid; the message starts with what was set.
    """
    overrides = point.overrides
    try:
        return source.build(overrides)
    except InputError as error:
        if str(error).startswith(tuple(map(str, overrides))):
            raise
        raise ConfigError(f"{point.flag} {point}: {error}") from None
