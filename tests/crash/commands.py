"""The commands that must survive a fault at every file operation, each small enough for that.

A new command is one more entry of :data:`CASES`: the harness finds its file operations by itself.
"""

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
        prepare (callable): Makes the inputs in a folder. What it puts into a folder ``out`` there
            is what the command finds in its own.
        again (str): The command that goes on, where the same one says that it does not.
            (default: none)
        start (callable): Takes the arguments, gives the exit status. (default: ``m4graph``)
    """

    arguments: str
    marker: str
    prepare: Callable[[Path], None]
    again: str = ""
    start: Callable[[list[str]], int] = main


def small_scenario(seed: int = 7) -> m4.Scenario:
    """20 flows between 4 hosts."""
    network = m4.topology.star(num_hosts=4, gbps=10, delay_ns=1000)
    workload = m4.workload.generate(network, sizes="web_server", load=0.5, num_flows=20, seed=seed)
    return m4.Scenario(network, workload, "dctcp", name="small")


def _scenario(folder: Path) -> None:
    save_scenario(small_scenario(), folder / "scenario")
    (folder / "recording.yaml").write_text("links: all\ninterval_us: 5\n")


def _scenario_and_old_results(folder: Path) -> None:
    _scenario(folder)
    save_scenario(small_scenario(seed=8), folder / "old")
    recording = folder / "old-recording.yaml"
    recording.write_text("links: all\ninterval_us: 10\n")
    arguments = ["simulate", str(folder / "old"), "--record", str(recording)]
    assert main([*arguments, "--out", str(folder / "out")]) == 0
    (folder / "out" / "notes.txt").write_text("not m4graph's\n")


def _suite(folder: Path) -> None:
    save_scenario(small_scenario(), folder / "suite" / "one")
    save_scenario(small_scenario(), folder / "suite" / "two")


def recorded_text(folder: Path) -> None:
    scenario = small_scenario()
    expected = m4.ExpectedTimes(m4.simulate(scenario, "packet").fct_ns, scenario.ideal_fct_ns)
    recorded = m4.Scenario(
        scenario.network, scenario.workload, "dctcp", name="recorded", expected=expected
    )
    save_scenario(recorded, folder / "recorded")
    assert main(["convert", "--to", "hpcc", str(folder / "recorded"), str(folder / "text")]) == 0


def _two_texts(folder: Path) -> None:
    recorded_text(folder)
    (folder / "text").rename(folder / "first")
    (folder / "recorded").rename(folder / "second")
    (folder / "texts").mkdir()
    (folder / "first").rename(folder / "texts" / "first")
    source, to = folder / "second", folder / "texts" / "second"
    assert main(["convert", "--to", "hpcc", str(source), str(to)]) == 0


def _recipe(folder: Path) -> None:
    (folder / "recipe.yaml").write_text(
        "name: crash\nseed: 5\nnum_scenarios: 3\nscenario:\n"
        "  topology: {kind: star, num_hosts: 4, gbps: 10, delay_ns: 1000}\n"
        "  workload: {kind: generated, sizes: web_server, load: 0.5, num_flows: 20}\n"
        "  congestion_control: {kind: dctcp}\n"
    )


def _job(folder: Path) -> None:
    (folder / "job.yaml").write_text(
        "topology: {kind: star, num_hosts: 4}\nworkload:\n  kind: training_job\n"
        "  parallel: {dp: 4}\n  layers:\n  - forward_ns: 1000\n"
        "    forward: {kind: all_gather, group: dp, size_bytes: 4000}\n"
    )


def _training(folder: Path) -> None:
    _recipe(folder)
    recipe, data = str(folder / "recipe.yaml"), str(folder / "data")
    assert main(["generate", recipe, "--out", data, "--jobs", "1"]) == 0
    (folder / "train.yaml").write_text(
        "name: crash\ndata: data\nmax_steps: 4\nval_fraction: 0.34\nruns_per_episode: 2\n"
        "steps_per_window: 8\nval_every_episodes: 1\nmodel: {hidden_channels: 8, num_layers: 1}\n"
    )


def two_pods(folder: Path) -> None:
    """A scenario that a mimic can be fitted for."""
    network = m4.topology.clos(pods=2, racks=1, hosts=2, planes=1, spines=1)
    workload = m4.workload.generate(network, sizes="web_server", num_flows=20, seed=3)
    save_scenario(m4.Scenario(network, workload, "dctcp", name="pods"), folder / "scenario")


def _many(folder: Path) -> None:
    (folder / "many.yaml").write_text(
        "name: many\nnum_scenarios: 2\nwarm_up_us: 0\nhidden_channels: 4\nmax_steps: 2\n"
        "cuts: [{pods: 2, stop_us: 2000}]\n"
        "scenario:\n"
        "  topology: {kind: clos, pods: 3, racks: 2, hosts: 2, planes: 1, spines: 1}\n"
        "  workload: {kind: generated, sizes: web_server, load: {uniform: [0.3, 0.6]}}\n"
        "  network: {queue: {kind: drop_tail}}\n"
        "  congestion_control: newreno\n"
    )


def _zoo(folder: Path) -> None:
    """A checkpoint, and a zoo with another one."""
    from m4graph.checkpoint import save_checkpoint
    from m4graph.nn import FlowLinkModel
    from m4graph.zoo.release import add_to_zoo

    zoo = folder / "out"
    zoo.mkdir()
    (zoo / "manifest.json").write_text('{"format_version": 1, "models": []}')
    for name, channels in (("other", 4), ("checkpoint", 8)):
        model = FlowLinkModel(hidden_channels=channels, num_layers=1)
        save_checkpoint(folder / name, model, _METADATA, f"# {name}\n")
        if name != "checkpoint":
            add_to_zoo(folder / name, name, "of before", zoo=zoo)


_METADATA = {
    "training": {"config_hash": "c0", "data_hash": "d0", "seed": 3, "steps": 10, "wall_s": 1.5},
    "training_domain": {"topologies": ["star"]},
    "licence": "MIT",
    "metrics": {},
}


def _release(arguments: list[str]) -> int:
    from m4graph.zoo import manifest, release

    manifest.ZOO_FOLDER = Path("out")
    return release.main(arguments)


CASES = {
    "simulate": Case("simulate in/scenario --simulator fluid --out out", "summary.json", _scenario),
    "simulate-over": Case(
        "simulate in/scenario --record in/recording.yaml --out out",
        "summary.json",
        _scenario_and_old_results,
    ),
    "record": Case(
        "simulate in/scenario --record in/recording.yaml --out out", "summary.json", _scenario
    ),
    "compare": Case(
        "compare in/scenario --simulators packet,fluid --out out", "summary.md", _scenario
    ),
    "report": Case(
        "report in/scenario --simulators packet,fluid -o out/report.html", "report.html", _scenario
    ),
    "sweep": Case(
        "sweep in/scenario --set network.buffer_bytes=100000,200000 --simulators fluid --out out",
        "sweep.csv",
        _scenario,
    ),
    "evaluate": Case(
        "evaluate in/suite --simulators packet,fluid --jobs 1 --out out", "metrics.json", _suite
    ),
    "mimic-fit": Case("mimic fit in/scenario --kind constant --out out", "mimic.json", two_pods),
    "mimic-train": Case("mimic train in/many.yaml --out out", "mimic.json", _many),
    "convert": Case("convert --from hpcc in/text out", "conversion.json", recorded_text),
    "convert-back": Case("convert --to m4 in/recorded out", "conversion.json", recorded_text),
    "job": Case("job in/job.yaml --out out", "summary.json", _job),
    "import": Case("import --from hpcc in/texts --out out", "manifest.json", _two_texts),
    "generate": Case("generate in/recipe.yaml --jobs 1 --out out", "manifest.json", _recipe),
    "train": Case(
        "train in/train.yaml --out out",
        "checkpoint/config.json",
        _training,
        again="train in/train.yaml --out out --resume",
    ),
    "release": Case(
        "in/checkpoint small --description small",
        "manifest.json",
        _zoo,
        start=_release,
    ),
}
