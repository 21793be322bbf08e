"""What holds for the session of every simulator."""

from __future__ import annotations

import signal

import numpy as np
import pytest

import m4graph as m4
from m4graph.congestion import CONGESTION_CONTROLS
from m4graph.core.errors import ConfigError, InputError, SimulationError
from m4graph.simulators.session import ENDED, PAUSED, Outcome, Session

from .conftest import leaf_spine, star


def opened(network, simulator, **arguments):
    return m4.open_session(network, simulator, "dctcp", **arguments)


def add_all(session, workload):
    columns = (workload.src, workload.dst, workload.size_bytes, workload.start_ns)
    return [session.add_flow(*flow) for flow in zip(*columns, strict=True)]


@pytest.fixture(scope="module")
def workload():
    return m4.workload.generate(leaf_spine(), "web_server", load=0.7, num_flows=80, seed=3)


def test_flows_added_beforehand_take_what_simulate_says(simulator, workload):
    result = m4.simulate(m4.Scenario(leaf_spine(), workload, "dctcp"), simulator)
    session = opened(leaf_spine(), simulator)
    assert add_all(session, workload) == list(range(80))
    done = list(session.run())
    assert {each.flow_id: each.fct_ns for each in done} == dict(enumerate(result.fct_ns.tolist()))
    assert [each.ideal_fct_ns for each in done] == result.ideal_fct_ns[
        [each.flow_id for each in done]
    ].tolist()
    assert [each.finish_ns for each in done] == sorted(each.finish_ns for each in done)
    assert session.unfinished == []


@pytest.mark.parametrize("control", CONGESTION_CONTROLS.names())
def test_every_algorithm_gives_the_same_in_a_session(control):
    """Under random marks, PFC and a routing seed; one flow added after the other while it runs."""
    network, config = leaf_spine(), {"buffer_bytes": 200_000}
    routing = {"kind": "ecmp", "seed": 4}
    workload = m4.workload.generate(network, "web_server", load=0.7, num_flows=60, seed=1)
    scenario = m4.Scenario(network, workload, control, config, routing, seed=5)
    result = m4.simulate(scenario, "packet")
    session = m4.open_session(network, "packet", control, config, routing, seed=5)
    rest = zip(workload.src, workload.dst, workload.size_bytes, workload.start_ns, strict=True)
    # A minute ahead of the clock at least, so that nothing starts in the past.
    session.add_flow(*next(rest))
    for flow in rest:
        while session.next_completion(until_ns=max(int(flow[3]) - 10, session.now_ns)) is not None:
            pass
        session.add_flow(*flow)
    list(session.run())
    fct_ns = session.finish_ns - session.start_ns
    assert fct_ns.tolist() == result.fct_ns.tolist()
    assert session.extra == result.extra


def test_sessions_with_ticks_of_a_picosecond(workload):
    config = {"tick": "ps"}
    result = m4.simulate(m4.Scenario(leaf_spine(), workload, "dctcp", config), "packet")
    session = opened(leaf_spine(), "packet", config=config)
    add_all(session, workload)
    for done in session.run():
        assert done.fct_ns == result.fct_ns[done.flow_id]
        assert 0 <= session.now_ns - done.finish_ns <= 1
    assert session.add_flow(0, 7, 1000) == 80
    (done,) = session.run()
    assert (done.start_ns - session.now_ns, done.slowdown) == (-done.ideal_fct_ns, 1.0)
    assert list(session.run(until_ns=2**61)) == []
    session.add_flow(0, 7, 1000)
    with pytest.raises(InputError, match="start_ns: expected at most"):
        list(session.run())


def test_one_flow_after_the_other_while_it_runs(simulator):
    """On idle links, so each takes its ideal time, whatever the simulator."""
    session = opened(star(num_hosts=10), simulator_at_ideal(simulator))
    session.add_flow(0, 1, 1000)
    times = []
    for done in session.run():
        times.append((done.start_ns, done.finish_ns, session.now_ns))
        if done.flow_id < 4:
            assert session.add_flow(done.src + 2, done.dst + 2, 1000) == done.flow_id + 1
    ideal = done.ideal_fct_ns
    assert ideal == 2 * (1000 + 1048 * 8 // 10)
    assert times == [(i * ideal, (i + 1) * ideal, (i + 1) * ideal) for i in range(5)]
    assert (done.slowdown, done.src, done.size_bytes) == (1.0, 8, 1000)


def simulator_at_ideal(simulator):
    """The simulator; a learned one with a model that adds nothing to the physical estimate."""
    from m4graph.nn import FlowLinkModel

    if simulator.name != "learned":
        return simulator
    return m4.simulators.build_simulator("learned", model=FlowLinkModel(hidden_channels=8))


def test_a_session_goes_on_after_its_end_and_after_a_break(simulator):
    session = opened(star(), simulator)
    for size_bytes in (1000, 100_000, 200_000):
        session.add_flow(0, 1, size_bytes)
    for done in session.run():
        assert done.flow_id == 0
        break
    assert [done.flow_id for done in session.run()] == [1, 2]
    assert list(session.run()) == []
    end_ns = session.now_ns
    session.add_flow(2, 3, 1000)
    session.add_flow(1, 3, 1000, start_ns=end_ns + 10**6)
    done = list(session.run())
    assert [each.start_ns for each in done] == [end_ns, end_ns + 10**6]
    assert session.num_flows == 5


def test_time_passes_up_to_a_limit(simulator):
    session = opened(star(), simulator_at_ideal(simulator))
    session.add_flow(0, 1, 1000)
    session.add_flow(2, 3, 1000, start_ns=10_000)
    assert list(session.run(until_ns=3675)) == []
    assert session.now_ns == 3675
    assert session.unfinished == [0, 1]
    (first,) = session.run(until_ns=3676)  # what happens at the limit has happened
    assert (first.flow_id, session.now_ns) == (0, 3676)
    assert list(session.run(until_ns=9_000)) == []
    assert session.add_flow(0, 1, 1000) == 2
    assert [(done.flow_id, done.start_ns) for done in session.run()] == [(2, 9_000), (1, 10_000)]
    assert list(session.run(until_ns=10**9)) == []
    assert session.now_ns == 10**9


def test_running_in_small_steps_changes_nothing(simulator, workload):
    whole, stepped = (opened(leaf_spine(), simulator) for _ in range(2))
    add_all(whole, workload)
    add_all(stepped, workload)
    expected = list(whole.run())
    done, until_ns = [], 0
    while stepped.unfinished:
        until_ns += 7_001
        done += stepped.run(until_ns=until_ns)
        assert stepped.now_ns == until_ns
    assert done == expected


def test_completions_of_one_instant_come_before_a_flow_that_starts_then(simulator):
    """Four flows alike on links of their own end at one time; a fifth is added at the first."""
    session = opened(star(num_hosts=10), simulator_at_ideal(simulator))
    for i in range(4):
        session.add_flow(2 * i, 2 * i + 1, 1000)
    order = []
    for done in session.run():
        order.append((done.flow_id, done.finish_ns))
        if done.flow_id == order[0][0] and session.num_flows == 4:
            session.add_flow(8, 9, 1000)
    assert {flow for flow, _ in order[:4]} == {0, 1, 2, 3}
    assert len({finish for _, finish in order[:4]}) == 1


def test_given_routes(simulator):
    """Hosts 0-3 at switch 8 or 9, 4-7 at the other, two spines between: two ways."""
    session = opened(leaf_spine(), "fluid")
    spines = [node for node in leaf_spine().neighbors(8) if node > 9]
    other = opened(leaf_spine(), simulator_at_ideal(simulator))
    ways = [[0, 8, spine, 9, 4] for spine in spines]
    other.add_flow(0, 4, 1000, route=ways[0], ack_route=ways[1][::-1])
    other.add_flow(0, 4, 1000, start_ns=10**6)
    assert [done.slowdown for done in other.run()] == [1.0, 1.0]
    # On one spine six hosts of 10 Gb/s share 40 Gb/s; on two they do not.
    for src in range(4):
        session.add_flow(src, 4 + src, 10**6, route=[src, 8, spines[0], 9, 4 + src])
    assert all(done.slowdown == 1.0 for done in session.run())


def test_a_flow_may_be_given_a_window():
    """Flows that were there before, and others, keep the window that all have."""
    control = {"kind": "dctcp", "variable_window": False}
    narrow = m4.open_session(leaf_spine(), "packet", control | {"init_window_bytes": 2000})
    narrow.add_flow(0, 4, 100_000)
    (alone,) = narrow.run()
    usual, session = (m4.open_session(leaf_spine(), "packet", control) for _ in range(2))
    for each in usual, session:
        each.add_flow(1, 5, 300_000)
        assert list(each.run(until_ns=50_000)) == []
    compile_s = [each.compile_s for each in (usual, session)]
    session.add_flow(0, 4, 100_000, route=[0, 8, 10, 9, 4], window_bytes=2000)
    usual.add_flow(0, 4, 100_000, route=[0, 8, 10, 9, 4])
    for each in usual, session:
        each.add_flow(2, 6, 100_000)
    fct_ns = {done.flow_id: done.fct_ns for done in session.run()}
    assert fct_ns[1] == alone.fct_ns > 5 * alone.ideal_fct_ns
    # The two others are as they are without it.
    without = {done.flow_id: done.fct_ns for done in usual.run()}
    assert (fct_ns[0], fct_ns[2]) == (without[0], without[2])
    # Windows of single flows take another kernel, whose compilation is counted too.
    assert usual.compile_s == compile_s[0]
    assert session.compile_s > compile_s[1]


def test_windows_of_single_flows_are_those_of_rdma_in_packet():
    for simulator, control, message in (
        ("fluid", "dctcp", "flow 0: expected no window_bytes in a session of this simulator"),
        ("packet", "newreno", "flow 0: expected no window_bytes with newreno"),
    ):
        session = m4.open_session(leaf_spine(), simulator, control)
        with pytest.raises(InputError, match=message):
            session.add_flow(0, 4, 1000, window_bytes=5000)
        assert session.num_flows == 0


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"route": [0, 8, 4]}, "flow 0: link 8-4: expected two nodes with a cable"),
        ({"route": [0]}, "flow 0: expected a route of two nodes or more"),
        ({"route": [1, 8, 10, 9, 4]}, "flow 0: data route: expected it to start at host 0"),
        ({"route": [0, 8, 10, 9, 5]}, "flow 0: data route: expected it to end at host 4"),
        ({"route": [0, 8, 10, 8, 11, 9, 4]}, "expected each node once"),
        ({"route": [0, 8, "x"]}, "expected a route's node to be an integer"),
        ({"route": "0-8-4"}, "flow 0: expected route to be a list of nodes .got '0-8-4'"),
        ({"route": 8}, "flow 0: expected route to be a list of nodes .got 8"),
        ({"route": [0, 8, 10, 9, 4], "ack_route": [4, 8, 0]}, "flow 0: link 4-8: expected two no"),
        ({"window_bytes": 0}, "flow 0: expected window_bytes from 1 to 10"),
        ({"window_bytes": 1.5}, "flow 0: expected window_bytes to be an integer .got 1.5"),
        ({"ack_route": [4, 9, 10, 8, 0]}, "expected a route with the ack_route"),
        ({"src": 8}, "flow 0: expected src to be a host, 0 to 7 .got 8"),
        ({"dst": -1}, "flow 0: expected dst to be a host, 0 to 7 .got -1"),
        ({"dst": 0}, "flow 0: expected two hosts .got 0 for both"),
        ({"size_bytes": 0}, "flow 0: expected a size of 1 byte or more .got 0"),
        ({"size_bytes": 1.5}, "flow 0: expected size_bytes to be an integer .got 1.5"),
        ({"size_bytes": True}, "flow 0: expected size_bytes to be an integer .got True"),
        ({"start_ns": 99}, "flow 0: expected start_ns from now, 100, on .got 99"),
    ],
)
def test_bad_flows_change_nothing(simulator, keys, message):
    session = opened(leaf_spine(), simulator)
    list(session.run(until_ns=100))
    with pytest.raises(InputError, match=message):
        session.add_flow(**{"src": 0, "dst": 4, "size_bytes": 1000} | keys)
    assert session.num_flows == 0
    assert session.add_flow(0, 4, 1000) == 0
    assert len(list(session.run())) == 1


def test_the_past_is_refused(simulator):
    session = opened(star(), simulator)
    list(session.run(until_ns=100))
    with pytest.raises(InputError, match=r"session: expected until_ns from now, 100, on .got 99"):
        session.next_completion(until_ns=99)
    with pytest.raises(InputError, match="flow 0: expected an announced flow that has no start"):
        session.start(0)


def test_flows_that_can_never_finish_are_left():
    """Without PFC, a switch drops the tail of both bursts, and nobody sends it again."""
    config = {
        "pfc": False,
        "buffer_bytes": 20_000,
        "headroom_cap": 0.5,
        "ecn": {"kmin_bytes": 10**6, "kmax_bytes": 10**6},
    }
    session = opened(star(), "packet", config=config)
    for src in (0, 1, 2):
        session.add_flow(src, 3, 30_000)
    finished = {done.flow_id for done in session.run()}
    assert session.extra["packets_dropped"] > 0
    assert session.unfinished == sorted({0, 1, 2} - finished) != []
    late = session.add_flow(0, 1, 1000)
    assert [(done.flow_id, done.slowdown) for done in session.run()] == [(late, 1.0)]
    assert list(session.run(until_ns=10**9)) == []


@pytest.fixture
def ctrl_c():
    """A shell that runs the tests in the background has them ignore Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_loses_nothing(simulator, workload, monkeypatch):
    whole, session = (opened(leaf_spine(), simulator) for _ in range(2))
    add_all(whole, workload)
    add_all(session, workload)
    expected = list(whole.run())
    advance, steps = session._advance, [0]

    def interrupted(until_ns):
        outcome = advance(until_ns)
        steps[0] += 1
        if steps[0] in (3, 4, 20):
            signal.raise_signal(signal.SIGINT)  # before anybody has seen the outcome
        return outcome

    monkeypatch.setattr(session, "_advance", interrupted)
    done, interrupts, before = [], 0, signal.getsignal(signal.SIGINT)
    while len(done) < len(expected):
        try:
            for each in session.run():
                done.append(each)
                assert signal.getsignal(signal.SIGINT) != before
        except KeyboardInterrupt:
            interrupts += 1
        assert signal.getsignal(signal.SIGINT) == before
    assert interrupts == 3
    assert done == expected


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_while_nothing_runs_is_at_once(simulator):
    session = opened(star(), simulator)
    session.add_flow(0, 1, 1000)
    completions = session.run()
    next(completions)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert list(completions) == session.unfinished == []


class Broken(Session):
    """Fails at its second step."""

    def _admit(self, flows):
        self.left = 1

    def _start(self, flow_ids, start_ns):
        pass

    def _advance(self, until_ns):
        if self.left == 0:
            raise SimulationError("no luck")
        self.left -= 1
        return Outcome(PAUSED, 0, 5)


def test_a_failure_is_remembered():
    none = np.zeros(0, np.int64)
    nothing = m4.workload.Workload.from_arrays(none, none, none, none, none)
    session = Broken(m4.Scenario(star(), nothing, "dctcp"))
    session.add_flow(0, 1, 1000)
    with pytest.raises(SimulationError, match=r"^no luck$"):
        session.next_completion()
    assert session.now_ns == 5
    with pytest.raises(
        SimulationError, match=r"session: it has failed \(no luck\); open a new one"
    ):
        list(session.run())
    assert ENDED != PAUSED


class Plain(m4.Simulator):
    """A simulator without sessions."""

    name = "plain"

    def run(self, scenario, progress=None):
        raise NotImplementedError


def test_simulators_without_sessions_name_those_that_have_them():
    with pytest.raises(ConfigError, match=r"simulator 'plain': expected one that has sessions.*"
                       "one of fluid, learned, packet"):  # fmt: skip
        opened(star(), Plain)


def test_bad_arguments_of_a_session():
    with pytest.raises(ConfigError, match="unknown option 'scop'"):
        opened(star(), "fluid", scop="full")
    with pytest.raises(ConfigError, match=r"network\.pcf: unknown key"):
        opened(star(), "fluid", config={"pcf": True})
    with pytest.raises(ConfigError, match="labels: expected false in a session"):
        opened(star(), "packet", labels=True)


def test_routes_too_long_for_hpcc_are_refused():
    network = m4.topology.parking_lot(num_switches=7, hosts_per_switch=2, host_gbps=10,
                                      fabric_gbps=10, delay_ns=1000)  # fmt: skip
    session = m4.open_session(network, "packet", "hpcc")
    with pytest.raises(ConfigError, match="flow 0: expected at most 5 switches"):
        session.add_flow(0, 13, 1000, route=[0, *range(14, 21), 13])
    assert session.num_flows == 0
    session.add_flow(0, 13, 1000)
    with pytest.raises(ConfigError, match="flow 0: expected at most 5 switches"):
        list(session.run())
    with pytest.raises(
        SimulationError, match=r"session: it has failed .flow 0: expected at most 5"
    ):
        list(session.run())
