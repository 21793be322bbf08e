"""Folders of runs that ns-3 really made: those of the reference, as text and as scenarios."""

from __future__ import annotations

import shutil
from pathlib import Path

from m4graph.convert import to_text
from m4graph.scenario.files import load_scenario

REFERENCE = Path(__file__).parents[2] / "data" / "reference"
NAMES = ("a03_two_to_one_dctcp", "a05_incast8_64KB_dctcp", "a07_parkinglot_dctcp")


def write(folder, format_name, names=NAMES):
    """Writes one folder for each run into a folder; gives theirs."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        if format_name == "scenario":
            shutil.copytree(REFERENCE / name, folder / name)
        else:
            (folder / name).mkdir()
            to_text(load_scenario(REFERENCE / name), folder / name, format_name)
    return [folder / name for name in names]
