"""``conversion.json``: where a converted folder comes from, and what was lost on the way."""

from __future__ import annotations

import json
from pathlib import Path

from m4graph.core.calls import plain_call
from m4graph.core.provenance import provenance

ORIGIN_FILE = "conversion.json"


@plain_call
def write_origin(folder: Path, source: Path, notes: list[str]) -> None:
    """Writes ``conversion.json``.

    Args:
        folder (Path): The folder that was made.
        source (Path): What it was made of.
        notes (list of str): What was left out or taken otherwise.
    """
    origin = {"source": str(source), "notes": notes, **provenance()}
    text = json.dumps(origin, indent=2) + "\n"
    (folder / ORIGIN_FILE).write_text(text, encoding="utf-8")
