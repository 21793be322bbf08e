"""A composed run whose mimics are right gives what the full run gives, to the nanosecond."""

from __future__ import annotations

import numpy as np
import pytest

import m4graph as m4
from m4graph.core.errors import ConfigError
from m4graph.mimic.compose import hook, is_visible, visible
from m4graph.mimic.models import MIMIC_MODELS
from m4graph.mimic.models.oracle import Oracle
from tests.mimic.scenes import scene, traced


def composed(scenario, pods, model):
    small = visible(scenario, pods)
    return m4.simulate(small, "packet", watchers=[hook(pods, model.start(pods, small, seed=0))])


@pytest.mark.parametrize(
    ("control", "pods", "seed"),
    [
        ("newreno", 2, 0),
        ("newreno", 4, 1),
        ("newreno", 8, 2),
        ("dctcp_window", 4, 3),
        ("dctcp", 4, 0),
        ("dctcp", 4, 1),
        ("dctcp", 4, 2),
    ],
)
def test_the_oracle_is_exact(control, pods, seed):
    """All flows, also those whose hosts send hidden packets over the same link.

    In runs of dctcp, ACKs come to hosts in the same tick as the turn of the flow they let send.
    """
    scenario = scene(pods, control, num_flows=60 * pods, seed=seed)
    found, full, traces = traced(scenario)
    result = composed(scenario, found, Oracle.of(traces))
    seen = is_visible(scenario, found)
    np.testing.assert_array_equal(result.flow_id, full.flow_id[seen])
    np.testing.assert_array_equal(result.fct_ns, full.fct_ns[seen])
    np.testing.assert_array_equal(result.ideal_fct_ns, full.ideal_fct_ns[seen])
    assert seen.sum() < len(seen)
    assert result.num_finished == result.num_flows
    assert result.packet_hops < full.packet_hops
    assert full.extra["pfc_pauses_sent"] == 0
    if control == "newreno":
        assert full.extra["packets_dropped"] > 0
    if control == "newreno" and pods == 8:
        assert sum(len(trace.core_drops) for trace in traces) > 0


def test_without_the_gate_hosts_send_too_early():
    """Hidden packets at shared links matter: this is what the gate is for."""
    scenario = scene(4, num_flows=600, seed=1)
    pods, full, traces = traced(scenario)
    small = visible(scenario, pods)
    step = Oracle.of(traces).start(pods, small, seed=0)
    open_step = type(step)(step.step, step.arrays)
    result = m4.simulate(small, "packet", watchers=[hook(pods, open_step)])
    assert (result.fct_ns != full.fct_ns[is_visible(scenario, pods)]).any()


def test_routes_are_those_of_all_flows():
    scenario = scene(4, num_flows=300)
    pods, _, _ = traced(scene(4, num_flows=2))
    seen, small = is_visible(scenario, pods), visible(scenario, pods)
    for row, of_all in enumerate(np.flatnonzero(seen)):
        np.testing.assert_array_equal(
            small.routes.data_route(row), scenario.routes.data_route(of_all)
        )
        np.testing.assert_array_equal(
            small.routes.ack_route(row), scenario.routes.ack_route(of_all)
        )
    given = visible(scenario.replace(routing=scenario.routes), pods)
    np.testing.assert_array_equal(given.routes.data_links, small.routes.data_links)
    np.testing.assert_array_equal(given.routes.ack_ptr, small.routes.ack_ptr)


def test_the_oracle_comes_back_from_what_is_saved():
    scenario = scene(2, num_flows=40)
    pods, full, [trace] = traced(scenario)
    model = MIMIC_MODELS.resolve("oracle").fit(trace, seed=0)
    again = Oracle.from_saved(model.settings(), model.arrays())
    result = composed(scenario, pods, again)
    np.testing.assert_array_equal(result.fct_ns, full.fct_ns[is_visible(scenario, pods)])
    with pytest.raises(ConfigError, match=r"oracle, sent: expected int64 \[n, 6\]"):
        Oracle.from_saved(model.settings(), {**model.arrays(), "sent": np.zeros((2, 5))})


def test_the_oracle_knows_one_network():
    _, _, [trace] = traced(scene(2, num_flows=3))
    other = scene(4, num_flows=3)
    pods = traced(other)[0]
    with pytest.raises(ConfigError, match=r"network of the pods 0 and \[1\] \(got \[1, 2, 3\]\)"):
        Oracle.of([trace]).start(pods, visible(other, pods), seed=0)
