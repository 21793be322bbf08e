"""Strict YAML: no duplicate keys, text keys only, and overrides by dotted key.

Scalars are read as YAML 1.2 has them: ``yes`` and ``010`` are text, ``1e9`` is a number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from m4graph.core.errors import ConfigError, InputError
from m4graph.core.schema import KeyProblem, spell

_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9_]*|0x[0-9a-fA-F]+)$")
_FLOAT = re.compile(
    r"[-+]?(?:(?:(?:0|[1-9][0-9_]*)(?:\.[0-9_]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|\.(?:inf|Inf|INF))$"
    r"|\.(?:nan|NaN|NAN)$"
)
_RESOLVERS: list[tuple[str, re.Pattern[str], Sequence[str]]] = [
    ("null", re.compile(r"(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""]),
    ("bool", re.compile(r"(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")),
    ("int", _INTEGER, list("-+0123456789")),
    ("float", _FLOAT, list("-+.0123456789")),
    ("merge", re.compile(r"<<$"), ["<"]),
]


_MAX_REPEATED = 100_000
"""Values that aliases may add to a file: ten lines of them can stand for a billion."""


_MAX_INTEGER_BITS = 1024


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's own class attribute

    anchors_used = False

    def get_single_node(self) -> yaml.Node | None:
        node = super().get_single_node()
        if self.anchors_used:
            _check_aliases(node)
        return node

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self.anchors_used |= self.check_event(yaml.AliasEvent)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                problem = f"a key that is not text, {spell(key)}"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key_node.start_mark)
            if key in seen:
                problem = f"the key {key!r} twice"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key_node.start_mark)
            seen.add(key)
        return dict(super().construct_mapping(node, deep))


def _integer(loader: _Loader, node: yaml.ScalarNode) -> int:
    value = int(loader.construct_yaml_int(node))
    if value.bit_length() > _MAX_INTEGER_BITS:  # Python would not even print it.
        problem = f"an integer of {value.bit_length()} bits"
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
    return value


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]
    """Quotes text that this module's loader, or one of YAML 1.1, would read as something else."""

    def ignore_aliases(self, data: object) -> bool:
        return True


_Loader.add_constructor("tag:yaml.org,2002:int", _integer)
for _tag, _pattern, _first in _RESOLVERS:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", _pattern, _first)
    _Dumper.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", _pattern, _first)


@dataclass(frozen=True)
class Override:
    """A key that is set from the command line.

    Args:
        key (str): Dotted path, as in ``"network.ecn.pmax"``.
        text (str): The value, in YAML.
        flag (str): The option of the command that sets it. (default: ``"--set"``)
    """

    key: str
    text: str
    flag: str = "--set"

    @classmethod
    def parse(cls, argument: str, flag: str = "--set") -> Override:
        """Reads ``key=value``.

        Raises:
            ConfigError: If it is something else.
        """
        key, equals, text = argument.partition("=")
        if not equals or not all(key.strip().split(".")) or re.search(r"\s", key.strip()):
            raise ConfigError(f"{flag} {argument}: expected key=value (got {argument!r})")
        return cls(key.strip(), text, flag)

    def __str__(self) -> str:
        return f"{self.flag} {self.key}={self.text}"


def read_yaml(path: Path) -> dict[str, Any]:
    """Reads a file that holds one block of keys.

    Raises:
        InputError: If the file cannot be read, is no YAML, or holds something else; names the
            file and the line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        problem = error.strerror or str(error)
        raise InputError(f"{path}: expected a file to read (got {problem})") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: expected text in UTF-8 (got {error})") from None
    data = parse_yaml(text, str(path))
    if not isinstance(data, dict):
        what = "an empty file" if data is None else spell(data)
        raise InputError(f"{path}: expected a block of keys (got {what})")
    return data


def write_yaml(path: Path, data: dict[str, Any]) -> None:
    """Writes a block of keys, in its order; :func:`read_yaml` gives the same values back."""
    text = yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True)
    path.write_text(text, encoding="utf-8")


def parse_yaml(text: str, where: str) -> Any:
    """Gives the value that a text in YAML stands for.

    Args:
        text (str): The text.
        where (str): What messages start with, as a file's name.

    Raises:
        ConfigError: If it is no YAML.
    """
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = "" if error.problem_mark is None else f", line {error.problem_mark.line + 1}"
        got = " ".join((error.problem or error.context or "an error").split())
        raise ConfigError(f"{where}{line}: expected YAML (got {got})") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        got = " ".join(str(error).split())
        raise ConfigError(f"{where}: expected YAML (got {got})") from None


def apply_overrides(data: dict[str, Any], overrides: Iterable[Override]) -> dict[str, Any]:
    """Gives the block with keys set; blocks that are not there yet are made.

    An entry of a list is named by its index, from 0, as in ``faults.0.at_us``. Whether a key is
    known is for the models to say.

    Raises:
        ConfigError: If a value is no YAML, or a key lies inside something that is no block.
    """
    result = dict(data)
    for override in overrides:
        value = parse_yaml(override.text, str(override))
        *path, last = override.key.split(".")
        block: dict[str, Any] | list[Any] = result
        for depth, name in enumerate(path):
            part = _part(block, name, override, ".".join(path[:depth]))
            inner = block.get(name, {}) if isinstance(block, dict) else block[part]
            if not isinstance(inner, dict | list):
                where = ".".join(path[: depth + 1])
                raise ConfigError(
                    f"{override}: expected {where} to be a block of keys (got {spell(inner)})"
                )
            block[part] = inner.copy()
            block = block[part]
        block[_part(block, last, override, ".".join(path))] = value
    return result


def _part(block: dict[str, Any] | list[Any], name: str, override: Override, where: str) -> Any:
    """The key of a block, or the index in a list, that a part of an override's key names."""
    if isinstance(block, dict):
        return name
    if not (name.isdecimal() and int(name) < len(block)):
        raise ConfigError(
            f"{override}: expected the index of an entry of {where}, below {len(block)} "
            f"(got {name!r})"
        )
    return int(name)


def locate(problem: KeyProblem, source: str, overrides: Iterable[Override]) -> ConfigError:
    """Turns a bad key into an error that names where the key stands: the file, or an override."""
    set_here = ""
    for override in overrides:
        if _inside(problem.key, override.key):
            return ConfigError(f"{override}: {problem}")
        if _inside(override.key, problem.key):
            set_here = f" ({override})"
    return ConfigError(f"{source}{set_here}: {problem}")


def _inside(key: str, block: str) -> bool:
    return key == block or key.startswith(block + ".")


def _check_aliases(root: yaml.Node | None) -> None:
    """Refuses aliases that add too much, or that stand inside of what they name."""
    sizes: dict[int, int] = {}

    def size(node: yaml.Node) -> int:
        if id(node) in sizes:
            if not sizes[id(node)]:
                problem = "an alias inside of what it names"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
            return sizes[id(node)]
        sizes[id(node)] = 0
        total = 1
        for child in node.value if isinstance(node, yaml.CollectionNode) else ():
            total += sum(map(size, child)) if isinstance(child, tuple) else size(child)
        sizes[id(node)] = total
        return total

    if root is not None and size(root) > len(sizes) + _MAX_REPEATED:
        problem = f"aliases that repeat more than {_MAX_REPEATED} values"
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=root.start_mark)
