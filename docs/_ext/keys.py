"""The directive ``keys``: a table of the keys of a block, from the code that checks it.

::

    .. keys:: m4graph.workload.config:GeneratedBlock m4graph.workload:generate

The first is a pydantic model, a class or a function; what a key means is taken from its ``Args:``,
or else from those of its bases and of the other objects. A key that is explained nowhere is a
warning. ``.. keys:: registry m4graph.topology:TOPOLOGIES`` makes a table for each name.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any, NamedTuple, get_args, get_origin

from docutils import nodes
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

logger = logging.getLogger(__name__)

_ARGUMENT = re.compile(r"^    \*{0,2}(\w+)(?: \([^)]*\))?: (.*)$")
_BOUNDS = {"gt": "> {}", "ge": "≥ {}", "lt": "< {}", "le": "≤ {}"}
_DEFAULT = re.compile(r"\s*\(default: *(.*)\)\s*$", re.DOTALL)
_IN_YAML = {"``None``": "``null``", "``True``": "``true``", "``False``": "``false``"}
_HUGE = 10**6
"""Bounds this far out are there to keep products inside 64 bits."""


class Key(NamedTuple):
    """A row of the table."""

    name: str
    kind: str
    default: str
    meaning: str


class Keys(SphinxDirective):
    """Gives the table of one block, or of each name of a registry."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Reads the objects and writes the table."""
        given = self.arguments[0].split()
        if given[0] == "registry":
            text = _of_registry(_load(given[1]))
        else:
            text = _table([_load(each) for each in given])
        return self.parse_text_to_nodes("\n".join(text), allow_section_headings=True)


def keys(objects: list[Any]) -> list[Key]:
    """The keys of the first object, explained by it and by the others."""
    first, *others = objects
    own = _explanations([first])
    known = _explanations(others) | own
    rows = _fields(first) if _is_model(first) else _parameters(first)
    for name, *_ in rows:
        if name not in known:
            logger.warning("%s: no Args explains the key %s", first.__name__, name)
    return [
        Key(name, kind, _said_default(own.get(name, "")) or default, _DEFAULT.sub("", text))
        for name, kind, default in rows
        for text in [known.get(name, "")]
    ]


def _said_default(text: str) -> str:
    match = _DEFAULT.search(text)
    return match[1] if match else ""


def _explanations(objects: list[Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in objects:
        for cls in inspect.getmro(each) if inspect.isclass(each) else (each,):
            for name, text in arguments(cls).items():
                found.setdefault(name, text)
    return found


def arguments(obj: Any) -> dict[str, str]:
    """What the section ``Args`` of a docstring says of each argument, in words of YAML."""
    _, _, text = (inspect.cleandoc(obj.__doc__ or "") + "\n").partition("\nArgs:\n")
    found: dict[str, list[str]] = {}
    name = ""
    for line in text.splitlines():
        if line and not line.startswith(" "):
            break
        start = _ARGUMENT.match(line)
        if start:
            name = start[1]
            found[name] = [start[2]]
        elif name:
            found[name].append(line.strip())
    texts = {name: " ".join(lines).strip() for name, lines in found.items()}
    for python, yaml in _IN_YAML.items():
        texts = {name: text.replace(python, yaml) for name, text in texts.items()}
    return texts


def _is_model(obj: Any) -> bool:
    return inspect.isclass(obj) and issubclass(obj, BaseModel)


def _fields(model: type[BaseModel]) -> list[tuple[str, str, str]]:
    return [
        (name, _kind(field.annotation, _bounds(field)), _default(field))
        for name, field in model.model_fields.items()
        if name != "kind"
    ]


def _parameters(function: Any) -> list[tuple[str, str, str]]:
    signature = inspect.signature(function)
    return [
        (name, _kind(each.annotation, ""), _spelled(each.default, inspect.Parameter.empty))
        for name, each in signature.parameters.items()
        if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)
    ]


def _kind(annotation: Any, bounds: str) -> str:
    return f"{_type_name(annotation)}{', ' if bounds else ''}{bounds}"


def _type_name(annotation: Any) -> str:
    if isinstance(annotation, str):
        return annotation.replace(" | ", " or ").replace("None", "null")
    if annotation is type(None):
        return "null"
    if annotation is Any:
        return "any"
    arguments_of = get_args(annotation)
    if get_origin(annotation) in (list, tuple):
        return f"list of {_type_name(arguments_of[0])}" if arguments_of else "list"
    if get_origin(annotation) is dict or annotation is dict:
        return "block"
    if arguments_of:
        return " or ".join(
            f"``{each}``" if isinstance(each, str) else _type_name(each) for each in arguments_of
        )
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return "block"
    return str(getattr(annotation, "__name__", annotation))


def _bounds(field: FieldInfo) -> str:
    found = []
    for rule in field.metadata:
        for name, sign in _BOUNDS.items():
            bound = getattr(rule, name, None)
            if bound is not None and abs(bound) < _HUGE:
                found.append(sign.format(bound))
    return ", ".join(found)


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return "empty"
    return _spelled(field.default, PydanticUndefined)


def _spelled(value: Any, required: Any) -> str:
    if value is required:
        return "required"
    if isinstance(value, BaseModel):
        return "its defaults"
    words = {None: "null", True: "true", False: "false"}
    known = value is None or isinstance(value, bool)
    return f"``{words[value] if known else value}``"


def _table(objects: list[Any]) -> Iterator[str]:
    rows = keys(objects)
    if not rows:
        yield "No keys."
        return
    yield from (".. list-table::", "   :header-rows: 1", "   :widths: 24 22 14 40", "")
    yield from _row("Key", "Value", "Default", "What it is")
    for row in rows:
        yield from _row(f"``{row.name}``", row.kind, row.default, row.meaning)
    yield ""


def _row(*cells: str) -> Iterator[str]:
    for place, cell in enumerate(cells):
        yield f"   {'* -' if place == 0 else '  -'} {cell}"


def _of_registry(registry: Any) -> Iterator[str]:
    for name in registry.names():
        obj = registry.resolve(name)
        yield from (f"``kind: {name}``", "~" * (len(name) + 10), "")
        summary = inspect.cleandoc(obj.__doc__ or "").split("\n\n")[0].replace("\n", " ")
        yield from (summary, "")
        yield from _table([obj, *_explained_by(obj)])


def _explained_by(block: Any) -> list[Any]:
    """The functions that the docstrings of a block and its bases refer to."""
    return [
        _by_name(cls.__module__, name)
        for cls in (inspect.getmro(block) if inspect.isclass(block) else ())
        if cls.__module__.startswith("m4graph.")
        for name in re.findall(r":func:`\.?([\w.]+)`", cls.__doc__ or "")
    ]


def _by_name(module: str, name: str) -> Any:
    place, _, last = name.rpartition(".")
    return getattr(import_module(place or module), last)


def _load(dotted: str) -> Any:
    module, _, name = dotted.partition(":")
    return getattr(import_module(module), name)


def setup(app: Sphinx) -> dict[str, bool]:
    """Adds the directive."""
    app.add_directive("keys", Keys)
    return {"parallel_read_safe": True}
