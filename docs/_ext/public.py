"""The public names of m4graph, and the one place where each of them is documented."""

from __future__ import annotations

import ast
import inspect
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from sphinx.pycode import ModuleAnalyzer

from m4graph.core.registry import Registry

MODULES = (
    "m4graph",
    "m4graph.topology",
    "m4graph.workload",
    "m4graph.workload.collectives",
    "m4graph.workload.programs",
    "m4graph.jobs",
    "m4graph.sweeps",
    "m4graph.rl",
    "m4graph.routing",
    "m4graph.congestion",
    "m4graph.scenario",
    "m4graph.scenario.tcp",
    "m4graph.scenario.queueing",
    "m4graph.scenario.faults",
    "m4graph.simulators",
    "m4graph.simulators.packet",
    "m4graph.simulators.packet.link_hook",
    "m4graph.simulators.packet.congestion",
    "m4graph.results",
    "m4graph.metrics",
    "m4graph.graph",
    "m4graph.runs",
    "m4graph.graph.schema",
    "m4graph.nn",
    "m4graph.nn.conv",
    "m4graph.nn.heads",
    "m4graph.checkpoint",
    "m4graph.zoo",
    "m4graph.datasets",
    "m4graph.datasets.making.distributions",
    "m4graph.datasets.making.laws",
    "m4graph.training",
    "m4graph.training.common",
    "m4graph.training.config",
    "m4graph.training.fit",
    "m4graph.training.publish",
    "m4graph.training.calibration",
    "m4graph.learned",
    "m4graph.mimic",
    "m4graph.mimic.models",
    "m4graph.mimic.many",
    "m4graph.convert",
    "m4graph.evaluation",
    "m4graph.evaluation.suites",
    "m4graph.report",
    "m4graph.testing",
    "m4graph.core.registry",
    "m4graph.core.blocks",
    "m4graph.core.checks",
    "m4graph.core.schema",
    "m4graph.core.rng",
    "m4graph.core.errors",
)
"""Every module with a place in the API reference; a name is documented in the first that has it."""


def modules() -> list[str]:
    """Those of :data:`MODULES` that exist."""
    specs = {name: find_spec(name) for name in MODULES}
    return [name for name, spec in specs.items() if spec is not None and spec.origin is not None]


@cache
def public_names(module: str) -> tuple[str, ...]:
    """What ``__all__`` lists, but modules; without it, what the module defines."""
    loaded = import_module(module)
    listed = getattr(loaded, "__all__", None)
    if listed is None:
        constants = {name for (owner, name) in attribute_docs(module) if not owner}
        own = {
            name
            for name, value in vars(loaded).items()
            if isinstance(value, Registry)
            or (getattr(value, "__module__", None) == module and callable(value))
        }
        listed = sorted(constants | own)
    return tuple(
        name
        for name in listed
        if not name.startswith("_") and not isinstance(getattr(loaded, name), ModuleType)
    )


@cache
def homes() -> dict[tuple[str, str], str]:
    """Where a name is defined (module, name), to the name under which it is documented."""
    found: dict[tuple[str, str], str] = {}
    for module in modules():
        for name in public_names(module):
            found.setdefault(origin(module, name), f"{module}.{name}")
    return found


def home(module: str, name: str) -> str | None:
    """The documented name of what a module calls ``name``; none if it is not public."""
    return homes().get(origin(module, name))


@cache
def origin(module: str, name: str) -> tuple[str, str]:
    """The module that defines a name, and its name there."""
    value = getattr(import_module(module), name)
    if inspect.isclass(value) or inspect.isroutine(value):
        return value.__module__, value.__name__
    lazy = getattr(import_module(module), "_NAMES", {})
    if name in lazy:
        return origin(lazy[name], name)
    for node in ast.walk(ast.parse(_source(module))):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return origin(node.module, alias.name)
    return module, name


def attribute_docs(module: str) -> dict[tuple[str, str], list[str]]:
    """The strings that stand below constants: (class or ``""``, name) to lines."""
    analyzer = ModuleAnalyzer.for_module(module)
    analyzer.analyze()
    return analyzer.attr_docs


@cache
def _source(module: str) -> str:
    return ModuleAnalyzer.for_module(module).code
