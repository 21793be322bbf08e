"""References in docstrings: to where a name is documented, whatever the docstring calls it.

A docstring names things as its own module sees them, and modules do not stand in the reference:
only the names do that they export. So what Sphinx does not find is looked for by its last part.
What is internal is shown without a link; what does not exist is a warning.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from docutils import nodes
from public import homes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.domains.python import ObjectEntry
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.nodes import make_refnode

import m4graph

logger = logging.getLogger(__name__)

_OF_INSTANCES = ("attr", "obj")
"""Roles of what a class may not show."""


def _resolve(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.TextElement
) -> nodes.reference | None:
    if node.get("refdomain") != "py":
        return None
    target = node["reftarget"]
    if target in homes().values():
        logger.warning("%s: public, but on no page", target, location=node)
    found = _documented(env, target)
    if found is not None:
        return make_refnode(
            app.builder, node["refdoc"], found.docname, found.node_id, content, target
        )
    if _is_written(node) and target.rpartition(".")[2] not in _names():
        logger.warning("no such name: %s", target, location=node)
    return None


def _documented(env: BuildEnvironment, target: str) -> ObjectEntry | None:
    """The only place of a name, or of a class and its member."""
    parts = target.split(".")
    if parts[0] not in ("m4graph", *parts[-2:]):
        return None
    objects = env.domains.python_domain.objects
    for ending in (".".join(parts[-2:]), parts[-1]):
        entries = [entry for name, entry in objects.items() if f".{name}".endswith(f".{ending}")]
        if len({(entry.docname, entry.node_id) for entry in entries}) == 1:
            return entries[0]
    return None


def _is_written(node: pending_xref) -> bool:
    """Whether somebody wrote it as a name of m4graph; types of arguments may be of anywhere."""
    if "refwarn" not in node or node.get("refspecific") or node["reftype"] in _OF_INSTANCES:
        return False
    return node["reftarget"].partition(".")[0] in ("m4graph", node["reftarget"])


@cache
def _names() -> frozenset[str]:
    """All names that are written somewhere in m4graph: modules, classes, functions, variables."""
    names: set[str] = {"m4graph"}
    for file in Path(m4graph.__file__).parent.rglob("*.py"):
        names |= {file.stem, file.parent.name}
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                names.add(node.name)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names.add(node.id)
            elif isinstance(node, ast.alias):
                names.add(node.asname or node.name)
    return frozenset(names)


def setup(app: Sphinx) -> dict[str, bool]:
    """Looks for what Sphinx has not found."""
    app.connect("missing-reference", _resolve)
    return {"parallel_read_safe": True}
