"""Each rule for simulators catches one that is made to break it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from m4graph.core.errors import InputError
from m4graph.simulators import SIMULATORS, Simulator
from m4graph.simulators.base import refuse_faults
from m4graph.simulators.fluid import FluidSimulator
from m4graph.simulators.fluid.session import FluidSession
from m4graph.testing import ConformanceError, check_simulator
from m4graph.workload import Workload


class Toy(Simulator):
    """The fluid simulator under another name, without sessions; keeps all rules."""

    name = "toy"

    def run(self, scenario, progress=None):
        refuse_faults(self.name, scenario)
        return self.answer(FluidSimulator().run(scenario, progress))

    def answer(self, result):
        fct_ns = self.times(result.scenario, result.fct_ns)
        return dataclasses.replace(result, simulator=self.name, fct_ns=fct_ns)

    def times(self, scenario, fct_ns):
        return fct_ns


class Unbuilt(Toy):
    def __init__(self):
        raise OSError("no licence")


class Unfinished(Toy):
    def times(self, scenario, fct_ns):
        return np.where(fct_ns == fct_ns.max(initial=0), -1, fct_ns)


class FloatTimes(Toy):
    def times(self, scenario, fct_ns):
        return fct_ns * 1.0


class Renamed(Toy):
    def answer(self, result):
        return dataclasses.replace(super().answer(result), simulator="fluid")


class Halved(Toy):
    def answer(self, result):
        return dataclasses.replace(super().answer(result), num_events=result.scenario.num_flows)


class Scribbling(Toy):
    def times(self, scenario, fct_ns):
        sizes = scenario.workload.size_bytes
        sizes.setflags(write=True)
        sizes[:] += 1
        return fct_ns


class Late(Toy):
    def times(self, scenario, fct_ns):
        return fct_ns + 10


class TooFast(Toy):
    def times(self, scenario, fct_ns):
        return fct_ns if len(fct_ns) < 2 else fct_ns // 20


class Counting(Toy):
    calls = 0

    def times(self, scenario, fct_ns):
        Counting.calls += len(fct_ns) > 1
        return fct_ns + Counting.calls


class Names(Toy):
    def times(self, scenario, fct_ns):
        return fct_ns + (scenario.workload.id == 1007)


class Clock(Toy):
    def times(self, scenario, fct_ns):
        return fct_ns + scenario.workload.start_ns // 1_000_000


class NeedsFlows(Toy):
    def times(self, scenario, fct_ns):
        assert fct_ns.max() > 0
        return fct_ns


class Forgetting(Toy):
    def run_batch(self, scenarios):
        return super().run_batch(scenarios[:1])


class Backwards(Toy):
    def run(self, scenario, progress=None):
        if progress is not None:
            for done in (3, 2):
                progress(done, scenario.num_flows)
        return super().run(scenario)


class Blind(Toy):
    def run(self, scenario, progress=None):
        return self.answer(FluidSimulator().run(scenario.replace(faults=()), progress))


class OpenOnly(Toy):
    def run(self, scenario, progress=None):
        assert isinstance(scenario.workload, Workload)
        return super().run(scenario, progress)


class RudeSessions(Toy):
    def open_session(self, scenario):
        raise NotImplementedError


class EarlySession(FluidSession):
    def _advance(self, until_ns):
        outcome = super()._advance(until_ns)
        return outcome._replace(finish_ns=outcome.finish_ns - 100)


class OtherSessions(Toy):
    def open_session(self, scenario):
        return EarlySession(scenario, "affected", 0.0)


class LazySession(FluidSession):
    def _start(self, flow_ids, start_ns):
        super()._start(flow_ids, [start + 400_000 * (start > 0) for start in start_ns])


class LazySessions(Toy):
    def open_session(self, scenario):
        return LazySession(scenario, "affected", 0.0)


class Sessions(Toy):
    def open_session(self, scenario):
        return FluidSession(scenario, "affected", 0.0)


def test_good_ones():
    SIMULATORS.register("toy", Toy)
    assert check_simulator("toy").rules == check_simulator(Sessions).rules


@pytest.mark.parametrize(
    ("rule", "simulator", "problem"),
    [
        ("made", Unbuilt, "expected no error .got OSError: no licence"),
        ("answers", Unfinished, "every flow to finish"),
        ("answers", FloatTimes, "fct_ns in int64"),
        ("answers", Renamed, "a result of 'toy'"),
        ("answers", Halved, "16 events"),
        ("scenario left alone", Scribbling, "size_bytes of the scenario as it was"),
        ("lone flow", Late, "a lone flow of 1 bytes"),
        ("not too fast", TooFast, "on the wire"),
        ("same bits", Counting, "the same times twice"),
        ("names of flows", Names, "flows of other ids"),
        ("origin of time", Clock, "123456789 ns later"),
        ("no flows", NeedsFlows, "expected no error"),
        ("batch", Forgetting, "2 results for 2 scenarios"),
        ("progress", Backwards, "progress that never goes back"),
        ("faults", Blind, "no answer over a dead cable"),
        ("closed loop", OpenOnly, "expected no error"),
        ("sessions", RudeSessions, "expected no error .got NotImplementedError"),
        ("sessions", OtherSessions, "in a session the times of an open loop"),
        ("sessions", LazySessions, "expected"),
    ],
)
def test_a_broken_simulator_is_caught(rule, simulator, problem):
    with pytest.raises(ConformanceError, match=problem) as error:
        check_simulator(simulator)
    assert error.value.rule == rule
    assert str(error.value).startswith(f"simulator {simulator.__name__!r}: rule {rule!r}: ")


def test_an_inexact_simulator_declares_how_inexact():
    with pytest.raises(ConformanceError, match="lone flow"):
        check_simulator(Late, tolerance=1e-5)
    check_simulator(Late, tolerance=0.01)


def test_faults_are_refused_as_input():
    class Refusing(Toy):
        def run(self, scenario, progress=None):
            if scenario.faults:
                raise InputError("faults: expected none\nat all")
            return super().run(scenario, progress)

    with pytest.raises(ConformanceError, match="a message of one line"):
        check_simulator(Refusing)
