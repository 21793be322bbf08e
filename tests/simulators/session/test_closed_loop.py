"""Closed loops through the simulators: exact times, limits, files, comparisons."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import m4graph as m4
from m4graph.cli.app import main
from m4graph.core.errors import ConfigError, InputError, WorkloadError
from m4graph.nn import FlowLinkModel
from m4graph.runs import FlowNetwork
from m4graph.workload import ClosedLoopWorkload, Workload, closed_loop

from .conftest import leaf_spine, star

ACK_NS = 48  # 60 bytes at 10 Gb/s


def plain(simulator):
    """The simulator; a learned one with a model that adds nothing to the physical estimate."""
    if simulator.name != "learned":
        return simulator
    return m4.simulators.build_simulator("learned", model=FlowLinkModel(hidden_channels=8))


def scenario_of(workload, network=None, **arguments):
    return m4.Scenario(star() if network is None else network, workload, "dctcp", **arguments)


def chain(num_flows, delay_ns, size_bytes=100_000, ready_ns=0):
    """Each flow on two links of its own, after the one before."""
    n = num_flows
    return ClosedLoopWorkload.from_arrays(
        id=np.arange(n),
        src=2 * np.arange(n),
        dst=2 * np.arange(n) + 1,
        size_bytes=np.full(n, size_bytes),
        ready_ns=np.full(n, ready_ns),
        after_ptr=np.concatenate(([0], np.arange(n))),
        after=np.arange(n - 1),
        delay_ns=np.concatenate(([0], np.full(n - 1, delay_ns))),
    )


def test_a_chain_takes_its_ideal_times_and_its_pauses(simulator):
    scenario = scenario_of(chain(5, delay_ns=70, ready_ns=9), star(num_hosts=10))
    result = m4.simulate(scenario, plain(simulator))
    ideal = int(scenario.ideal_fct_ns[0])
    assert result.fct_ns.tolist() == [ideal] * 5
    assert result.start_ns.tolist() == [9 + i * (ideal + 70) for i in range(5)]
    assert result.completion_time_ns == 5 * ideal + 4 * 70
    assert (result.num_events, result.num_finished) == (10, 5)


def test_a_ring_all_reduce_takes_its_steps():
    """No two flows of a step share a link. A packet's ACK goes before the data of the next step,
    over the same link, so each step but the first begins an ACK later."""
    n = 4
    scenario = scenario_of(m4.workload.ring_all_reduce(range(n), 1000 * n))
    ideal = int(scenario.ideal_fct_ns[0])
    steps = 2 * (n - 1)
    assert m4.simulate(scenario, "fluid").completion_time_ns == steps * ideal
    packet = m4.simulate(scenario, "packet")
    assert packet.completion_time_ns == steps * ideal + (steps - 1) * ACK_NS
    assert packet.packet_hops >= 2 * packet.num_flows * 2 - 2 * n


def test_large_chunks_of_a_ring_take_their_steps_as_a_fluid(simulator):
    n = 4
    scenario = scenario_of(m4.workload.ring_all_reduce(range(n), 250_000 * n))
    steps = 2 * (n - 1) * int(scenario.ideal_fct_ns[0])
    time_ns = m4.simulate(scenario, plain(simulator)).completion_time_ns
    if simulator.name == "fluid":
        assert time_ns == steps
    # ACKs take a part of 60 / 1048 of a link that sends and receives.
    assert steps <= time_ns <= 1.07 * steps


def test_an_all_to_all_with_a_window_of_one_is_rounds_of_permutations():
    scenario = scenario_of(m4.workload.all_to_all(range(4), 500_000, window=1))
    result = m4.simulate(scenario, "fluid")
    assert result.completion_time_ns == 3 * int(scenario.ideal_fct_ns[0])


def test_a_tree_of_three_hosts_by_hand():
    """Both children send up to the root at once, sharing its link; then the root sends down."""
    scenario = scenario_of(m4.workload.tree_all_reduce(range(3), 1_000_000))
    ideal = int(scenario.ideal_fct_ns[0])
    latency = 2000 + 838
    shared = latency + 2 * (ideal - latency)
    assert m4.simulate(scenario, "fluid").completion_time_ns == 2 * shared


def backlog(limit, num_flows=60):
    opened = m4.workload.generate(leaf_spine(), "web_server", load=0.9, num_flows=num_flows, seed=2)
    return closed_loop(opened, limit_per_rack=limit, backlog=True)


@pytest.mark.parametrize("limit", [1, 3])
def test_racks_keep_to_their_limit_and_release_one_when_one_completes(simulator, limit):
    workload = backlog(limit)
    result = m4.simulate(scenario_of(workload, leaf_spine()), simulator)
    assert result.finished.all()
    for rack in (range(4), range(4, 8)):
        rows = np.flatnonzero(np.isin(workload.src, list(rack)))
        start, end = result.start_ns[rows], (result.start_ns + result.fct_ns)[rows]
        assert (np.diff(start[np.argsort(workload.id[rows])]) >= 0).all()
        for at_ns in start:
            assert ((start <= at_ns) & (end > at_ns)).sum() <= limit
            assert at_ns == 0 or at_ns in end  # takes the place of one that has just completed


def test_no_limit_and_no_dependencies_is_the_open_loop(simulator):
    opened = m4.workload.generate(leaf_spine(), "web_server", load=0.7, num_flows=60, seed=2)
    expected = m4.simulate(scenario_of(opened, leaf_spine()), simulator)
    result = m4.simulate(scenario_of(closed_loop(opened), leaf_spine()), simulator)
    assert result.fct_ns.tolist() == expected.fct_ns.tolist()
    assert result.start_ns.tolist() == opened.start_ns.tolist()
    assert result.completion_time_ns == expected.completion_time_ns


@pytest.mark.parametrize("simulator", ["fluid", "learned"], indirect=True)
def test_the_open_loop_of_the_starts_that_came_out_gives_the_same_times(simulator):
    scenario = scenario_of(backlog(2), leaf_spine())
    result = m4.simulate(scenario, simulator)
    closed = scenario.workload
    replayed = Workload.from_arrays(
        np.arange(closed.num_flows), closed.src, closed.dst, closed.size_bytes, result.start_ns
    )
    order = replayed.id  # rows of the closed loop, by start
    routes = scenario.routes
    parts = [
        (np.concatenate([routes_of(row) for row in order]), lengths[order])
        for routes_of, lengths in (
            (routes.data_route, np.diff(routes.data_ptr)),
            (routes.ack_route, np.diff(routes.ack_ptr)),
        )
    ]
    ptr = [np.concatenate(([0], np.cumsum(lengths))) for _, lengths in parts]
    given = m4.routing.Routes(routes.source_port[order], ptr[0], parts[0][0], ptr[1], parts[1][0])
    again = m4.simulate(scenario_of(replayed, leaf_spine(), routing=given), simulator)
    np.testing.assert_allclose(again.fct_ns, result.fct_ns[order], atol=1)


def test_flows_behind_one_that_never_finishes_do_not_start():
    """The switch drops the tails of some of three bursts for good; one flow waits for all."""
    config = {"pfc": False, "buffer_bytes": 20_000, "headroom_cap": 0.5,
              "ecn": {"kmin_bytes": 10**6, "kmax_bytes": 10**6}}  # fmt: skip
    workload = ClosedLoopWorkload.from_arrays(
        id=[0, 1, 2, 3, 4],
        src=[0, 1, 2, 3, 3],
        dst=[3, 3, 3, 0, 1],
        size_bytes=[30_000] * 3 + [1000] * 2,
        ready_ns=[0] * 4 + [10**6],
        after_ptr=[0, 0, 0, 0, 3, 3],
        after=[0, 1, 2],
        delay_ns=[0] * 5,
    )
    result = m4.simulate(scenario_of(workload, config=config), "packet")
    assert (result.start_ns[3], result.fct_ns[3]) == (-1, -1)
    assert (result.start_ns[4], result.slowdown[4]) == (10**6, 1.0)
    assert result.num_finished < 4
    assert result.completion_time_ns is None
    summary = result.summary()
    assert summary["completion_time_ns"] is summary["flows_per_s"] is None
    frame = result.to_frame()
    assert frame["start_ns"].isna().tolist() == [False, False, False, True, False]


def test_given_routes_and_routes_do_not_depend_on_the_order_of_starts():
    scenario = scenario_of(backlog(1), leaf_spine())
    given = scenario.replace(routing=scenario.routes)
    for simulator in ("packet", "fluid"):
        expected = m4.simulate(scenario, simulator)
        assert m4.simulate(given, simulator).fct_ns.tolist() == expected.fct_ns.tolist()


def test_a_batch_may_hold_both_loops():
    simulator = m4.simulators.build_simulator("learned", model=FlowLinkModel(hidden_channels=8))
    opened = m4.workload.generate(leaf_spine(), "web_server", num_flows=20)
    scenarios = [scenario_of(each, leaf_spine()) for each in (opened, backlog(2, 20), opened)]
    results = m4.simulate_batch(scenarios, simulator)
    assert [each.scenario for each in results] == scenarios
    assert results[1].fct_ns.tolist() == m4.simulate(scenarios[1], simulator).fct_ns.tolist()


def test_progress():
    seen = []
    m4.simulate(scenario_of(backlog(2), leaf_spine()), "fluid",
                progress=lambda done, total: seen.append((done, total)))  # fmt: skip
    assert seen[-1] == (60, 60)


def test_comparisons_have_the_error_of_the_completion_time():
    scenario = scenario_of(backlog(2), leaf_spine())
    truth, guess = (m4.simulate(scenario, simulator) for simulator in ("packet", "fluid"))
    comparison = m4.compare(truth, guess)
    error = abs(guess.completion_time_ns - truth.completion_time_ns) / truth.completion_time_ns
    assert comparison.errors["fluid"].completion_time_error == error > 0
    assert "completion-time error" in comparison.markdown()
    assert comparison.to_frame()["completion_time_error"].tolist()[1] == error


def test_what_needs_known_starts_refuses_in_one_line():
    scenario = scenario_of(backlog(2), leaf_spine())
    with pytest.raises(WorkloadError, match="expected an open-loop workload"):
        FlowNetwork.from_scenario(scenario)
    with pytest.raises(WorkloadError, match="expected an open-loop workload"):
        m4.to_hetero_data(scenario, at_event=3)
    with pytest.raises(ConfigError, match="labels: expected false"):
        m4.simulate(scenario, "packet", labels=True)


SCENARIO = """\
topology: {kind: leaf_spine, num_leaves: 2, hosts_per_leaf: 4, num_spines: 2, host_gbps: 10,
           fabric_gbps: 40, delay_ns: 1000}
workload:
  kind: closed_loop
  flows: {kind: generated, sizes: web_server, load: 0.9, num_flows: 40}
  limit_per_rack: 2
  backlog: true
congestion_control: {kind: dctcp}
"""


def test_the_command_line_writes_what_gives_the_same_bits(tmp_path):
    (tmp_path / "loop.yaml").write_text(SCENARIO)
    arguments = ["simulate", str(tmp_path / "loop.yaml"), "--simulator", "packet", "--out"]
    assert main([*arguments, str(tmp_path / "one")]) == 0
    fct = pd.read_csv(tmp_path / "one" / "fct.csv")
    assert list(fct.columns) == ["id", "fct_ns", "ideal_fct_ns", "slowdown", "start_ns"]
    summary = json.loads((tmp_path / "one" / "summary.json").read_text())
    assert summary["completion_time_ns"] == (fct.start_ns + fct.fct_ns).max()
    assert summary["flows_per_s"] == pytest.approx(40e9 / summary["completion_time_ns"])
    again = ["simulate", str(tmp_path / "one"), "--simulator", "packet", "--out"]
    assert main([*again, str(tmp_path / "two")]) == 0
    assert (tmp_path / "two" / "fct.csv").read_text() == (tmp_path / "one" / "fct.csv").read_text()
    loaded = m4.load_scenario(tmp_path / "one")
    assert (loaded.workload.limit_per_rack, loaded.num_flows) == (2, 40)


def test_tables_of_a_scenario_are_relative_to_it(tmp_path):
    (tmp_path / "flows.csv").write_text("id,src,dst,bytes,start_ns\n0,0,1,1000,5\n1,2,3,1000,9\n")
    (tmp_path / "loop.csv").write_text(
        "id,src,dst,bytes,ready_ns,after,delay_ns\n0,0,1,1000,0,,0\n1,2,3,1000,0,0,50\n"
    )
    begin, end = SCENARIO.split("workload:")[0], "congestion_control: dctcp\n"
    nested = "workload: {kind: closed_loop, limit_per_rack: 1, flows: {file: flows.csv}}\n"
    (tmp_path / "nested.yaml").write_text(begin + nested + end)
    waiting = "workload: {kind: closed_loop, file: loop.csv}\n"
    (tmp_path / "waiting.yaml").write_text(begin + waiting + end)
    limited = m4.simulate(m4.load_scenario(tmp_path / "nested.yaml"), "packet")
    assert limited.start_ns.tolist() == [5, 5 + 3676]
    following = m4.simulate(m4.load_scenario(tmp_path / "waiting.yaml"), "packet")
    assert following.start_ns.tolist() == [0, 3676 + 50]
    (tmp_path / "loop.csv").write_text("id,src,dst,bytes,ready_ns,after\n")
    with pytest.raises(InputError, match=r"loop\.csv: expected the columns .*after,delay_ns"):
        m4.load_scenario(tmp_path / "waiting.yaml")


def test_text_formats_of_open_loops_are_refused(tmp_path, capsys):
    (tmp_path / "loop.yaml").write_text(SCENARIO)
    arguments = ["convert", "--to", "hpcc", str(tmp_path / "loop.yaml"), str(tmp_path / "out")]
    assert main(arguments) == 2
    assert "workload: expected an open loop, as hpcc has no other" in capsys.readouterr().err


def test_the_command_line_compares(tmp_path, capsys):
    (tmp_path / "loop.yaml").write_text(SCENARIO)
    out = tmp_path / "out"
    arguments = ["--simulators", "packet,fluid", "--out", str(out)]
    assert main(["compare", str(tmp_path / "loop.yaml"), *arguments]) == 0
    assert "completion-" in capsys.readouterr().out
    errors = pd.read_csv(out / "errors.csv")
    assert errors["completion_time_error"].notna().tolist() == [False, True]
    assert "In a closed loop" in (out / "summary.md").read_text()


def test_recorded_times_may_be_the_truth_of_a_closed_loop(tmp_path):
    (tmp_path / "scenario.yaml").write_text(SCENARIO)
    m4.simulate(m4.load_scenario(tmp_path), "packet").to_file(tmp_path / "expected.csv")
    assert main(["compare", str(tmp_path), "--simulators", "packet,fluid"]) == 0
