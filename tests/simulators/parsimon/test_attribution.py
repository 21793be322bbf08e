"""Which link holds up the tail."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

import m4graph as m4
from m4graph.cli.app import main
from m4graph.evaluation import plot_bottlenecks
from m4graph.scenario.files import write_scenario_files
from m4graph.workload import Workload

STAR = m4.topology.star(num_hosts=8, gbps=10, delay_ns=1000)
SWITCH = 8
COLUMNS = ["a", "b", "load", "num_flows", "num_packets", "state", "share_of_tail"]


def flows(*rows: tuple[int, int, int, int]) -> Workload:
    """A workload of rows (src, dst, bytes, start_ns)."""
    src, dst, size_bytes, start_ns = (np.array(column) for column in zip(*rows, strict=True))
    return Workload.from_arrays(np.arange(len(rows)), src, dst, size_bytes, start_ns)


def links_of(scenario, **options):
    frame = m4.simulate(scenario, "parsimon", jobs=1, **options).extra["links"].to_frame()
    return frame.set_index(["a", "b"], drop=False)


@pytest.mark.parametrize("passes", [1, 2])
def test_an_incast_is_held_up_at_the_receiver(passes):
    incast = [(src, 7, 50_000, 0) for src in range(6)]
    quiet = [(i % 6, (i + 1) % 6, 1000, 10**6 + 10**5 * i) for i in range(500)]
    links = links_of(m4.Scenario(STAR, flows(*incast, *quiet), "dctcp"), passes=passes)
    assert list(links.columns) == COLUMNS
    assert links.index[0] == (SWITCH, 7)
    assert links["share_of_tail"].iloc[0] == pytest.approx(6 / 7, abs=0.15)
    into = links.loc[(SWITCH, 7)]
    assert (into["num_flows"], into["num_packets"]) == (6, 300)
    assert into["load"] > 0.9
    assert set(links["state"]) == {"simulated"}


def test_a_slow_cable_is_found():
    network = m4.topology.leaf_spine(
        num_leaves=4, hosts_per_leaf=4, num_spines=2, host_gbps=10, fabric_gbps=20, delay_ns=1000
    )
    workload = m4.workload.generate(network, sizes="web_server", load=0.3, num_flows=2000, seed=3)
    scenario = m4.Scenario(network, workload, "dctcp")
    slow = scenario.replace(
        faults=[{"kind": "slow", "link": [16, 20], "factor": 0.05, "direction": "forward"}]
    )
    assert links_of(slow).index[0] == (16, 20)
    assert links_of(slow)["share_of_tail"].iloc[0] > 0.8
    assert links_of(scenario)["share_of_tail"].get((16, 20), 0) < 0.2


def test_shares_are_of_flows_that_are_held_up():
    """All are alone: nobody is held up, though one has the largest slowdown."""
    lone = flows(*((0, 1, 1000 * (i + 1), 10**7 * i) for i in range(5)))
    links = links_of(m4.Scenario(STAR, lone, "dctcp"))
    assert links["share_of_tail"].sum() == 0
    assert links.index.tolist() == [(0, SWITCH), (SWITCH, 1)]


def test_what_is_pruned_holds_up_nobody():
    workload = m4.workload.generate(STAR, sizes="web_server", load=0.5, num_flows=400, seed=3)
    links = links_of(m4.Scenario(STAR, workload, "dctcp"), min_load=0.4)
    pruned = links[links["state"] == "pruned"]
    assert 0 < len(pruned) < len(links)
    assert (pruned["share_of_tail"] == 0).all()
    assert 0 < links["share_of_tail"].sum() <= 1 + 1e-9


def test_files_of_simulate(tmp_path):
    workload = m4.workload.generate(STAR, sizes="web_server", load=0.5, num_flows=200, seed=3)
    (tmp_path / "scenario").mkdir()
    write_scenario_files(m4.Scenario(STAR, workload, "dctcp"), tmp_path / "scenario")
    arguments = ["simulate", tmp_path / "scenario", "--simulator", "parsimon"]
    options = ["--option", f"parsimon.cache={tmp_path / 'cache'}", "--option", "parsimon.jobs=1"]
    for out, state in ("first", "simulated"), ("second", "cached"):
        assert main(list(map(str, [*arguments, *options, "--out", tmp_path / out]))) == 0
        with (tmp_path / out / "links.csv").open() as file:
            rows = list(csv.DictReader(file))
        assert list(rows[0]) == COLUMNS
        assert {row["state"] for row in rows} == {state}
        assert (tmp_path / out / "links.png").stat().st_size > 10_000
        extra = json.loads((tmp_path / out / "summary.json").read_text())["extra"]
        assert extra[f"links_{state}"] == len(rows)
    first, second = ((tmp_path / out / "fct.csv").read_bytes() for out in ("first", "second"))
    assert first == second


@pytest.mark.parametrize(
    "network",
    [
        STAR,
        m4.topology.clos(pods=2, racks=2, hosts=4, planes=2, spines=2),
        m4.topology.parking_lot(5, 2),
    ],
)
def test_plot(network, tmp_path):
    """The half of a cable next to a node is the link that leaves it; guilty ones have colours."""
    workload = m4.workload.generate(network, sizes="web_server", load=0.5, num_flows=300, seed=3)
    scenario = m4.Scenario(network, workload, "dctcp", name="costs $5")
    links = m4.simulate(scenario, "parsimon", jobs=1).extra["links"]
    plot_bottlenecks(links, tmp_path / "links.svg")
    text = (tmp_path / "links.svg").read_text()
    guilty = links.to_frame().query("share_of_tail > 0")
    for a, b in zip(guilty["a"][:6], guilty["b"][:6], strict=True):
        assert f"{a} to {b}: " in text
