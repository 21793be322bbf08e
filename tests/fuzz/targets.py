"""Every kind of file that m4graph reads: valid ones, and what reads them."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import networkx as nx

import m4graph as m4
from m4graph.cli.app import main
from m4graph.scenario.files import save_scenario
from tests.crash.commands import CASES, small_scenario

OUT = "out"
FAST = ("--set", "network.pfc=true")


@dataclass(frozen=True)
class Target:
    """A kind of file.

    Args:
        files (str): Pattern, within the inputs, of the files that are damaged.
        prepare (callable): Makes the inputs in a folder.
        read (callable): Reads them, in the folder that holds them; gives an exit status.
        check (callable): Says what is wrong with what a good status left. (default: nothing)
    """

    files: str
    prepare: Callable[[Path], None]
    read: Callable[[], int]
    check: Callable[[], Iterator[str]] = field(default=lambda: iter(()))


def command(*arguments: str) -> Callable[[], int]:
    return lambda: main(list(arguments))


def sane_times() -> Iterator[str]:
    """No flow may finish before it can, or at a time that is no number."""
    path = Path(OUT, "fct.csv")
    if not path.exists():
        yield "status 0 without fct.csv"
        return
    for row in csv.DictReader(path.open()):
        if row["fct_ns"] == "":
            continue
        fct_ns, slowdown = float(row["fct_ns"]), float(row["slowdown"])
        if not (fct_ns > 0 and math.isfinite(slowdown) and slowdown > 0.5):
            yield f"flow {row['id']}: fct_ns {row['fct_ns']}, slowdown {row['slowdown']}"


def _save(folder: Path, tables: str = "csv") -> None:
    save_scenario(small_scenario(), folder / "scenario", tables)  # type: ignore[arg-type]


def _generated(folder: Path) -> None:
    (folder / "scenario.yaml").write_text(
        "name: fuzz\n"
        "topology: {kind: leaf_spine, num_leaves: 2, hosts_per_leaf: 3, num_spines: 2,"
        " host_gbps: 10, fabric_gbps: 40, delay_ns: 1000}\n"
        "workload: {kind: generated, num_flows: 12, load: 0.5, sizes: {kind: pareto,"
        " mean_bytes: 5000, shape: 1.4}, arrivals: {kind: log_normal, sigma: 1.5}}\n"
        "network: {payload_bytes: 1000, buffer_bytes: 3072000, buffer_alpha: 1.0, pfc: true,"
        " ecn: {kmin_bytes: 30000, kmax_bytes: 40000, pmax: 0.5}, tick: ns}\n"
        "congestion_control: {kind: dctcp, init_window_bytes: 18000, gain: 0.0625}\n"
        "faults: [{kind: down, link: [0, 6], at_us: 5, until_us: 20}]\n"
        "seed: 3\n"
    )


def _closed_loop(folder: Path) -> None:
    (folder / "scenario.yaml").write_text(
        "topology: {kind: star, num_hosts: 4, gbps: 10, delay_ns: 1000}\n"
        "workload: {kind: ring_all_reduce, size_bytes: 40000, hosts: [0, 1, 2, 3]}\n"
        "congestion_control: {kind: dctcp}\n"
    )


def _graph(suffix: str, write: Callable[..., None]) -> Callable[[Path], None]:
    def prepare(folder: Path) -> None:
        network = m4.topology.star(num_hosts=3, gbps=10, delay_ns=1000)
        write(network, folder / f"network{suffix}")
        (folder / "scenario.yaml").write_text(
            f"topology: {{file: network{suffix}}}\n"
            "workload: {kind: generated, num_flows: 5, load: 0.3, sizes: web_server}\n"
            "congestion_control: {kind: dctcp}\n"
        )

    return prepare


def _write_json(network: nx.Graph, path: Path) -> None:
    path.write_text(json.dumps(nx.node_link_data(network, edges="edges")))


def _cdf(folder: Path) -> None:
    _generated(folder)
    (folder / "sizes.csv").write_text("bytes,cdf_percent\n100,0\n1000,50\n20000,100\n")
    text = (folder / "scenario.yaml").read_text()
    start, stop = text.index("sizes:"), text.index(", arrivals")
    text = text.replace(text[text.index("faults:") : text.index("seed:")], "")
    changed = f"{text[:start]}sizes: {{kind: file, file: sizes.csv}}{text[stop:]}"
    (folder / "scenario.yaml").write_text(changed)


def _data(folder: Path) -> None:
    CASES["generate"].prepare(folder)
    recipe = str(folder / "recipe.yaml")
    assert main(["generate", recipe, "--out", str(folder / "data"), "--jobs", "1"]) == 0


def _read_snapshots() -> int:
    from m4graph.datasets import SnapshotDataset

    return _guarded(lambda: [SnapshotDataset("in/data")[index] for index in range(0, 60, 7)])


def _read_runs() -> int:
    from m4graph.datasets import FlowEventDataset

    return _guarded(lambda: [FlowEventDataset("in/data").run(index) for index in range(3)])


def _guarded(work: Callable[[], object]) -> int:
    """What a program sees: an error of ours is a good answer."""
    try:
        work()
    except m4.M4GraphError as error:
        return 2 if len(str(error).splitlines()) == 1 else 97
    return 0


def _processed(folder: Path) -> None:
    from m4graph.datasets import SnapshotDataset

    _data(folder)
    SnapshotDataset(str(folder / "data"))


def _checkpoint(folder: Path) -> None:
    CASES["release"].prepare(folder)
    _save(folder)


SIMULATE = command("simulate", "in/scenario", "--simulator", "fluid", "--out", OUT)
FILE = command("simulate", "in/scenario.yaml", "--simulator", "fluid", "--out", OUT)
PACKET = command("simulate", "in/scenario.yaml", "--out", OUT)

TARGETS = {
    "scenario yaml": Target("scenario.yaml", _generated, PACKET, sane_times),
    "closed loop yaml": Target("scenario.yaml", _closed_loop, FILE, sane_times),
    "scenario folder": Target("scenario/scenario.yaml", _save, SIMULATE, sane_times),
    "csv tables": Target("scenario/*.csv", _save, SIMULATE, sane_times),
    "parquet tables": Target(
        "scenario/*.parquet", lambda folder: _save(folder, "parquet"), SIMULATE, sane_times
    ),
    "graphml": Target("network.graphml", _graph(".graphml", nx.write_graphml), FILE, sane_times),
    "json graph": Target("network.json", _graph(".json", _write_json), FILE, sane_times),
    "size cdf": Target("sizes.csv", _cdf, FILE, sane_times),
    "hpcc text": Target(
        "text/*.txt", CASES["convert"].prepare, command("convert", "--from", "hpcc", "in/text", OUT)
    ),
    "recording yaml": Target(
        "recording.yaml",
        CASES["record"].prepare,
        command("simulate", "in/scenario", "--record", "in/recording.yaml", "--out", OUT),
        sane_times,
    ),
    "recipe yaml": Target(
        "recipe.yaml",
        CASES["generate"].prepare,
        command("generate", "in/recipe.yaml", "--jobs", "1", "--out", OUT),
    ),
    "training yaml": Target(
        "train.yaml", CASES["train"].prepare, command("train", "in/train.yaml", "--out", OUT)
    ),
    "run npz": Target("data/raw/*.npz", _data, _read_snapshots),
    "data set": Target("data/**/*.*", _data, _read_runs),
    "processed data": Target("data/processed/**/*.*", _processed, _read_snapshots),
    "checkpoint": Target(
        "checkpoint/*",
        _checkpoint,
        command(
            *("simulate", "in/scenario", "--simulator", "learned", "--model", "in/checkpoint"),
            *("--out", OUT),
        ),
        sane_times,
    ),
    "suite": Target(
        "suite/**/*.*",
        CASES["evaluate"].prepare,
        command(
            "evaluate", "in/suite", "--simulators", "packet,fluid", "--jobs", "1", "--out", OUT
        ),
    ),
}
