"""The scenarios of an evaluation suite as labelled runs, for whoever asks for them by name."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from m4graph.core.errors import InputError
from m4graph.core.parallel import unordered
from m4graph.datasets.making.leakage import scenario_hash, suite_of
from m4graph.datasets.making.run_folder import run_name, save_run
from m4graph.runs.labelled_run import LabelledRun
from m4graph.scenario.cautions import without_cautions
from m4graph.scenario.suite import SUITES, Case, Suite
from m4graph.simulators import simulate


class SuiteRuns:
    """The scenarios of a suite; run ``i`` is of its ``i``-th case.

    Args:
        suite (str or Suite): A name of :data:`m4graph.scenario.suite.SUITES`, or the suite itself.

    Raises:
        ConfigError: If there is no such suite.
    """

    def __init__(self, suite: str | Suite) -> None:
        made = suite if isinstance(suite, Suite) else SUITES.resolve(suite)()
        self.name, self.cases = made.name, made.cases

    def __len__(self) -> int:
        return len(self.cases)

    def simulate(self, raw: Path, names: Sequence[str], jobs: int | None) -> None:
        """Simulates cases, with labels, into a folder of raw runs.

        Args:
            raw (Path): The folder.
            names (list of str): The runs to make.
            jobs (int, optional): Processes. (default: one for each core)

        Raises:
            InputError: If a case has no labels, as closed loops have none.
        """
        raw.mkdir(parents=True, exist_ok=True)
        named = {run_name(index): case for index, case in enumerate(self.cases)}
        for _ in unordered(_simulate, ((raw, name, named[name]) for name in names), jobs):
            pass

    def check(self, digest: str, where: str) -> None:
        """Refuses a scenario that the suite does not have.

        Args:
            digest (str): Its hash.
            where (str): What holds it, for the message.

        Raises:
            InputError: If it is none of the suite's.
        """
        if suite_of(digest) != self.name and digest not in self._built_hashes:
            raise InputError(f"{where}: expected a scenario of suite {self.name} (got another one)")

    @cached_property
    def _built_hashes(self) -> set[str]:
        """As this machine draws them; a last bit of a start may differ from what is reserved."""
        return {scenario_hash(case.build()) for case in self.cases}


def _simulate(raw: Path, name: str, case: Case) -> None:
    try:
        with without_cautions():
            run = LabelledRun.from_result(simulate(case.build(), "packet", labels=True))
    except InputError as error:
        raise InputError(f"scenario {case.name}: {error}") from None
    save_run(raw, name, run, {"name": case.name, **case.description})
