"""What every named data set must keep."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch
import yaml
from torch_geometric.data import HeteroData

from m4graph.core.calls import plain_call
from m4graph.datasets import (
    DATASETS,
    FlowEventDataset,
    FlowTableDataset,
    GenerateConfig,
    NamedDataset,
    SnapshotDataset,
    scenario_hash,
)
from m4graph.datasets.making.produce import run_hash, scenario_of
from m4graph.datasets.named import recipe_hash
from m4graph.graph.schema import FLOW_FEATURES, LINK_FEATURES
from m4graph.testing.rules import Report, Rules, expect
from m4graph.workload import Workload

_DRAWN = 3


@plain_call
def check_dataset(dataset: str | NamedDataset, num_runs: int = 3) -> Report:
    """Checks a named data set: its recipe, and its first runs, which are simulated.

    Rules: the name is that of its recipe, which has the declared hash and survives YAML; its
    scenarios can be built, follow from the seed, differ from each other, and are none that an
    evaluation uses; their first runs have flows that finish; graphs of events are valid
    ``HeteroData`` with finite features and labels, tables have a row for each flow; a split puts
    each scenario on one side, always the same; runs come out with the same bits again, and, where
    all of them are simulated, with the declared hash.

    Args:
        dataset (str or NamedDataset): A name of :data:`m4graph.datasets.DATASETS`, or an object.
        num_runs (int, optional): How many runs to simulate; 0: only the recipe is checked, else 2
            at least. (default: ``3``)

    Raises:
        ConformanceError: For the first rule that is broken.
    """
    name = dataset if isinstance(dataset, str) else getattr(dataset, "name", dataset)
    rules = Rules("data set", name)
    with rules("recipe"):
        named = DATASETS.resolve(dataset)
        is_named = isinstance(named, NamedDataset)
        expect(is_named, "a NamedDataset", type(named).__name__)
        config = named.config()
        expect(named.name == config.name, f"the name of its recipe, {config.name!r}", named.name)
        again = GenerateConfig.parse(yaml.safe_load(yaml.safe_dump(config.model_dump())))
        expect(recipe_hash(again) == recipe_hash(config), "the same recipe from YAML", again)
    with rules("scenarios"):
        _check_scenarios(config)
    if num_runs:
        with tempfile.TemporaryDirectory() as scratch:
            _check_runs(rules, _first_runs(named, config, num_runs), Path(scratch))
    return rules.report


def _first_runs(named: NamedDataset, config: GenerateConfig, num_runs: int) -> NamedDataset:
    if num_runs >= config.num_scenarios:
        return named
    # A scenario depends on the seed and its number alone.
    return NamedDataset(named.name, config.model_copy(update={"num_scenarios": num_runs}))


def _check_scenarios(config: GenerateConfig) -> None:
    digests = []
    for index in range(min(_DRAWN, config.num_scenarios)):
        description = config.describe(index)
        same = config.describe(index) == description
        expect(same, f"scenario {index} to follow from the seed", "another one")
        scenario = scenario_of(description, Path("scenario.yaml"))
        if isinstance(scenario.workload, Workload):  # closed loops have a hash once they have run
            digests.append(scenario_hash(scenario))
    expect(len(set(digests)) == len(digests), "scenarios that differ", "equal ones")


def _check_runs(rules: Rules, named: NamedDataset, scratch: Path) -> None:
    root = scratch / "first"
    with rules("runs"):
        runs = FlowEventDataset(root, named, jobs=1)
        for index, name in enumerate(runs.names):
            finished = int((runs.run(index).fct_ns >= 0).sum())
            expect(finished > 0, f"flows of {name} that finish", finished)
    with rules("snapshots"):
        snapshots = SnapshotDataset(root, named)
        num_events = sum(runs.run(index).num_events for index in range(len(runs)))
        expect(len(snapshots) == num_events, f"{num_events} graphs of events", len(snapshots))
        for index in (0, len(snapshots) // 2, len(snapshots) - 1):
            _check_graph(snapshots[index])
    with rules("tables"):
        tables = FlowTableDataset(root, named)
        for index, table in enumerate(tables):
            shape = [runs.run(index).network.num_flows, len(tables.columns)]
            expect(list(table.x.shape) == shape, f"a table of shape {shape}", list(table.x.shape))
            expect(list(table.y.shape) == shape[:1], f"{shape[0]} labels", list(table.y.shape))
    with rules("split"):
        _check_split(runs)
    with rules("same bits"):
        again = FlowEventDataset(scratch / "again", named, jobs=1)
        for index, name in enumerate(runs.names):
            same = run_hash(again.run(index)) == run_hash(runs.run(index))
            expect(same, f"the same bits of {name} again", "others")


def _check_graph(graph: HeteroData) -> None:
    graph.validate(raise_on_error=True)
    for kind, features in (("flow", FLOW_FEATURES), ("link", LINK_FEATURES)):
        x = graph[kind].x
        expect(x.size(1) == len(features), f"{len(features)} features of a {kind}", x.size(1))
        finite = bool(torch.isfinite(x).all())
        expect(finite, f"finite features of each {kind}", x[~torch.isfinite(x).all(1)].tolist())
    slowdown = graph["flow"].y
    good = bool(((slowdown > 0) | torch.isnan(slowdown)).all())
    expect(good, "slowdowns above 0, or nan where a flow did not finish", slowdown.tolist())


def _check_split(runs: FlowEventDataset) -> None:
    train, val = runs.split()
    sides = [{runs.hashes[index] for index in side.indices()} for side in (train, val)]
    sizes = f"{len(train)} and {len(val)}"
    expect(len(train) + len(val) == len(runs), f"{len(runs)} runs on both sides", sizes)
    expect(len(train) > 0 and len(val) > 0, "runs on both sides", sizes)
    expect(not sides[0] & sides[1], "each scenario on one side", sides[0] & sides[1])
    again = runs.split()[1]
    expect(list(again.indices()) == list(val.indices()), "the same split again", "another one")
