"""A stop time: what has not finished by then is unfinished, in every simulator."""

from __future__ import annotations

import numpy as np
import pytest

import m4graph as m4
from m4graph.core.errors import InputError
from m4graph.scenario.files import save_scenario
from m4graph.workload import Workload

FCT_NS = (3676, 11218)  # 1000 and 10 000 bytes, alone on a star of 10 Gb/s and 1 us


def scenario(stop_ns, sizes=(1000, 10_000)):
    network = m4.topology.star(num_hosts=4, gbps=10, delay_ns=1000)
    flows = Workload.from_arrays(
        np.arange(2), np.array([0, 1]), np.array([2, 3]), np.array(sizes), np.array([0, 100])
    )
    return m4.Scenario(network, flows, "dctcp", stop_ns=stop_ns)


@pytest.mark.parametrize("simulator", ["packet", "fluid"])
@pytest.mark.parametrize(
    ("stop_ns", "expected"),
    [
        (None, FCT_NS),
        (FCT_NS[0], (-1, -1)),
        (FCT_NS[0] + 1, (FCT_NS[0], -1)),
        (FCT_NS[1] + 100, (FCT_NS[0], -1)),
        (FCT_NS[1] + 101, FCT_NS),
        (50, (-1, -1)),
    ],
)
def test_what_ends_before_it_is_finished(simulator, stop_ns, expected):
    result = m4.simulate(scenario(stop_ns), simulator)
    assert tuple(result.fct_ns) == expected
    assert result.num_finished == sum(fct_ns > 0 for fct_ns in expected)


def test_a_stop_that_no_clock_reaches():
    far = scenario(2**62).replace(config={"tick": "ps"})
    assert m4.simulate(far, "packet").num_finished == 2


def test_a_flow_that_only_the_stop_time_ends():
    result = m4.simulate(scenario(50_000, sizes=(1000, 10**12)), "packet")
    assert tuple(result.fct_ns) == (FCT_NS[0], -1)
    assert result.packet_hops < 1000


@pytest.mark.parametrize("simulator", ["packet", "fluid"])
def test_closed_loops_stop(simulator):
    network = m4.topology.star(num_hosts=4, gbps=10, delay_ns=1000)
    ring = m4.workload.ring_all_reduce(range(4), 40_000)
    whole = m4.simulate(m4.Scenario(network, ring, "dctcp"), simulator)
    stop_ns = whole.completion_time_ns // 2
    half = m4.simulate(m4.Scenario(network, ring, "dctcp", stop_ns=stop_ns), simulator)
    ends = whole.start_ns + whole.fct_ns
    assert 0 < half.num_finished < whole.num_finished
    np.testing.assert_array_equal(half.finished, ends < stop_ns)
    np.testing.assert_array_equal(half.fct_ns[half.finished], whole.fct_ns[half.finished])


def test_it_is_kept_in_files(tmp_path):
    save_scenario(scenario(1_000_000_100), tmp_path / "one")
    assert m4.load_scenario(tmp_path / "one").stop_ns == 1_000_000_100
    save_scenario(scenario(None), tmp_path / "two")
    assert "stop_us" not in (tmp_path / "two" / "scenario.yaml").read_text()


@pytest.mark.parametrize("value", ["0", "-1", "1e18", "soon"])
def test_bad_ones(tmp_path, value):
    save_scenario(scenario(None), tmp_path)
    with pytest.raises(InputError, match="stop_us"):
        m4.load_scenario(tmp_path, [("stop_us", value)])
