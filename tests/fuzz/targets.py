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
from tests.crash.commands import CASES, small_scenario
from tests.fuzz import inputs

OUT = "out"
LIMITED = ("--option", "packet.max_hours=0.0002")
"""What takes longer than a second is refused."""


@dataclass(frozen=True)
class Target:
    """A kind of file.

    Args:
        files (str): Pattern, within the inputs, of the files that are damaged.
        prepare (callable): Makes the inputs in a folder.
        read (callable): Reads them, in the folder that holds them; gives an exit status.
        check (callable): Says what is wrong with what a good status left. (default: nothing)
        keeps (bool): What is done stays for the same command to go on with. (default: ``False``)
    """

    files: str
    prepare: Callable[[Path], None]
    read: Callable[[], int]
    check: Callable[[], Iterator[str]] = field(default=lambda: iter(()))
    keeps: bool = False


def command(*arguments: str) -> Callable[[], int]:
    return lambda: main(list(arguments))


def sane_times() -> Iterator[str]:
    """No flow may finish before it can, or at a time that is no number."""
    path = Path(OUT, "fct.csv")
    if not path.exists():
        yield "status 0 without fct.csv"
        return
    rows = list(csv.DictReader(path.open()))
    summary = json.loads(Path(OUT, "summary.json").read_text())
    num_finished = sum(row["fct_ns"] != "" for row in rows)
    if (summary["num_flows"], summary["num_finished"]) != (len(rows), num_finished):
        yield f"summary.json says {summary['num_finished']} of {summary['num_flows']} flows"
    for row in rows:
        if row["fct_ns"] == "":
            continue
        fct_ns, slowdown = float(row["fct_ns"]), float(row["slowdown"])
        if not (fct_ns > 0 and math.isfinite(slowdown) and slowdown > 0.5):
            yield f"flow {row['id']}: fct_ns {row['fct_ns']}, slowdown {row['slowdown']}"


def _read_snapshots() -> int:
    from m4graph.datasets import SnapshotDataset

    return _guarded(lambda: [SnapshotDataset("in/data")[index] for index in range(0, 60, 7)])


def _read_runs() -> int:
    from m4graph.datasets import FlowEventDataset

    return _guarded(lambda: [FlowEventDataset("in/data").run(index) for index in range(3)])


def _read_archive() -> int:
    from m4graph.datasets import RouteNetDataset

    return _guarded(lambda: [data for data in RouteNetDataset("in")])


def _fit_to_trace() -> int:
    from m4graph.mimic.boundary import BoundaryTrace
    from m4graph.mimic.models import MIMIC_MODELS

    def fit_all() -> None:
        trace = BoundaryTrace.load("in/trace.npz")
        trace.to_pyg()
        for kind in ("iid", "markov", "lindley"):
            MIMIC_MODELS.resolve(kind).fit(trace, 0)

    return _guarded(fit_all)


def _load_result() -> int:
    from m4graph.evaluation.suites.store import load_result

    given = load_result([Path("in/result.npz")], "key", "fluid", small_scenario())
    return 0 if given is None or (given.fct_ns >= -1).all() else 97


def _list_zoo() -> int:
    from m4graph.zoo import manifest

    before, manifest.ZOO_FOLDER = manifest.ZOO_FOLDER, Path("in/zoo")
    try:
        return main(["zoo", "list"])
    finally:
        manifest.ZOO_FOLDER = before


def _guarded(work: Callable[[], object]) -> int:
    """What a program sees: an error of ours is a good answer."""
    try:
        work()
    except m4.M4GraphError as error:
        return 2 if len(str(error).splitlines()) == 1 else 97
    return 0


GENERATE = (
    *("generate", "in/recipe.yaml", "--jobs", "1"),
    *("--max-hours", "0.0002", "--max-total-hours", "0.002", "--out", OUT),
)
SIMULATE = command("simulate", "in/scenario", "--simulator", "fluid", "--out", OUT)
FILE = command("simulate", "in/scenario.yaml", "--simulator", "fluid", "--out", OUT)
PACKET = command("simulate", "in/scenario.yaml", *LIMITED, "--out", OUT)

TARGETS = {
    "scenario yaml": Target("scenario.yaml", inputs.packet, PACKET, sane_times),
    "closed loop yaml": Target("scenario.yaml", inputs.closed_loop, FILE, sane_times),
    "scenario folder": Target("scenario/scenario.yaml", inputs.save, SIMULATE, sane_times),
    "csv tables": Target("scenario/*.csv", inputs.save, SIMULATE, sane_times),
    "parquet tables": Target(
        "scenario/*.parquet", lambda folder: inputs.save(folder, "parquet"), SIMULATE, sane_times
    ),
    "graphml": Target(
        "network.graphml", inputs.graph(".graphml", nx.write_graphml), FILE, sane_times
    ),
    "json graph": Target(
        "network.json", inputs.graph(".json", inputs.write_json), FILE, sane_times
    ),
    "size cdf": Target("sizes.csv", inputs.cdf, FILE, sane_times),
    "hpcc text": Target(
        "text/*.txt", CASES["convert"].prepare, command("convert", "--from", "hpcc", "in/text", OUT)
    ),
    "recording yaml": Target(
        "recording.yaml",
        CASES["record"].prepare,
        command("simulate", "in/scenario", *LIMITED, "--record", "in/recording.yaml", "--out", OUT),
        sane_times,
    ),
    "recipe yaml": Target(
        "recipe.yaml",
        CASES["generate"].prepare,
        command(*GENERATE),
        keeps=True,
    ),
    "training yaml": Target(
        "train.yaml",
        CASES["train"].prepare,
        command("train", "in/train.yaml", "--out", OUT),
        keeps=True,
    ),
    "run npz": Target("data/raw/*.npz", inputs.data, _read_snapshots),
    "data set": Target("data/**/*.*", inputs.data, _read_runs),
    "processed data": Target("data/processed/**/*.*", inputs.processed, _read_snapshots),
    "checkpoint": Target(
        "checkpoint/*",
        inputs.checkpoint,
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
            *("evaluate", "in/suite", "--simulators", "packet,fluid", "--jobs", "1"),
            *(*LIMITED, "--out", OUT),
        ),
        keeps=True,
    ),
    "gml of a wan": Target("network.gml", inputs.wan, FILE, sane_times),
    "hpcc topology": Target(
        "text/topology.txt",
        CASES["convert"].prepare,
        command("convert", "--from", "hpcc", "in/text", OUT),
    ),
    "text of sizes": Target(
        "sizes.txt",
        inputs.with_file(
            "100 0\n1000 50\n20000 100\n",
            r"\{kind: pareto.*1\.4\}",
            "{file: sizes.txt}",
            "sizes.txt",
        ),
        FILE,
        sane_times,
    ),
    "matrix": Target(
        "matrix.csv",
        inputs.with_file(
            "0,1\n2,1\n",
            r"load: 0\.5,",
            "load: 0.5, matrix: {kind: rack_matrix, file: matrix.csv},",
            "matrix.csv",
        ),
        FILE,
        sane_times,
    ),
    "dependencies": Target("scenario/*.*", inputs.dependencies, SIMULATE, sane_times),
    "recorded times": Target(
        "recorded/*.*",
        inputs.recorded,
        command("import", "--from", "scenario", "in/recorded", "--out", OUT),
        keeps=True,
    ),
    "ns-3 run": Target(
        "text/*.*",
        CASES["convert"].prepare,
        command("import", "--from", "hpcc", "in/text", "--out", OUT),
        keeps=True,
    ),
    "archive": Target("raw/**/*.*", inputs.archive, _read_archive),
    "stored result": Target("result.npz", inputs.result, _load_result),
    "mimic": Target(
        "mimic/*",
        inputs.mimic,
        command(
            *("simulate", "in/scenario", "--simulator", "mimic", "--model", "in/mimic"),
            *("--out", OUT),
        ),
        sane_times,
    ),
    "border trace": Target("trace.npz", inputs.border_trace, _fit_to_trace),
    "zoo manifest": Target("zoo/manifest.json", inputs.zoo, _list_zoo),
    "faults": Target("scenario.yaml", inputs.faults, PACKET, sane_times),
    "routes": Target("scenario/routes.csv", inputs.routes, SIMULATE, sane_times),
    "last checkpoint": Target(
        "run/last.ckpt",
        inputs.trained,
        command("train", "in/train.yaml", "--out", "in/run", "--resume"),
    ),
    "job yaml": Target(
        "job.yaml", CASES["job"].prepare, command("job", "in/job.yaml", "--out", OUT)
    ),
}
