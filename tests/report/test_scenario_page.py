"""What a page says of one scenario."""

from __future__ import annotations

import math

import networkx as nx
import numpy as np
import pytest

import m4graph as m4
from m4graph.report import write_report
from m4graph.report.directions import Directions
from m4graph.report.flows import MOST_FLOWS
from m4graph.report.recording import recording_of

from .conftest import Recorded, recorded_of, result_of, scenario_of
from .reading import column_of, content_of, section_of


@pytest.fixture(scope="module")
def written(comparison, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    write_report(comparison, path)
    return content_of(path)


def test_facts(written):
    facts = dict(written["facts"])
    assert facts["Network"] == "16 hosts, 20 switches, 48 cables of 10 and 40 Gb/s"
    assert facts["Congestion control"] == "dctcp"
    assert written["notes"] == [
        f"{name}: 1 of 400 flows did not finish." for name in ("packet", "fluid", "learned")
    ]


def test_errors(written, comparison):
    table = section_of(written, "Simulators")
    assert column_of(table, "simulator") == ["packet", "fluid", "learned"]
    expected = comparison.errors["fluid"].mean_error
    assert column_of(table, "mean error")[:2] == [None, pytest.approx(expected, rel=1e-3)]


def test_distribution(written, comparison):
    view = section_of(written, "Slowdowns")["views"][0]
    (points,) = [each["points"] for each in view["series"] if each["name"] == "learned"]
    slowdown = np.sort(comparison.guesses["learned"].slowdown[1:])
    for value, share in points:
        assert value == pytest.approx(slowdown[round(share * 399) - 1], rel=1e-3)
    assert points[-1][1] == 1


def test_use_of_links(written, comparison):
    network = section_of(written, "Network")
    (use,) = [each for each in network["measures"] if each["name"] == "use"]
    arrays = comparison.truth.scenario.arrays
    records = comparison.truth.extra["recording"]
    link = 7
    ends = [int(arrays.link_src[link]), int(arrays.link_dst[link])]
    end_ns = max(
        int(records.links["time_ns"].max()),
        int((comparison.truth.start_ns + comparison.truth.fct_ns)[1:].max()),
    )
    expected = 50 * link * 8 / (arrays.link_rate_bps[link] * end_ns / 1e9)
    value = use["values"][network["ends"].index(ends)]
    assert value == pytest.approx(expected, rel=1e-3)


def test_share_of_tail(written, comparison):
    network = section_of(written, "Network")
    (tail,) = [each for each in network["measures"] if "slowest 1 %" in each["name"]]
    uplinks = [
        value for value, (a, _) in zip(tail["values"], network["ends"], strict=True) if a < 16
    ]
    assert math.fsum(uplinks) == pytest.approx(1, rel=1e-3)  # Each flow crosses one of them.


def test_longest_queue_comes_first(written, comparison):
    series = section_of(written, "Over time")
    arrays = comparison.truth.scenario.arrays
    network = section_of(written, "Network")
    direction, samples = series["links"]["of"][0]
    assert network["ends"][direction] == [int(arrays.link_src[3]), int(arrays.link_dst[3])]
    assert samples["queue_bytes"][:2] == [5000, 0]
    assert samples["paused_fraction"][:2] == [0.5, 0]


def test_rate_of_a_flow(written):
    series = section_of(written, "Over time")
    _, samples = series["flows"][0]
    span_us = samples["time_us"][1] - samples["time_us"][0]
    assert samples["gbps"][1] == pytest.approx(1000 * 8 / (span_us * 1e3), rel=1e-2)


def test_what_an_incast_met(tmp_path):
    """Three flows to one host: its downlink is what they met, and the other two were there."""
    network = m4.topology.star(num_hosts=5, gbps=10, delay_ns=1000)
    workload = m4.workload.Workload.from_arrays(
        id=[0, 1, 2, 3], src=[0, 1, 2, 4], dst=[3, 3, 3, 0], size_bytes=[100_000] * 4,
        start_ns=[0, 0, 0, 50_000_000],
    )  # fmt: skip
    scenario = m4.Scenario(network, workload, "dctcp", name="incast")
    result = m4.simulate(scenario, "fluid")
    write_report(result, tmp_path / "without.html")
    records = recorded_of(scenario)
    down = scenario.arrays.link_id(5, 3)
    is_there = (records.links["b"] == 3) & (records.links["time_ns"] < 3_000_000)
    links = records.links.assign(queue_bytes=np.where(is_there, 40_000, 0))
    result.extra["recording"] = Recorded(scenario, links, records.flows)
    write_report(result, tmp_path / "with.html")
    for name, queue in (("without", None), ("with", 40_000)):
        content = content_of(tmp_path / f"{name}.html")
        met = section_of(content, "Slowest flows, and what they met")["met"]
        direction = int(Directions(scenario.arrays).of_link[down])
        assert met["link"][:3] == [direction] * 3
        assert met["beside"] == [2, 2, 2, 0]
        assert met.get("queue_bytes", [None])[0] == queue


def test_parallel_cables_are_one_direction():
    network = nx.MultiGraph()
    network.add_nodes_from([0, 1], kind="host")
    network.add_node(2, kind="switch")
    network.add_edges_from([(0, 2), (1, 2), (1, 2)], rate_bps=10**10, delay_ns=1000)
    directions = Directions(m4.topology.validate(network))
    assert list(zip(directions.src, directions.dst, strict=True)) == [
        (0, 2), (2, 0), (1, 2), (2, 1),
    ]  # fmt: skip
    assert directions.rate_bps.tolist() == [1e10, 1e10, 2e10, 2e10]
    assert directions.of_ends(np.array([2, 1]), np.array([1, 2])).tolist() == [3, 2]


def test_many_flows_are_binned(tmp_path):
    scenario = scenario_of(MOST_FLOWS + 1, name="many")
    truth, guess = result_of(scenario, "packet", 0), result_of(scenario, "fluid", 1)
    write_report(m4.compare(truth, guess), tmp_path / "report.html")
    content = content_of(tmp_path / "report.html")
    section = section_of(content, "Slowdown by flow size")
    assert "Of 20,001 flows a dot stands for all in its cell" in section["text"]
    dots = section["views"][-1]
    assert dots["dots"] == "cells"
    assert sum(count for _, _, count in dots["series"][0]["points"]) == MOST_FLOWS
    shown = content["flows"]["slowdown"]["packet"]
    assert len(shown) < MOST_FLOWS
    assert shown[1] == pytest.approx(np.nanmax(truth.slowdown), rel=1e-3)


def test_nothing_finished(tmp_path):
    scenario = scenario_of(5, name="stuck")
    result = result_of(scenario, "packet", 0)
    result.fct_ns[:] = -1
    write_report(result, tmp_path / "report.html")
    content = content_of(tmp_path / "report.html")
    assert [each["title"] for each in content["sections"]][:2] == ["Simulators", "Network"]


def test_recording_has_some_hundred_samples():
    scenario = scenario_of(200)
    result = m4.simulate(scenario, "fluid")
    end_us = (result.start_ns + result.fct_ns).max() / 1e3
    assert 100 < end_us / recording_of(scenario)["interval_us"] < 1000
