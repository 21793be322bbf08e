"""Figures of the paper whose method the learned simulator follows, next to ours."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FILE = Path(__file__).with_name("published.json")


@dataclass(frozen=True)
class Published:
    """Published figures on a suite of the same kind.

    Args:
        source (str): Where they stand, and what they are about.
        rows (list): One for each simulator: ``simulator``, and those of ``mean_error``,
            ``p90_error``, ``p99_tail_error``, ``completion_time_error`` and ``mean_wall_s`` that
            are known.
    """

    source: str
    rows: list[dict[str, Any]]


def published(suite: str) -> Published | None:
    """The figures for a suite; ``None`` if there are none."""
    found = json.loads(_FILE.read_text(encoding="utf-8")).get(suite)
    return None if found is None else Published(**found)
