"""One mimic for many configurations: cuts, tables, the training and what comes of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import expit

from m4graph.core.errors import ConfigError, InputError
from m4graph.mimic.clusters import Pods
from m4graph.mimic.folder import Mimic
from m4graph.mimic.many.config import Cut, ManyConfig, cut, load_many_config
from m4graph.mimic.many.making import make
from m4graph.mimic.many.tables import FittedTable
from m4graph.mimic.many.training import number_weights, wait_error
from m4graph.mimic.models.graph import Graph, ranges_of
from m4graph.mimic.models.graph_curves import NUM_NUMBERS, PLACES, curves_of, numbers_of
from m4graph.mimic.models.graph_net import GraphNet
from m4graph.mimic.models.lindley_curve import NUM_KINDS, NUM_ROLES
from m4graph.mimic.shape import HOST_UP, RACK_UP
from m4graph.mimic.simulator import MimicSimulator
from m4graph.scenario.build import build_scenario
from tests.mimic.scenes import CONTROLS, SIZES, scene

ROOT = Path(__file__).parents[2]
SCENARIO = {
    "topology": {
        "kind": "clos", "pods": 4, "racks": 2, "hosts": 4, "planes": 2, "spines": 2,
        "host_gbps": 0.1, "fabric_gbps": 0.1, "delay_ns": 500_000,
    },
    "workload": {"kind": "generated", "sizes": SIZES, "load": {"uniform": [0.5, 0.7]}},
    "network": CONTROLS["newreno"][1],
    "congestion_control": CONTROLS["newreno"][0],
}  # fmt: skip


MARKING = {"queue": {"kind": "red", "min_packets": 20, "max_packets": 20, "ecn": True}}


def config(**changes) -> ManyConfig:
    data = {
        "name": "two",
        "num_scenarios": 2,
        "scenario": SCENARIO,
        "cuts": [{"pods": 2, "stop_us": 400_000}, {"pods": 3, "traced": 2, "stop_us": 300_000}],
        "warm_up_us": 50_000,
        "hidden_channels": 8,
        "max_steps": 4,
    }
    return ManyConfig.parse(data | changes)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A mimic of two runs, and its folder."""
    folder = tmp_path_factory.mktemp("many")
    return make(config(), folder), folder


def untrained(seed: int = 0, **ranges) -> Graph:
    """A network of random weights whose numbers are wide."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = GraphNet(hidden_channels=8, num_layers=2)
    net.number_std.fill_(20)
    scenario = scene(pods=4)
    pods = Pods.of(scenario.network, scenario.arrays)
    wide = {name: (-1e9, 1e9) for name in Graph.inputs_of(pods, scenario).quantities()}
    controls = {"newreno": scenario.congestion_control.model_dump(mode="json")}
    return Graph(net, wide | ranges, controls)


def test_a_cut_keeps_the_share_that_leaves_the_pod():
    whole = config().describe(0)
    small = cut(whole | {"topology": whole["topology"] | {"pods": 8}}, Cut(pods=2, stop_us=500))
    assert small["topology"]["pods"] == 2
    assert small["stop_us"] == small["workload"]["until_us"] == 500
    matrix = np.array(small["workload"]["matrix"]["matrix"])
    own = np.kron(np.eye(2), np.ones((2, 2)))
    assert (np.diag(matrix) == 0).all()
    outside = (matrix * (1 - own)).sum(axis=1) / matrix.sum(axis=1)
    np.testing.assert_allclose(outside, 14 / 15)  # of 15 racks, 14 are in 7 other pods


def test_a_cut_needs_a_clos():
    whole = config().describe(0)
    with pytest.raises(ConfigError, match=r"scenario\.topology\.kind: expected clos"):
        cut(whole | {"topology": {"kind": "fat_tree", "k": 4}}, Cut(pods=2, stop_us=500))


def test_a_cut_needs_to_know_pods_and_racks():
    whole = config().describe(0)
    for name, value in (("pods", 1), ("racks", None)):
        changed = whole | {"topology": whole["topology"] | {name: value}}
        with pytest.raises(ConfigError, match=rf"scenario\.topology\.{name}: expected \d or more"):
            cut(changed, Cut(pods=2, stop_us=500))


def test_a_damaged_table_is_refused(made, tmp_path):
    arrays = dict(np.load(made[1] / "tables" / "000000.npz"))
    counts = -arrays["counts"] - 1
    for name, value in (("load_0", np.zeros(1)), ("counts", counts), ("inputs", np.array("{"))):
        np.savez(tmp_path / "table.npz", **arrays | {name: value})
        with pytest.raises(InputError, match=r"table\.npz: "):
            FittedTable.load(tmp_path / "table.npz")


def test_seeds_of_the_runs_are_not_those_of_evaluation():
    with pytest.raises(ConfigError, match="seed"):
        config(seed=1_000_000)


def test_numbers_and_curves_are_inverse(made):
    table = FittedTable.load(made[1] / "tables" / "000000.npz")
    ticks = table.inputs.packet_ticks(table.ticks_per_ns)
    numbers = numbers_of(table.curves, ticks)
    back = curves_of(numbers, ticks)
    for name in ("wait_ticks", "load_ticks", "load_edges"):
        np.testing.assert_allclose(back[name][1:], table.curves[name][1:], rtol=1e-4)
    for name in ("drop", "mark", "drop_again"):
        wanted = np.clip(table.curves[name][1:], 0, 0.99)  # of a chance of 1 there is no logit
        np.testing.assert_allclose(back[name][1:], wanted, atol=3e-5)
    # Other shares and times may have the same correlations.
    kept, given = (
        expit(each[1:, :, PLACES["correlation"]]) for each in (numbers_of(back, ticks), numbers)
    )
    np.testing.assert_allclose(kept, given, atol=0.01)


def test_what_was_not_seen_does_not_count(made):
    table = FittedTable.load(made[1] / "tables" / "000000.npz")
    table.curves["gap_edges"][RACK_UP, 0] = 0
    weights = number_weights(table)
    assert not weights[RACK_UP, 0, PLACES["drop_again"]].any()
    assert not weights[HOST_UP].any()  # nothing waits at hosts
    for name in ("wait_ticks", "mark"):
        share = weights[..., PLACES[name]].mean(axis=-1)
        np.testing.assert_allclose(share, table.counts / table.counts.sum())


def test_wait_error_is_the_distance_over_the_mean():
    numbers = torch.zeros(2, NUM_ROLES, NUM_KINDS, NUM_NUMBERS)
    place = PLACES["wait_ticks"]
    weights = torch.zeros_like(numbers)
    weights[:, RACK_UP, 0, place], weights[:, RACK_UP, 1, place] = 3.0, 1.0
    wanted, found = numbers.clone(), numbers.clone()
    wanted[..., place], found[..., place] = np.arcsinh(4.0), np.arcsinh(5.0)
    wanted[1, RACK_UP, 1, place] = np.arcsinh(8.0)
    off = (1 / 4 + (3 * 1 + 1 * 3) / (3 * 4 + 1 * 8)) / 2
    assert float(wait_error(found, wanted, weights)) == pytest.approx(off, rel=1e-5)


def test_offered_is_what_flows_are_in_the_mean(made):
    """The load of a run of 0.4 s is off by more than that of longer ones."""
    for index in range(2):
        description, _, _ = config().small(index)
        inputs = FittedTable.load(made[1] / "tables" / f"{index:06d}.npz").inputs
        load = description["workload"]["load"]
        assert inputs.load[RACK_UP].mean() == pytest.approx(load, rel=0.05)


def test_any_numbers_are_valid_curves():
    numbers = np.random.default_rng(0).normal(0, 8, (NUM_ROLES, NUM_KINDS, NUM_NUMBERS))
    curves = curves_of(numbers, np.full(NUM_ROLES, 116_800.0))
    check_valid(curves)


def check_valid(curves):
    waits = curves["wait_ticks"]
    assert (waits >= 0).all()
    assert (np.diff(waits, axis=-1) >= 0).all()
    for name in ("drop", "mark", "drop_again", "fast_share"):
        assert (curves[name] >= 0).all(), name
        assert (curves[name] <= 1).all(), name
    for name in ("load_ticks", "fast_ticks", "slow_ticks"):
        assert (curves[name] > 0).all(), name
    assert (curves["slow_ticks"] >= curves["fast_ticks"]).all()
    for name in ("load_edges", "gap_edges"):
        assert (np.diff(curves[name], axis=-1) >= 0).all(), name


def test_emitted_curves_are_valid():
    scenario = scene(pods=4)
    curves = untrained().curves(Pods.of(scenario.network, scenario.arrays), scenario)
    check_valid(curves)
    assert curves["is_fitted"].any(axis=1).tolist() == [role != HOST_UP for role in range(6)]


def test_trains_with_the_same_bits_from_the_tables_that_are_there(made, tmp_path):
    first, folder = made
    (tmp_path / "tables").symlink_to(folder / "tables")
    again = make(config(), tmp_path)
    for name, array in first.model.arrays().items():
        assert array.tobytes() == again.model.arrays()[name].tobytes(), name


def test_a_run_that_is_lost_is_made_again_with_the_same_bits(made, tmp_path):
    _, folder = made
    table = FittedTable.load(folder / "tables" / "000001.npz")
    again = FittedTable.of(*config().small(1), config().warm_up_us)
    assert again.curves.tobytes() == table.curves.tobytes()
    assert again.counts.tolist() == table.counts.tolist()
    assert again.inputs.quantities() == table.inputs.quantities()


def test_tables_of_other_runs_are_refused(made):
    with pytest.raises(InputError, match=r"expected tables of the runs of two \(got those of oth"):
        make(config(seed=1), made[1])


def test_saved_and_loaded_it_emits_the_same_bits(made):
    mimic, folder = made
    scenario = build_scenario(config().small(0)[0])
    pods = Pods.of(scenario.network, scenario.arrays)
    loaded = Mimic.load(folder).model
    assert loaded.ranges == mimic.model.ranges
    for model in (mimic.model, loaded):  # the few flows of one run are not what is offered
        model.ranges = dict.fromkeys(model.ranges, (0.0, 1e9))
    curves = mimic.model.curves(pods, scenario)
    assert curves.tobytes() == loaded.curves(pods, scenario).tobytes()
    assert sum(file.stat().st_size for file in folder.iterdir() if file.is_file()) < 1_000_000


def test_simulates(made):
    scenario = scene(pods=3, num_flows=60)
    model = untrained()
    pods = Pods.of(scenario.network, scenario.arrays)
    model.net.number_std.fill_(0)
    mimic = Mimic(model, made[0].conditions, {})
    first, again = (MimicSimulator(mimic).run(scenario) for _ in range(2))
    assert first.fct_ns.tobytes() == again.fct_ns.tobytes()
    assert len(first.fct_ns) < scenario.num_flows
    assert pods.num_pods == 3


def test_what_training_never_saw_is_refused_by_name():
    scenario = scene(pods=4)
    pods = Pods.of(scenario.network, scenario.arrays)
    model = untrained(**{"queue, packets": (20.0, 60.0)})
    with pytest.raises(ConfigError, match=r"expected queue, packets of 20 to 60, on which .* 100"):
        model.curves(pods, scenario)
    with pytest.raises(ConfigError, match=r"congestion_control\.kind: expected newreno, on which"):
        untrained().curves(pods, scene(pods=4, control="dctcp_window").replace(config=MARKING))
    faster = scenario.congestion_control.model_copy(update={"min_rto_us": 1000.0})
    with pytest.raises(ConfigError, match=r"congestion_control\.min_rto_us: expected 200000\.0"):
        untrained().curves(pods, scenario.replace(congestion_control=faster))


def test_there_is_no_fit_to_one_trace():
    with pytest.raises(ConfigError, match="expected m4graph mimic train"):
        Graph.fit(None, 0)


def test_ranges():
    assert ranges_of([{"load": 0.5}, {"load": 0.25}, {"load": 0.4}]) == {"load": (0.25, 0.5)}


@pytest.mark.parametrize("path", sorted((ROOT / "configs/mimic/train").glob("*.yaml")), ids=str)
def test_configs(path):
    loaded = load_many_config(path)
    for index in range(len(loaded.cuts)):
        description, num_pods, traced = loaded.small(index)
        assert build_scenario(description).num_flows > 100
        assert traced <= description["topology"]["pods"] <= num_pods
