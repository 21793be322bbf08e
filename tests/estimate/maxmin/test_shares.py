from __future__ import annotations

import numpy as np
import pytest

from m4graph.estimate.maxmin.filling import fair_rates, make_scratch
from m4graph.estimate.maxmin.shares import SCOPES, attach, detach, forget_change, rebalance
from m4graph.simulators.fluid.state import grow_state, make_state

from .naive import csr


def shares_with(routes, capacities):
    pointer, links = csr(routes)
    state = grow_state(make_state(np.array(capacities, float)), len(routes), len(links))
    state.shares.route_ptr[:] = pointer
    state.shares.route_links[:] = links
    return state.shares, state.scratch


def update(shares, scratch, scope="affected"):
    number = rebalance(shares, scratch, SCOPES[scope])
    changed = sorted(shares.changed[:number].tolist())
    forget_change(shares)
    return changed


def test_a_change_stays_where_it_matters():
    """Two flows share link 0, one of them is limited by link 1; flow 2 is connected through
    link 1, but nothing changes for it."""
    shares, scratch = shares_with([[0], [0, 1], [1], [0]], [1.0, 0.5])
    for flow in (0, 1, 2):
        attach(shares, flow)
    assert update(shares, scratch) == [0, 1, 2]
    assert shares.flows["rate"].tolist() == [0.75, 0.25, 0.25, 0.0]
    attach(shares, 3)
    assert update(shares, scratch) == [0, 3]
    assert shares.flows["rate"].tolist() == [0.375, 0.25, 0.25, 0.375]
    detach(shares, 3)
    assert update(shares, scratch) == [0]
    assert shares.flows["rate"].tolist() == [0.75, 0.25, 0.25, 0.0]


def test_a_departure_from_a_link_that_limits_nobody_changes_nothing():
    shares, scratch = shares_with([[0, 1], [1]], [0.25, 1.0])
    attach(shares, 0)
    update(shares, scratch)
    attach(shares, 1)
    assert update(shares, scratch) == [1]
    detach(shares, 0)
    assert update(shares, scratch) == [1]
    assert shares.flows["rate"].tolist() == [0.0, 1.0]


def test_the_component_scope_takes_the_connected_flows_only():
    shares, scratch = shares_with([[0], [0, 1], [1, 2], [3], [2]], [1.0] * 4)
    for flow in (0, 1, 2, 3):
        attach(shares, flow)
    update(shares, scratch)
    attach(shares, 4)
    assert update(shares, scratch, "component") == [0, 1, 2, 4]
    detach(shares, 3)
    assert update(shares, scratch, "component") == []


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("seed", range(6))
def test_always_the_rates_from_scratch(scope, seed):
    """Thousands of arrivals and departures, several at a time; then the same without history."""
    rng = np.random.default_rng(seed)
    num_links, num_flows = 30, 300
    capacities = rng.choice([1.0, 1.25, 2.5, 5.0, 0.1], num_links)
    routes = [
        rng.choice(num_links, rng.integers(1, 6), replace=False).tolist() for _ in range(num_flows)
    ]
    shares, scratch = shares_with(routes, capacities)
    check, active = make_scratch(num_links, num_flows, len(shares.route_links)), set()
    target = rng.integers(5, 80)
    for _ in range(600):
        for flow in rng.choice(num_flows, rng.integers(1, 4), replace=False).tolist():
            if flow in active:
                detach(shares, flow)
                active.remove(flow)
            elif len(active) < target:
                attach(shares, flow)
                active.add(flow)
        update(shares, scratch, scope)
        flows = np.array(sorted(active), np.int32)
        expected = np.zeros(len(flows))
        pointer, links = shares.route_ptr, shares.route_links
        fair_rates(flows, pointer, links, capacities, check, expected)
        np.testing.assert_allclose(shares.flows["rate"][flows], expected, rtol=1e-9)
