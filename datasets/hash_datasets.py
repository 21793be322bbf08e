"""Writes m4graph/datasets/named.json: what the recipes and the runs of named data sets hash to.

Run it, from the repository, when a recipe has changed, or runs of one have been generated. Hashes
of runs are kept as long as their recipe stays; a test holds those of recipes up to date.

    python datasets/hash_datasets.py [NAME FOLDER]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from m4graph.datasets.making.config import load_config
from m4graph.datasets.making.produce import run_hash
from m4graph.datasets.making.run_folder import run_files, run_name
from m4graph.datasets.named import DATASETS, HASHES_FILE, RECIPES, recipe_hash, runs_hash
from m4graph.runs import LabelledRun


def hashes(before: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """What the file holds, for each name; hashes of runs as before."""
    found = {}
    for name in DATASETS.names():
        digest = recipe_hash(load_config(RECIPES / f"{name}.yaml"))
        same = before.get(name, {}).get("recipe_sha256") == digest
        found[name] = {**(before[name] if same else {}), "recipe_sha256": digest}
    return found


def hash_of_runs(name: str, folder: Path) -> str:
    """The hash of the runs in a folder, all of which have to be there."""
    count = load_config(RECIPES / f"{name}.yaml").num_scenarios
    files = (run_files(folder / "raw", run_name(index))[1] for index in range(count))
    return runs_hash(run_hash(LabelledRun.load(file)) for file in files)


def main() -> None:
    """Writes the file."""
    found = hashes(json.loads(HASHES_FILE.read_text(encoding="utf-8")))
    if sys.argv[1:]:
        name, folder = sys.argv[1:]
        found[name]["runs_sha256"] = hash_of_runs(name, Path(folder))
    HASHES_FILE.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
