"""Reads Markdown pages for the tests that run what stands in them."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt


class Block(NamedTuple):
    """A fenced block: its language (``""``: none is named), its text and its line in the page."""

    language: str
    text: str
    line: int


def blocks(path: Path) -> list[Block]:
    """The fenced blocks of a page, in order, also those inside lists."""
    tokens = MarkdownIt().parse(path.read_text(encoding="utf-8"))
    return [
        Block(token.info.strip(), token.content, (token.map or [0])[0] + 1)
        for token in tokens
        if token.type == "fence"
    ]
