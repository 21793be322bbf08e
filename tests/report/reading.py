"""What a written report holds."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

_CONTENT = re.compile(r'<script type="application/json" id="content">(.*?)</script>', re.DOTALL)


def content_of(path: Path) -> dict[str, Any]:
    """The values that a page's scripts draw."""
    (text,) = _CONTENT.findall(path.read_text(encoding="utf-8"))
    return dict(json.loads(text))


def section_of(content: dict[str, Any], title: str) -> dict[str, Any]:
    """The section with a heading."""
    (found,) = [each for each in content["sections"] if each["title"] == title]
    return dict(found)


def column_of(section: dict[str, Any], name: str) -> list[Any]:
    """A column of a table."""
    (found,) = [each for each in section["columns"] if each["name"] == name]
    return list(found["values"])
