"""The points of a sweep: every combination of the values of its keys."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from m4graph.core.errors import ConfigError
from m4graph.core.schema import spell
from m4graph.core.yaml_file import Override, parse_yaml


@dataclass(frozen=True)
class Point:
    """One value of each key.

    Args:
        values (Mapping): Plain values, as YAML has them, by dotted key.
        flag (str): What messages say that they were given by.
    """

    values: Mapping[str, Any]
    flag: str

    @property
    def overrides(self) -> list[Override]:
        """What sets the values in a scenario's blocks."""
        return [Override(key, json.dumps(each), self.flag) for key, each in self.values.items()]

    @property
    def cells(self) -> dict[str, Any]:
        """The values for a table: lists and blocks as text."""
        return {
            key: json.dumps(value) if isinstance(value, list | dict) else value
            for key, value in self.values.items()
        }

    def __str__(self) -> str:
        return ", ".join(f"{key}={json.dumps(value)}" for key, value in self.values.items())


def make_points(values: Mapping[str, Iterable[Any]], flag: str = "sweep") -> list[Point]:
    """All combinations, those of the last key side by side.

    Args:
        values (Mapping): The values of each dotted key.
        flag (str): What messages say that they were given by. (default: ``"sweep"``)

    Raises:
        ConfigError: If there is no key, or a key has no values, one twice, or one that YAML does
            not have; names the key.
    """
    if not isinstance(values, Mapping) or not values:
        raise ConfigError(
            f"{flag}: expected keys with their values, as in "
            f"{{'workload.load': [0.3, 0.5]}} (got {_shown(values)})"
        )
    plain = {key: _plain_values(f"{flag} {key}", each) for key, each in values.items()}
    return [Point(dict(zip(plain, each, strict=True)), flag) for each in product(*plain.values())]


def read_values(settings: Iterable[str], flag: str = "--set") -> dict[str, list[Any]]:
    """Reads ``key=value,value,...``, each value in YAML.

    Raises:
        ConfigError: If a setting is something else, or a key comes twice.
    """
    found: dict[str, list[Any]] = {}
    for setting in settings:
        given = Override.parse(setting, flag)
        if given.key in found:
            raise ConfigError(f"{given}: expected each key once (got {given.key} twice)")
        found[given.key] = parse_yaml(f"[{given.text}]", str(given))
    return found


def _plain_values(where: str, values: Iterable[Any]) -> list[Any]:
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise ConfigError(f"{where}: expected a list of values (got {_shown(values)})")
    plain = [_plain(where, value) for value in values]
    if not plain:
        raise ConfigError(f"{where}: expected one value or more (got none)")
    texts = [json.dumps(value) for value in plain]
    for text in texts:
        if texts.count(text) > 1:
            raise ConfigError(f"{where}: expected each value once (got {text} twice)")
    return plain


def _plain(where: str, value: Any) -> Any:
    """A value as YAML has it."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, list | tuple):
        return [_plain(where, each) for each in value]
    if isinstance(value, Mapping):
        return {str(name): _plain(where, each) for name, each in value.items()}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ConfigError(
        f"{where}: expected values as YAML has them, as numbers, text and blocks "
        f"(got one of type {type(value).__name__})"
    )


def _shown(value: object) -> str:
    return "none" if value == {} else spell(value)
