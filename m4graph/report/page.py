"""A page: what it shows, and the HTML file that shows it."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from m4graph.core.errors import InputError
from m4graph.core.files import whole_file
from m4graph.evaluation.plots.figure import simulator_colours
from m4graph.evaluation.tables import made_by
from m4graph.simulators import TRUTH

_SCRIPTS = ("dom", "axes", "chart", "table", "network", "series", "page")
"""Files of ``assets``, each of which uses those before it."""


@dataclass(frozen=True)
class Page:
    """What a report shows, in plain values; its scripts draw it.

    Args:
        title (str): The heading.
        facts (Sequence): What was simulated: pairs of a name and a text.
        sections (Sequence[Mapping]): What stands below, in that order, each with its ``kind``:
            ``table``, ``chart``, ``network`` or ``series``.
        simulators (Sequence[str]): Those that have a colour.
        truth (str, optional): Which of them the others are measured against, drawn in the colour
            of text. (default: ``None``)
        notes (Sequence[str]): What a reader must know, each a sentence. (default: none)
        flows (Mapping, optional): Columns of flows, which charts and tables share. (default: none)
    """

    title: str
    facts: Sequence[tuple[str, str]]
    sections: Sequence[Mapping[str, Any]]
    simulators: Sequence[str]
    truth: str | None = None
    notes: Sequence[str] = ()
    flows: Mapping[str, Any] = field(default_factory=dict)

    def html(self) -> str:
        """The page: one file that asks no network for anything, and runs no scripts but its own."""
        library = _asset("vendor/echarts.min.js")
        own = "\n".join(_asset(f"{name}.js") for name in _SCRIPTS)
        scripts = [library, f'(() => {{\n"use strict";\n{own}\n}})();']
        return Template(_asset("page.html")).substitute(
            title=html.escape(self.title),
            hashes=" ".join(_source_hash(each) for each in scripts),
            style=_asset("page.css"),
            content=_inside_script(self._content()),
            library=scripts[0],
            script=scripts[1],
        )

    def write(self, path: Path) -> None:
        """Writes :meth:`html`; the file appears whole or not at all.

        Raises:
            InputError: If nothing can be written there.
        """
        text = self.html()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(path) as half:
                half.write_text(text, encoding="utf-8")
        except OSError as error:
            problem = error.strerror or error
            raise InputError(f"{path}: expected a file to write (got {problem})") from None

    def _content(self) -> dict[str, Any]:
        black = TRUTH if self.truth is None else self.truth
        colours = simulator_colours(name for name in self.simulators if name != black)
        return {
            "title": self.title,
            "facts": list(self.facts),
            "notes": list(self.notes),
            "sections": list(self.sections),
            "flows": dict(self.flows),
            "truth": self.truth,
            "black": black,
            "colours": colours,
            "made_by": made_by(),
        }


def _asset(name: str) -> str:
    return files("m4graph.report").joinpath("assets", *name.split("/")).read_text(encoding="utf-8")


def _source_hash(script: str) -> str:
    """What a page's security policy calls a script that may run."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def _inside_script(content: Mapping[str, Any]) -> str:
    """JSON in which nothing ends the element that it stands in."""
    text = json.dumps(content, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    return text.replace("<", "\\u003c")
