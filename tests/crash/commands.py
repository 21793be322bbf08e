"""The commands that must survive a fault at every file operation, each small enough for that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import m4graph as m4
from m4graph.cli.app import main
from m4graph.scenario.files import save_scenario


@dataclass(frozen=True)
class Case:
    """A command line. It runs in a folder that holds what ``prepare`` made, and writes to ``out``.

    Args:
        arguments (str): Behind ``m4graph``; inputs lie in ``in``, what it writes in ``out``.
        marker (str): The file of ``out`` that says that all others are there.
        prepare (callable): Makes the inputs in a folder.
        again (str): The command that goes on after a fault, if it is another. (default: the same)
        start (callable): Takes the arguments, gives the exit status. (default: ``m4graph``)
    """

    arguments: str
    marker: str
    prepare: Callable[[Path], None]
    again: str = ""
    start: Callable[[list[str]], int] = main


def small_scenario() -> m4.Scenario:
    network = m4.topology.star(num_hosts=4, gbps=10, delay_ns=1000)
    workload = m4.workload.generate(network, sizes="web_server", load=0.5, num_flows=20, seed=7)
    return m4.Scenario(network, workload, "dctcp", name="small")


def _scenario(folder: Path) -> None:
    save_scenario(small_scenario(), folder / "scenario")
    (folder / "recording.yaml").write_text("links: all\ninterval_us: 5\n")


def _suite(folder: Path) -> None:
    save_scenario(small_scenario(), folder / "suite" / "one")
    save_scenario(small_scenario(), folder / "suite" / "two")


def _text(folder: Path) -> None:
    _scenario(folder)
    result = m4.simulate(small_scenario(), "packet")
    scenario = small_scenario()
    expected = m4.ExpectedTimes(result.fct_ns, scenario.ideal_fct_ns)
    recorded = m4.Scenario(
        scenario.network, scenario.workload, "dctcp", name="recorded", expected=expected
    )
    save_scenario(recorded, folder / "recorded")
    assert main(["convert", "--to", "hpcc", str(folder / "recorded"), str(folder / "text")]) == 0


def _recipe(folder: Path) -> None:
    (folder / "recipe.yaml").write_text(
        "name: crash\nseed: 5\nnum_scenarios: 3\nscenario:\n"
        "  topology: {kind: star, num_hosts: 4, gbps: 10, delay_ns: 1000}\n"
        "  workload: {kind: generated, sizes: web_server, load: 0.5, num_flows: 20}\n"
        "  congestion_control: {kind: dctcp}\n"
    )


def _training(folder: Path) -> None:
    _recipe(folder)
    recipe, data = str(folder / "recipe.yaml"), str(folder / "data")
    assert main(["generate", recipe, "--out", data, "--jobs", "1"]) == 0
    (folder / "train.yaml").write_text(
        f"name: crash\ndata: {data}\nmax_steps: 4\nval_fraction: 0.34\nruns_per_episode: 2\n"
        "steps_per_window: 8\nval_every_episodes: 1\nmodel: {hidden_channels: 8, num_layers: 1}\n"
    )


def _release(folder: Path) -> None:
    from m4graph.checkpoint import save_checkpoint
    from m4graph.nn import FlowLinkModel

    model = FlowLinkModel(hidden_channels=8, num_layers=1)
    save_checkpoint(folder / "checkpoint", model, {}, "# Small\n")


def _put(arguments: list[str]) -> int:
    from m4graph.zoo.release import add_to_zoo

    zoo = Path("out")
    zoo.mkdir(exist_ok=True)
    add_to_zoo(*arguments, replace=True, zoo=zoo)
    return 0


CASES = {
    "simulate": Case("simulate in/scenario --simulator fluid --out out", "summary.json", _scenario),
    "record": Case(
        "simulate in/scenario --record in/recording.yaml --out out", "summary.json", _scenario
    ),
    "compare": Case(
        "compare in/scenario --simulators packet,fluid --out out", "summary.md", _scenario
    ),
    "evaluate": Case(
        "evaluate in/suite --simulators packet,fluid --jobs 1 --out out", "metrics.json", _suite
    ),
    "convert": Case("convert --from hpcc in/text out", "conversion.json", _text),
    "import": Case("import --from hpcc in/text --out out", "manifest.json", _text),
    "generate": Case("generate in/recipe.yaml --jobs 1 --out out", "manifest.json", _recipe),
    "train": Case("train in/train.yaml --out out", "config.json", _training),
    "release": Case("in/checkpoint small Small", "manifest.json", _release, start=_put),
}
