"""The suites: balanced in every part, on seeds of their own, and unknown to whatever trains."""

from __future__ import annotations

import ast
from collections import Counter
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

import m4graph
from m4graph.core.errors import ConfigError
from m4graph.core.rng import is_evaluation_seed
from m4graph.evaluation.suites import SUITES, Case, Suite, load_suite
from m4graph.evaluation.suites.paper import ALGORITHMS, CLUSTERS, OVERSUBSCRIPTIONS, SIZES, traits
from m4graph.learned.least import least_fct_ns
from m4graph.simulators import labelled_runners
from m4graph.simulators.packet.build import build_idle_state
from m4graph.workload import ClosedLoopWorkload

NUM_CASES = {
    "ablation": 12,
    "closed_loop": 105,
    "collectives": 16,
    "domains": 12,
    "generalisation": 9,
    "large": 3,
    "parsimon": 12,
    "sensitivity": 100,
    "smoke": 6,
}
FACTORS = {
    "sizes": SIZES,
    "algorithm": ALGORITHMS,
    "oversubscription": OVERSUBSCRIPTIONS,
    "cluster": CLUSTERS,
}


def test_all_suites_are_known_here():
    assert set(NUM_CASES) <= set(SUITES.names())


@pytest.mark.parametrize("name", list(NUM_CASES))
def test_cases(name):
    suite = load_suite(name)
    assert (suite.name, len(suite.cases)) == (name, NUM_CASES[name])
    for case in suite.cases:
        assert is_evaluation_seed(case.description["seed"])
    seeds = [case.description["seed"] for case in suite.cases]
    assert len(set(seeds)) == (15 if name == "closed_loop" else len(seeds))


def test_suites_share_no_seed():
    seeds = {
        name: {case.description["seed"] for case in load_suite(name).cases} for name in NUM_CASES
    }
    for one, other in combinations(seeds.values(), 2):
        assert not one & other


@pytest.mark.parametrize("count", [3, 9, 20, 50, 100])
def test_any_beginning_is_balanced(count):
    chosen = list(traits(count))
    for name, values in FACTORS.items():
        times = Counter(getattr(each, name) for each in chosen)
        spread = max(times[value] for value in values) - min(times[value] for value in values)
        assert spread <= (3 if name == "cluster" else 1)
    loads = np.array([each.load for each in chosen])
    assert loads.min() >= 0.3
    assert loads.max() <= 0.8
    assert loads.mean() == pytest.approx(0.55, abs=0.5 / count**0.5 / 3)


@pytest.mark.parametrize("start", range(0, 90, 9))
def test_nine_scenarios_have_all_pairs(start):
    nine = list(traits(100))[start : start + 9]
    for one, other in combinations(FACTORS, 2):
        assert len({(getattr(each, one), getattr(each, other)) for each in nine}) == 9


def test_traits_do_not_repeat():
    whole = list(traits(81))
    assert len({tuple(getattr(each, name) for name in FACTORS) for each in whole}) == 81
    assert Counter(each.sigma for each in whole[:80]) == {1.0: 40, 2.0: 40}


def test_closed_loop_has_every_pair_once():
    cases = load_suite("closed_loop").cases
    pairs = {(each.description["seed"], each.labels["limit"]) for each in cases}
    assert len(pairs) == 105
    assert len({each.labels["limit"] for each in cases[:7]}) == 7
    assert len({each.description["seed"] for each in cases[:15]}) == 15


@pytest.mark.parametrize("name", ["smoke", "generalisation", "ablation"])
def test_small_suites_can_be_built(name):
    for case in load_suite(name).cases:
        scenario = case.build()
        assert scenario.name == case.name
        assert scenario.num_flows == (1000 if name == "smoke" else 2000)
        assert scenario.arrays.num_hosts in (16, 32)


def test_sensitivity_is_the_papers():
    first = load_suite("sensitivity").cases[0].build()
    assert (first.arrays.num_hosts, first.num_flows) == (1024, 20_000)
    assert set(first.arrays.link_rate_bps.tolist()) == {10**10}
    assert set(first.arrays.link_delay_ns.tolist()) == {1000}
    for case in load_suite("sensitivity").cases:
        network, control = case.description["network"], case.description["congestion_control"]
        assert network["buffer_bytes"] in range(100 * 1024, 160 * 1024 + 1, 10 * 1024)
        assert network["headroom_cap"] == 0.8
        assert 5000 <= control["init_window_bytes"] <= 15_000
        if control["kind"] == "dctcp":
            assert 10_000 <= network["ecn"]["kmin_bytes"] == network["ecn"]["kmax_bytes"] <= 30_000
        elif control["kind"] == "dcqcn":
            low, high = network["ecn"]["kmin_bytes"], network["ecn"]["kmax_bytes"]
            assert 10_000 <= low <= 30_000 <= high <= 50_000
        else:
            assert 40 <= control["t_low_us"] <= 60 < 100 <= control["t_high_us"] <= 150


def test_closed_loop_and_large_can_be_built():
    waiting = load_suite("closed_loop").cases[3].build()
    assert isinstance(waiting.workload, ClosedLoopWorkload)
    assert (waiting.workload.limit_per_rack, waiting.arrays.num_hosts) == (7, 256)
    large = load_suite("large").cases[1].build()
    assert (large.arrays.num_hosts, large.num_flows) == (6144, 50_000)


def test_parsimon_has_networks_of_two_kinds():
    suite = load_suite("parsimon")
    fast, equal = suite.cases[1].build(), suite.cases[11].build()
    assert {each.arrays.num_hosts for each in (fast, equal)} == {256}
    assert (fast.num_flows, equal.num_flows) == (16_000, 4000)
    assert set(fast.arrays.link_rate_bps.tolist()) == {10**10, 4 * 10**10}
    assert set(equal.arrays.link_rate_bps.tolist()) == {10**10}
    assert equal.congestion_control.init_window_bytes < 18_000
    sigmas = [case.description["workload"]["arrivals"]["sigma"] for case in suite.cases]
    assert sigmas == [2.0, 1.0] * 6
    assert len(labelled_runners(suite.beside)) == len(suite.part(0.1).beside) == 2


def test_collectives_have_all_sizes_networks_and_algorithms():
    scenarios = {case.name: case.build() for case in load_suite("collectives").cases}
    assert {scenario.arrays.num_hosts for scenario in scenarios.values()} == {16, 32, 64, 128}
    controls = [scenario.congestion_control.kind for scenario in scenarios.values()]
    assert {kind: controls.count(kind) for kind in set(controls)} == {
        "dctcp": 5,
        "dcqcn": 4,
        "hpcc": 3,
        "timely": 4,
    }
    operations = {case.labels["operation"] for case in load_suite("collectives").cases}
    assert {"all_reduce ring", "all_reduce tree", "all_to_all direct", "mixed"} <= operations
    assert {"all_reduce hierarchical", "all_to_all rail"} <= operations
    for name, scenario in scenarios.items():
        assert isinstance(scenario.workload, ClosedLoopWorkload)
        assert (scenario.arrays.num_hosts == 64) == ("-64-400G" in name)


@pytest.mark.parametrize("name", ["collectives", "domains"])
def test_the_truth_takes_every_case(name):
    for case in load_suite(name).cases:
        build_idle_state(case.build())


def test_domains_are_what_they_are_called():
    built = {case.name: case.build() for case in load_suite("domains").cases}
    starts = built["equal-starts"].workload.start_ns
    assert len(np.unique(starts)) == -(-built["equal-starts"].num_flows // 16)
    assert np.unique(built["incast"].workload.dst).size == 1
    assert set(built["flows-50MB"].workload.size_bytes.tolist()) == {50_000_000}
    assert built["late-start"].workload.start_ns[0] == 10**10
    assert built["big-switch"].arrays.num_hosts == 96
    assert built["no-window"].congestion_control.init_window_bytes is None
    for name in ("pipe-filling-10G", "pipe-filling-100G"):
        scenario = built[name]
        control = {"kind": scenario.congestion_control.kind, "init_window_bytes": None}
        free = scenario.replace(congestion_control=control)
        windowed, least = (
            least_fct_ns(each, each.workload, each.routes) for each in (scenario, free)
        )
        assert (windowed == least).all()  # the window holds nobody up
    wan = built["wide-area"]
    assert wan.arrays.num_hosts == 11
    assert wan.arrays.link_delay_ns.max() > 5_000_000


def test_generalisation_is_new():
    """Nothing that is new in a scenario stands in a recipe for training data."""
    root = Path(m4graph.__path__[0]).parent / "configs" / "generate"
    recipes = " ".join(path.read_text() for path in root.glob("m4*.yaml"))
    assert "clos" in recipes
    for kind in ("web_search", "dumbbell", "star,", "fixed"):
        assert kind not in recipes


def test_labels():
    first = load_suite("sensitivity").cases[0]
    assert first.labels == {
        "algorithm": "dctcp",
        "sizes": "cache_follower",
        "load": first.description["workload"]["load"],
        "matrix": "A",
        "topology": "clos",
        "oversubscription": "1:1",
    }
    labels = load_suite("closed_loop").cases[1].labels
    assert (labels["limit"], labels["matrix"], labels["sizes"]) == (
        3,
        "client_storage",
        "web_server",
    )


@pytest.mark.parametrize(
    ("fraction", "count"), [(1.0, 100), (0.2, 20), (0.07, 7), (0.001, 1), (0.011, 2)]
)
def test_a_part_of_a_balanced_suite_is_a_beginning(fraction, count):
    suite = load_suite("sensitivity")
    assert suite.part(fraction).cases == suite.cases[:count]


def test_a_part_of_any_suite_is_spread():
    suite = Suite("ten", tuple(Case(str(number), {}) for number in range(10)))
    parts = {fraction: suite.part(fraction).cases for fraction in (0.1, 0.2, 0.3, 1.0)}
    names = {fraction: "".join(case.name for case in cases) for fraction, cases in parts.items()}
    assert names == {0.1: "0", 0.2: "05", 0.3: "036", 1.0: "0123456789"}


@pytest.mark.parametrize("fraction", [0.0, -1.0, 1.1, float("nan")])
def test_bad_fractions(fraction):
    with pytest.raises(ConfigError, match=r"fraction: expected a number in \(0, 1\] \(got"):
        load_suite("smoke").part(fraction)


def test_names_must_differ():
    case = Case("one", {})
    with pytest.raises(ConfigError, match="different names \\(got two one"):
        Suite("double", (case, case))


def test_a_bad_case_is_named():
    case = Case(
        "broken",
        {
            "topology": {"kind": "star", "num_hosts": 3},
            "workload": {"kind": "generated", "load": 2},
            "congestion_control": "dctcp",
        },
    )
    with pytest.raises(ConfigError, match=r"scenario broken: workload\.load: expected"):
        case.build()


def test_nothing_that_trains_knows_suites():
    root = Path(m4graph.__path__[0])
    folders = ("datasets", "training", "learned", "nn", "graph", "checkpoint", "zoo")
    paths = [path for folder in folders for path in (root / folder).rglob("*.py")]
    assert len(paths) > 20
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or "", *(alias.name for alias in node.names)]
            else:
                continue
            assert not [name for name in names if "evaluation" in name.split(".")], path
