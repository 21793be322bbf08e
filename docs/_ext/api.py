"""The directive ``public``: the public names of a module, in groups, each with its docstring.

::

    .. public:: m4graph.topology

       Generators: fat_tree leaf_spine clos
       A graph of your own: from_networkx validate

Names that no group has come last, so that nothing that is public is missing. Names that another
module documents are listed with a link.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from docutils import nodes
from public import attribute_docs, home, modules, origin, public_names
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from m4graph.core.registry import Registry

logger = logging.getLogger(__name__)


class PublicNames(SphinxDirective):
    """Documents the public names of one module."""

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        """Gives a section for each group."""
        module = self.arguments[0]
        depth = sum(isinstance(node, nodes.section) for node in _ancestors(self.state.parent))
        text = "\n".join(_page(module, self._groups(module), "=-~^"[depth]))
        return self.parse_text_to_nodes(text, allow_section_headings=True)

    def _groups(self, module: str) -> dict[str, list[str]]:
        groups: dict[str, list[str]] = {}
        for line in self.content:
            title, colon, names = line.partition(":")
            if colon:
                groups[title] = names.split()
            else:
                groups[next(reversed(groups))] += line.split()
        left = list(public_names(module))
        for name in [name for names in groups.values() for name in names]:
            if name in left:
                left.remove(name)
            else:
                self._warn(f"{module}.{name}: not public, or named twice")
        if left:
            groups["More" if groups else ""] = left
        return groups

    def _warn(self, message: str) -> None:
        logger.warning(message, location=self.get_location())


def _ancestors(node: nodes.Element | None) -> Iterator[nodes.Element]:
    while node is not None:
        yield node
        node = node.parent


def _page(module: str, groups: dict[str, list[str]], underline: str) -> Iterator[str]:
    for title, names in groups.items():
        if title:
            yield from (title, underline * len(title), "")
        yield from _table(module, names)
        for name in names:
            if home(module, name) == f"{module}.{name}":
                yield from (*_entry(module, name), "")


def _table(module: str, names: list[str]) -> Iterator[str]:
    yield from (".. list-table::", "   :widths: 35 65", "   :class: names", "")
    for name in names:
        role = "func" if inspect.isroutine(_value(module, name)) else "obj"
        yield f"   * - :py:{role}:`{name} <{home(module, name)}>`"
        yield f"     - {_first_sentence(module, name)}"
    yield ""


def _first_sentence(module: str, name: str) -> str:
    lines: list[str] = []
    for line in _doc(module, name):
        if not line.strip():
            break
        lines.append(line.strip())
    sentence, end, _ = (" ".join(lines) + " ").partition(". ")
    return sentence.strip() + (end and ".")


def _doc(module: str, name: str) -> list[str]:
    value = _value(module, name)
    if _is_data(value):
        where, original = origin(module, name)
        default = [f"Every {value.kind.replace('_', ' ')} by name."] if _is_registry(value) else []
        return attribute_docs(where).get(("", original), default)
    return (inspect.getdoc(value) or "").splitlines()


def _entry(module: str, name: str) -> Iterator[str]:
    value, full = _value(module, name), f"{module}.{name}"
    if _is_data(value):
        yield from _data_entry(module, name, value)
    elif inspect.isclass(value):
        kind = "exception" if issubclass(value, BaseException) else "class"
        yield from (f".. auto{kind}:: {full}", "   :members:")
        if any(base.__module__.startswith("m4graph.") for base in value.__bases__):
            yield "   :show-inheritance:"
    else:
        yield f".. autofunction:: {full}"


def _data_entry(module: str, name: str, value: Any) -> Iterator[str]:
    yield from (f".. py:data:: {name}", f"   :module: {module}")
    if not _is_registry(value) and len(repr(value)) < 200:
        yield f"   :value: {value!r}"
    yield ""
    doc = _doc(module, name)
    if not doc:
        logger.warning("%s.%s: no string below the constant says what it is", module, name)
    yield from (f"   {line}" for line in doc)
    if _is_registry(value):
        yield from ("", "   Names: " + ", ".join(f"``{each}``" for each in value.names()) + ".")


def _value(module: str, name: str) -> Any:
    return getattr(import_module(module), name)


def _is_data(value: Any) -> bool:
    return not (inspect.isclass(value) or inspect.isroutine(value))


def _is_registry(value: Any) -> bool:
    return isinstance(value, Registry)


def _note_other_names(app: Sphinx, env: BuildEnvironment) -> None:
    """Makes names findable in every module that has them, not only where they are documented."""
    objects = env.domains.python_domain.objects
    for module in modules():
        for name in public_names(module):
            full, documented = f"{module}.{name}", objects.get(home(module, name) or "")
            if full not in objects and documented is not None:
                objects[full] = documented._replace(aliased=True)


def _skip_fields(
    app: Sphinx, what: str, name: str, obj: Any, skip: bool, options: Any
) -> bool | None:
    """Leaves out the fields of named tuples, whose docstring only counts them."""
    return True if type(obj).__name__ == "_tuplegetter" else None


def _plain_signature(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, signature: str, returns: str
) -> tuple[str, str] | None:
    """Gives a block of a configuration a signature without the rules for its keys."""
    if not (inspect.isclass(obj) and issubclass(obj, BaseModel)):
        return None
    fields = {key: field for key, field in obj.model_fields.items() if key != "kind"}
    keys = [key if f.is_required() else f"{key}={_default(f)}" for key, f in fields.items()]
    return f"({', '.join(['*', *keys] if keys else [])})", ""


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    return f"{type(value).__name__}()" if isinstance(value, BaseModel) else repr(value)


def setup(app: Sphinx) -> dict[str, bool]:
    """Adds the directive."""
    app.add_directive("public", PublicNames)
    app.connect("autodoc-skip-member", _skip_fields)
    app.connect("autodoc-process-signature", _plain_signature)
    app.connect("env-updated", _note_other_names)
    return {"parallel_read_safe": True}
