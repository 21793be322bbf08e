"""Writes m4graph/reserved_scenarios.json: the hashes of scenarios that datasets refuse.

Run it, from the repository, when an example or a suite gets new scenarios; examples have to be
added to ``reserved`` first. A test holds the file and this list equal.

    python datasets/reserve_scenarios.py
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from m4graph import Scenario, topology, workload
from m4graph.core.rng import EVALUATION_SEEDS
from m4graph.datasets import scenario_hash
from m4graph.datasets.making.leakage import RESERVED_FILE
from m4graph.evaluation.suites import SUITES, Case, load_suite


def reserved() -> Iterator[tuple[str, Scenario]]:
    """Every reserved scenario, after what it stands for."""
    yield from fattree_eval()
    for name in SUITES.names():
        yield from suite(name)


def fattree_eval() -> Iterator[tuple[str, Scenario]]:
    """The cases of examples/fattree_eval.py, each under the seeds that it may use."""
    network = topology.fat_tree(k=4, host_gbps=10, fabric_gbps=40, delay_ns=1000)
    laws, loads = ("web_search", "cache_follower"), (0.3, 0.6)
    for sizes, load, seed in product(laws, loads, EVALUATION_SEEDS[:4]):
        flows = workload.generate(network, sizes=sizes, load=load, num_flows=2000, seed=seed)
        yield f"fattree_eval, {sizes}, load {load}, seed {seed}", Scenario(network, flows, "dctcp")


def suite(name: str) -> Iterator[tuple[str, Scenario]]:
    """The cases of a suite; of those that only differ in the limit of a closed loop, the first.

    Those whose flows wait for each other from the start, as in collectives, are left out: when
    these start depends on the algorithm, so that they have no hash; recipes must not draw them.
    """
    seen = set()
    for case in load_suite(name).cases:
        if case.labels.get("operation") is not None:
            continue
        opened = open_loop(case)
        key = json.dumps([opened.description[part] for part in ("topology", "workload", "seed")])
        if key not in seen:
            seen.add(key)
            yield f"suite {name}, {case.name}", opened.build()


def open_loop(case: Case) -> Case:
    """A case whose flows start when their block says so, and do not wait for each other."""
    flows = case.description["workload"].get("flows")
    if flows is None:
        return case
    return replace(case, description={**case.description, "workload": flows})


def hashes() -> dict[str, str]:
    """What the file holds: hash to purpose."""
    return {scenario_hash(scenario): purpose for purpose, scenario in reserved()}


def main() -> None:
    """Writes the file."""
    text = json.dumps(hashes(), indent=1) + "\n"
    RESERVED_FILE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
