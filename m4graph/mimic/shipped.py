"""Mimics that come with the package, by name."""

from __future__ import annotations

import os
from pathlib import Path

from m4graph.core.errors import ConfigError
from m4graph.mimic.folder import MIMIC_FILE

WEIGHTS_FOLDER = Path(__file__).resolve().parent / "weights"
CARD_FILE = "card.md"


def shipped_mimics() -> list[str]:
    """Their names, sorted."""
    return sorted(path.parent.name for path in WEIGHTS_FOLDER.glob(f"*/{MIMIC_FILE}"))


def find_mimic(name_or_path: str | os.PathLike[str]) -> Path:
    """The folder of a mimic.

    Args:
        name_or_path (str or Path): One of :func:`shipped_mimics`, or a folder. A bare word that is
            both names the shipped one; write ``./word`` for the folder.
    """
    given = os.fspath(name_or_path)
    if isinstance(name_or_path, str) and given in shipped_mimics():
        return WEIGHTS_FOLDER / given
    return Path(given)


def mimic_card(name: str) -> str:
    """The card of a shipped mimic: what it was fitted on, how accurate it is; Markdown.

    Raises:
        ConfigError: If there is no such mimic.
    """
    names = shipped_mimics()
    if name not in names:
        raise ConfigError(f"mimic: expected one of {', '.join(names)} (got {name!r})")
    return (WEIGHTS_FOLDER / name / CARD_FILE).read_text(encoding="utf-8")


def mimic_title(name: str) -> str:
    """The first line of a card."""
    return mimic_card(name).splitlines()[0].removeprefix("# ")


def mimic_files(name: str) -> dict[str, int]:
    """The sizes of a shipped mimic's files, in bytes."""
    return {path.name: path.stat().st_size for path in sorted((WEIGHTS_FOLDER / name).iterdir())}
