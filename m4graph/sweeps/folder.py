"""The folder of a sweep: what is swept, every result as it comes, the table and its plot.

.. code-block:: none

    sweep.yaml   scenario/   results/packet/00000.npz   ...   sweep.csv   sweep.png
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from m4graph.core.errors import InputError
from m4graph.core.files import whole_file, whole_folder
from m4graph.core.provenance import provenance
from m4graph.core.yaml_file import read_yaml, write_yaml
from m4graph.scenario import Scenario
from m4graph.scenario.files import save_scenario
from m4graph.simulators import Runner
from m4graph.sweeps.points import Point

if TYPE_CHECKING:
    from m4graph.sweeps.result import Sweep

CONFIG_FILE = "sweep.yaml"
TABLE_FILE = "sweep.csv"
PLOT_FILE = "sweep.png"
_SAME = ("simulators", "points")
"""Blocks of ``sweep.yaml`` that a sweep which goes on must have in common with it."""


@dataclass(frozen=True)
class Folder:
    """An open folder; made by :meth:`open`."""

    path: Path

    @property
    def results(self) -> Path:
        """Where the results are, a folder for each simulator."""
        return self.path / "results"

    @classmethod
    def open(
        cls,
        path: Path,
        first: Scenario,
        points: Sequence[Point],
        hashes: Sequence[str],
        runners: Sequence[Runner],
    ) -> Folder:
        """Writes down what is swept, where nothing is yet; else checks that it is the same.

        Args:
            path (Path): A new folder, or one that is there already.
            first (Scenario): That of the first point.
            points (Sequence): The points.
            hashes (Sequence): Of the scenarios of the points.
            runners (Sequence): The simulators.

        Raises:
            InputError: If the folder has another sweep.
        """
        config = {
            "name": first.name,
            "seed": first.seed,
            "points": [
                {**point.values, "scenario_sha256": digest}
                for point, digest in zip(points, hashes, strict=True)
            ],
            "simulators": [
                {"label": each.label, "simulator": each.simulator, "options": dict(each.options)}
                for each in runners
            ],
            **provenance(),
        }
        path.mkdir(parents=True, exist_ok=True)
        file = path / CONFIG_FILE
        with whole_file(file) as half:
            write_yaml(half, config)
            if file.exists():
                _check_same(path, read_yaml(file), read_yaml(half))
        save_scenario(first, path / "scenario")
        return cls(path)

    def finish(self, swept: Sweep) -> None:
        """Writes the table and its plot; where there is a ``sweep.csv``, all of it is there."""
        with whole_folder(self.path, mark=TABLE_FILE) as scratch:
            swept.to_frame().to_csv(scratch / TABLE_FILE, index=False, lineterminator="\n")
            swept.plot(scratch / PLOT_FILE)


def _check_same(path: Path, before: dict[str, Any], config: dict[str, Any]) -> None:
    for name in _SAME:
        if before.get(name) != config[name]:
            raise InputError(
                f"{path}: expected a folder of the same sweep "
                f"(got one with {_difference(name, before.get(name), config[name])} in its "
                f"{CONFIG_FILE})"
            )


def _difference(name: str, before: Any, now: Sequence[Any]) -> str:
    if not isinstance(before, list) or len(before) != len(now):
        number = len(before) if isinstance(before, list) else "no"
        return f"{number} {name}, not {len(now)},"
    number = next(index for index, each in enumerate(now) if before[index] != each)
    return f"other {name}, first {before[number]} in place of {now[number]},"
