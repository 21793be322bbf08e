"""The directive ``commands``: the command line, from the very objects that parse it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import typer
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from m4graph.cli.app import app as command_line


class Commands(SphinxDirective):
    """Gives a section for each command of ``m4graph``."""

    def run(self) -> list[nodes.Node]:
        """Walks through the commands and those below them."""
        root = typer.main.get_command(command_line)
        text = "\n".join(_group("m4graph", root))
        return self.parse_text_to_nodes(text, allow_section_headings=True)


def _group(path: str, group: Any) -> Iterator[str]:
    context = group.context_class(group, info_name=path)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        full = f"{path} {name}"
        yield from (full, "-" * len(full), "")
        if hasattr(command, "list_commands"):
            yield from (command.help or "", "")
            yield from (line for line in _group(full, command))
        else:
            yield from _command(full, command)


def _command(path: str, command: Any) -> Iterator[str]:
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    options = [each for each in command.params if each.param_type_name == "option"]
    usage = " ".join([path, *(_in_usage(each) for each in arguments), "[OPTIONS]"])
    yield from (".. code-block:: none", "", f"   {usage}", "")
    yield from ((command.help or "").replace("\n", " "), "")
    yield from (f".. program:: {path}", "")
    for each in arguments:
        yield from (f".. option:: {each.metavar or each.name.upper()}", "", f"   {_text(each)}", "")
    for each in options:
        yield from (f".. option:: {_spelled(each)}", "", f"   {_text(each)}", "")


def _in_usage(argument: Any) -> str:
    name = argument.metavar or argument.name.upper()
    return name if argument.required else f"[{name}]"


def _spelled(option: Any) -> str:
    value = "" if option.is_flag else f" {option.metavar or option.name.upper()}"
    return ", ".join(f"{name}{value}" for name in (*option.opts, *option.secondary_opts))


def _text(parameter: Any) -> str:
    default = parameter.default
    shown = "" if default in (None, False) or callable(default) else f" (default: ``{default}``)"
    again = " May be given several times." if getattr(parameter, "multiple", False) else ""
    text = re.sub(r"(?<!\w)--?[a-z][\w-]*", r"``\g<0>``", parameter.help or "")
    return f"{text}{again}{shown}"


def setup(app: Sphinx) -> dict[str, bool]:
    """Adds the directive."""
    app.add_directive("commands", Commands)
    return {"parallel_read_safe": True}
