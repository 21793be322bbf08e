"""Watchers: when they are called, what they see and give; that looking on changes nothing."""

from __future__ import annotations

import numpy as np
import pytest

import m4graph as m4
from m4graph.core.errors import ConfigError
from m4graph.simulators.packet import PacketRun, Watcher
from m4graph.workload import Workload

SWITCH = 3
STAR = m4.topology.star(num_hosts=3, gbps=10, delay_ns=1000)
TWO = Workload.from_arrays(
    np.arange(2), np.arange(2), np.full(2, 2), np.full(2, 5000), np.zeros(2, np.int64)
)


class Clock(Watcher):
    """Notes the time of each call, and how many packets have been sent by then."""

    def __init__(self, *times_ns: int) -> None:
        self._times_ns = times_ns

    def begin(self, run: PacketRun) -> None:
        self.seen: list[tuple[int, int]] = []
        for time_ns in self._times_ns:
            run.call_at(time_ns, self._note)

    def finish(self, run: PacketRun) -> dict[str, object]:
        return {"clock": self.seen}

    def _note(self, run: PacketRun) -> None:
        self.seen.append((run.now_ns, int(run.state.control["packet_hops"][0])))


def run(*watchers, tick="ns", **options):
    scenario = m4.Scenario(STAR, TWO, "dctcp", config={"tick": tick})
    return m4.simulate(scenario, "packet", watchers=watchers, **options)


@pytest.mark.parametrize("tick", ["ns", "ps"])
def test_a_watcher_is_called_at_its_times(tick):
    """Packets take 838 ns on a link: at 1000 ns each host has sent one, and begun the second."""
    result = run(Clock(1000, 500, 2000), tick=tick)
    assert result.extra["clock"] == [(500, 2), (1000, 4), (2000, 7)]


def test_looking_on_changes_nothing():
    plain = run()
    watched = run(Clock(*range(1, 9000, 7)), labels=True)
    np.testing.assert_array_equal(plain.fct_ns, watched.fct_ns)
    assert len(watched.extra["clock"]) == len(range(1, 9000, 7))
    assert watched.extra["labels"].num_events == 4


def test_a_watcher_may_see_several_runs():
    clock = Clock(500)
    scenario = m4.Scenario(STAR, TWO, "dctcp")
    results = m4.simulate_batch([scenario, scenario], "packet", watchers=[clock])
    assert [result.extra["clock"] for result in results] == [[(500, 2)], [(500, 2)]]


def test_calls_of_one_time_come_in_the_order_of_asking():
    seen = []

    class Asks(Watcher):
        def begin(self, run):
            run.call_at(600, lambda run: seen.append("first"))
            run.call_at(600, lambda run: seen.append("second"))
            run.call_at(300, lambda run: run.call_at(600, lambda run: seen.append("third")))

    run(Asks())
    assert seen == ["first", "second", "third"]


def test_a_call_keeps_no_run_alive():
    class Never(Watcher):
        def begin(self, run):
            run.call_at(10**9, lambda run: pytest.fail("called after the last flow"))

    assert run(Never()).num_finished == 2


def test_a_watcher_that_writes_acts():
    """A link at a tenth of its rate from the start: every packet takes ten times as long."""

    class Slows(Watcher):
        def begin(self, run):
            links = run.state.links
            links["full_tx_ticks"][links["dst"] == 2] *= 10

    assert run(Slows()).fct_ns.max() == 1838 + 10 * 8380 + 1000


def test_two_watchers_of_one_name_are_refused():
    with pytest.raises(ConfigError, match="watchers: expected 'clock' of one watcher only"):
        run(Clock(), Clock())


@pytest.mark.parametrize(
    "option", [{"labels": True}, {"recording": {"links": "all"}}, {"watchers": [Clock()]}]
)
def test_sessions_refuse_what_observes(option):
    with pytest.raises(ConfigError, match=rf"{next(iter(option))}: expected .* in a session"):
        m4.open_session(STAR, "packet", **option)


def test_a_call_in_the_past_is_refused():
    class Late(Watcher):
        def begin(self, run):
            run.call_at(500, lambda run: run.call_at(499, self.begin))

    with pytest.raises(ValueError, match=r"expected a time from now, 500 ns, on \(got 499"):
        run(Late())
