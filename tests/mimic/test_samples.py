"""What counts of a run, by hand."""

from __future__ import annotations

import numpy as np
import pytest

import m4graph as m4
from m4graph.core.errors import SimulationError
from m4graph.mimic.samples import HostSamples
from m4graph.simulators.packet import PacketSimulator
from m4graph.simulators.packet.observe.host_meter import EndToEndWatcher
from m4graph.workload import Workload

STAR = m4.topology.star(num_hosts=4, gbps=0.1, delay_ns=1000)
MS = 1_000_000
HOSTS = np.array([0, 1])
RECORDING = {"rtt": [0, 1], "throughput": [0, 1]}


def scenario(**changes) -> m4.Scenario:
    """Flows of 1000 bytes at 5, 100, 150 and 195 ms, and one of two hosts that do not count."""
    src, dst = np.array([0, 2, 0, 3, 0]), np.array([2, 1, 3, 2, 1])
    start_ns = np.array([5, 100, 150, 160, 195]) * MS
    workload = Workload.from_arrays(np.arange(5), src, dst, np.full(5, 1000), start_ns)
    return m4.Scenario(
        STAR, workload, **{"congestion_control": "newreno", "stop_ns": 300 * MS} | changes
    )


def samples(made: m4.Scenario, margin_ns: int = 10 * MS) -> HostSamples:
    result = PacketSimulator(recording=RECORDING).run(made)
    return HostSamples.of(result, HOSTS, margin_ns)


def test_the_middle_of_a_run_counts():
    """Without its first and last 10 ms; flows with one end at a host, segments that it sends."""
    made = samples(scenario())
    assert (len(made.fct_ns), made.num_unfinished) == (3, 0)
    # The run is over when the last flow is, before its ACK is back.
    assert len(made.rtt_ns) == 1
    # Host 1 receives in the second window of 100 ms; the one that begins at 0 does not count.
    assert made.throughput_bytes.tolist() == [2000]


def test_without_a_stop_time_the_last_start_is_the_end():
    made = samples(scenario(stop_ns=None))
    assert (len(made.fct_ns), len(made.rtt_ns)) == (2, 1)


def test_what_does_not_finish_is_counted():
    made = samples(scenario(stop_ns=195 * MS + 100_000), 50_000)
    assert (len(made.fct_ns), made.num_unfinished) == (3, 1)


def test_a_watcher_gives_the_same():
    result = PacketSimulator(watchers=[EndToEndWatcher(HOSTS)]).run(scenario())
    made, other = HostSamples.of(result, HOSTS, 10 * MS), samples(scenario())
    assert made.rtt_ns.tolist() == other.rtt_ns.tolist()
    assert len(made.marked) == len(made.rtt_ns)
    assert not made.marked.any()


def test_a_simulator_without_packets_gives_times_of_flows():
    made = HostSamples.of(m4.simulate(scenario(congestion_control="dctcp"), "fluid"), HOSTS, MS)
    assert (len(made.fct_ns), len(made.rtt_ns), len(made.throughput_bytes)) == (4, 0, 0)


def test_a_short_run_is_refused():
    with pytest.raises(SimulationError, match="expected a run of more than 400000000 ns"):
        samples(scenario(), 200 * MS)
