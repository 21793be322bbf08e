"""Pages that stand elsewhere in the repository, as a whole or one section of them.

A page of the documentation holds a line ``<!-- from README.md: Faults -->``, or without a section
``<!-- from datasets/README.md -->``; in its place comes the text, with its links turned to where
their targets are from here: a page of the documentation, a file to download, or only text.
"""

from __future__ import annotations

import os
import re
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from sphinx.application import Sphinx
from sphinx.util import logging

logger = logging.getLogger(__name__)

_FROM = re.compile(r"^<!-- from ([\w./-]+\.md)(?:: (.+?))? -->$", re.MULTILINE)
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
_TO_PAGE = {
    "README.md": "index.md",
    "examples/README.md": "examples.md",
    "datasets/README.md": "guides/datasets.md",
    "configs/train/README.md": "guides/trainings.md",
}


def section(text: str, heading: str) -> str | None:
    """The text below a heading, up to the next one of its level; none if there is no such one."""
    tokens = MarkdownIt().parse(text)
    lines = text.splitlines()
    start: int | None = None
    level = ""
    for token, inline in pairwise(tokens):
        if token.type != "heading_open" or token.map is None:
            continue
        if start is not None and token.tag <= level:
            return "\n".join(lines[start : token.map[0]])
        if start is None and inline.content == heading:
            start, level = token.map[1], token.tag
    return None if start is None else "\n".join(lines[start:])


def _insert(app: Sphinx, docname: str, content: list[str]) -> None:
    here = Path(app.env.doc2path(docname))
    if here.suffix != ".md":
        return
    root = Path(app.srcdir).parent

    def text_of(match: re.Match[str]) -> str:
        page, heading = match.groups()
        path = root / page
        app.env.note_dependency(str(path))
        text: str | None = path.read_text(encoding="utf-8")
        if heading is not None:
            text = section(text or "", heading)
        if text is None:
            logger.warning("%s: no heading %r", page, heading, location=docname)
            return ""
        return _turned(text, path.parent, here.parent, root)

    content[0] = _FROM.sub(text_of, _turned(content[0], here.parent, here.parent, root))


def _turned(text: str, there: Path, here: Path, root: Path) -> str:
    """Turns the links of a text that stands in one folder to what they are in another."""
    fenced = {
        line
        for token in MarkdownIt().parse(text)
        if token.type in ("fence", "code_block") and token.map
        for line in range(*token.map)
    }
    return "\n".join(
        line if number in fenced else _LINK.sub(lambda link: _link(link, there, here, root), line)
        for number, line in enumerate(text.splitlines())
    )


def _link(link: re.Match[str], there: Path, here: Path, root: Path) -> str:
    image, text, target = link.groups()
    target, _, anchor = target.partition("#")
    path = (there / target).resolve()
    if not target or "://" in target or not path.exists():
        return link[0]
    page = _section_page(path, anchor, root) if anchor else ""
    if page:
        return f"[{text}](/{page})"
    page = _page(path, root)
    if page:
        anchor = f"#{anchor}" if anchor and path.is_relative_to(root / "docs") else ""
        return f"[{text}](/{page}{anchor})"
    if image:
        return f"![{text}]({os.path.relpath(path, here)})"
    if path.is_file():
        return f"{{download}}`{text.strip('`')} <{os.path.relpath(path, here)}>`"
    return text


def _page(path: Path, root: Path) -> str:
    """The page of the documentation that shows a file; ``""`` if none does."""
    if not path.is_relative_to(root):
        return ""
    inside = path.relative_to(root).as_posix()
    if inside.startswith("docs/") and path.suffix in (".md", ".rst", ".ipynb"):
        return inside.removeprefix("docs/")
    return _TO_PAGE.get(inside, "")


def _section_page(path: Path, anchor: str, root: Path) -> str:
    """The page of the documentation that takes in a section; ``""`` if none does."""
    wanted = path.relative_to(root).as_posix() if path.is_relative_to(root) else ""
    for page in sorted((root / "docs").rglob("*.md")):
        for source, heading in _FROM.findall(page.read_text(encoding="utf-8")):
            if source == wanted and heading.lower().replace(" ", "-") == anchor:
                return page.relative_to(root / "docs").as_posix()
    return ""


def setup(app: Sphinx) -> dict[str, bool]:
    """Fills pages in before they are parsed."""
    app.connect("source-read", _insert)
    return {"parallel_read_safe": True}
