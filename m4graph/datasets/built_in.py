"""The data sets that have a name in this package; ``named.json`` holds their hashes."""

from __future__ import annotations

import json

from m4graph.datasets.named import HASHES_FILE, RECIPES, NamedDataset

_HASHES = json.loads(HASHES_FILE.read_text(encoding="utf-8"))


def _built_in(name: str) -> NamedDataset:
    return NamedDataset(name, RECIPES / f"{name}.yaml", **_HASHES.get(name, {}))


DCTCP_FATTREE = _built_in("dctcp-fattree")
M4_PAPER = _built_in("m4-paper")
M4GRAPH = _built_in("m4graph")
SAMPLE = _built_in("sample")
TINY = _built_in("tiny")
WIDE = _built_in("wide")
