"""References in docstrings: to where a name is documented, whatever the docstring calls it.

A docstring names things as its own module sees them, and modules do not stand in the reference:
only the names do that they export. What is internal is shown without a link; what does not exist
is a warning, but for attributes, which may belong to instances, and for names with a leading dot.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from docutils import nodes
from public import home, homes, modules
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.nodes import make_refnode

logger = logging.getLogger(__name__)

_ROLE = re.compile(r":(class|func|meth|data|mod|attr|exc|obj):`([~.]*)([\w.]+)`")


def with_links(text: str, module: str, owner: Any = None) -> str:
    """Replaces the references of a docstring.

    Args:
        text (str): The docstring, or a line of it.
        module (str): Where it stands.
        owner (type, optional): The class that it stands in.
    """

    def replace(match: re.Match[str]) -> str:
        role, prefix, name = match.groups()
        shown = name.rpartition(".")[2] if "~" in prefix else name
        target = _find(name, module, owner)
        if target is None:
            unknown = role not in ("attr", "obj") and "." not in prefix
            if unknown and name.split(".")[0] in ("m4graph", name):
                logger.warning("%s: no such name: %s", module, match[0])
            return f"``{shown}``"
        return f":py:{role}:`{shown} <{target}>`" if target else f"``{shown}``"

    return _ROLE.sub(replace, text)


def _find(name: str, module: str, owner: Any) -> str | None:
    """The documented name; ``""`` if the name is internal, ``None`` if there is none."""
    if owner is not None and _has(owner, name.split(".")[0]):
        return _member(owner, name)
    for start in (module, ""):
        found = _walk(start, name)
        if found is not None:
            return found
    ends = [full for full in homes().values() if full.endswith("." + name)]
    if ends:
        return ends[0]
    return "" if _is_module(f"{module.rpartition('.')[0]}.{name}") else None


def _walk(start: str, name: str) -> str | None:
    """Follows a dotted name from a module; from ``""``, as an import would."""
    if not start:
        parts = name.split(".")
        for length in range(len(parts), 0, -1):
            place = ".".join(parts[:length])
            if _is_module(place):
                if length == len(parts):
                    return place if place in modules() else ""
                return _walk(place, ".".join(parts[length:]))
        return None
    head, _, tail = name.partition(".")
    value = getattr(sys.modules.get(start) or import_module(start), head, None)
    if value is None:
        return None
    if inspect.ismodule(value):
        return _walk("", f"{value.__name__}.{tail}" if tail else value.__name__)
    if tail:
        return _member(value, tail) if _has(value, tail) else None
    return home(start, head) or ""


def _member(owner: Any, name: str) -> str:
    for cls in inspect.getmro(owner) if inspect.isclass(owner) else ():
        public = home(cls.__module__, cls.__name__) if _is_top_level(cls) else None
        if name in vars(cls) and public and not _is_field(cls, name):
            return f"{public}.{name}" if not name.startswith("_") else ""
    return ""


def _has(owner: Any, name: str) -> bool:
    return hasattr(owner, name) or any(
        name in getattr(cls, "__annotations__", {}) for cls in inspect.getmro(owner)
    )


def _is_field(cls: Any, name: str) -> bool:
    return (
        name in {field.name for field in dataclasses.fields(cls)}
        if (dataclasses.is_dataclass(cls))
        else False
    )


def _is_top_level(cls: Any) -> bool:
    return getattr(sys.modules.get(cls.__module__), cls.__name__, None) is cls


def _is_module(name: str) -> bool:
    try:
        return bool(name) and find_spec(name) is not None
    except (ImportError, AttributeError, ValueError):
        return False


def _rewrite(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    module, owner = _place(what, name, obj)
    lines[:] = with_links("\n".join(lines), module, owner).split("\n")


def _place(what: str, name: str, obj: Any) -> tuple[str, Any]:
    if what == "module":
        return name, None
    if inspect.isclass(obj):
        return obj.__module__, obj
    function = getattr(obj, "fget", None) or getattr(obj, "func", None) or obj
    owner = None
    if what in ("method", "property", "attribute"):
        path = name.rpartition(".")[0]
        place, _, cls = path.rpartition(".")
        owner = getattr(import_module(place), cls)
    module = getattr(function, "__module__", None) or getattr(owner, "__module__", None)
    return module or "m4graph", owner


def _resolve_type(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.TextElement
) -> nodes.reference | None:
    """Links the names of types in signatures and arguments, which may be short or internal."""
    if node.get("refdomain") != "py":
        return None
    target = node["reftarget"]
    if target in homes().values():
        logger.warning("%s: public, but on no page", target, location=node)
    last = target.rpartition(".")[2]
    found = [full for full in homes().values() if full.rpartition(".")[2] == last]
    if len(found) != 1 or not (target == last or target.startswith("m4graph.")):
        return None
    entry = env.domains.python_domain.objects.get(found[0])
    if entry is None:
        return None
    return make_refnode(
        app.builder, node["refdoc"], entry.docname, entry.node_id, content, found[0]
    )


def setup(app: Sphinx) -> dict[str, bool]:
    """Rewrites docstrings before napoleon reads them."""
    app.connect("autodoc-process-docstring", _rewrite, priority=400)
    app.connect("missing-reference", _resolve_type)
    return {"parallel_read_safe": True}
