from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from m4graph.simulators.fluid import fair_rates, make_scratch

from .naive import csr, lexicographic_rates, naive_rates


def rates_of(routes, capacities):
    pointer, links = csr(routes)
    flows, rates = np.arange(len(routes), dtype=np.int32), np.full(len(routes), np.nan)
    scratch = make_scratch(len(capacities), len(routes), len(links))
    fair_rates(flows, pointer, links, np.array(capacities, float), scratch, rates)
    return rates


HAND_WORKED = {
    "one flow": ([[0, 1]], [2.0, 3.0], [2]),
    "two on a link": ([[0], [0]], [1.0], [0.5, 0.5]),
    "what one cannot use goes to the other": ([[0], [0, 1]], [1.0, 0.25], [0.75, 0.25]),
    "parking lot, equal links": (
        [[0, 1, 2], [0], [1], [2]],
        [1.0, 1.0, 1.0],
        [0.5, 0.5, 0.5, 0.5],
    ),
    "parking lot, one narrow link": (
        [[0, 1, 2], [0], [1], [2]],
        [1.0, 0.5, 2.0],
        [0.25, 0.75, 0.25, 1.75],
    ),
    # Three on the first link get 1/3 each there, whatever else is free.
    "three levels": (
        [[0, 1], [0], [0], [1, 2], [2]],
        [1.0, 1.0, 1.0],
        [1 / 3, 1 / 3, 1 / 3, 0.5, 0.5],
    ),
    "levels rise link after link": (
        [[0], [0, 1], [1, 2], [2]],
        [1.0, 2.0, 4.0],
        [0.5, 0.5, 1.5, 2.5],
    ),
    "a link twice as often": ([[0]] * 8, [1.0], [0.125] * 8),
    "no shared link": ([[0], [1], [2]], [1.0, 2.0, 3.0], [1, 2, 3]),
}


@pytest.mark.parametrize("name", HAND_WORKED)
def test_by_hand(name):
    routes, capacities, expected = HAND_WORKED[name]
    np.testing.assert_allclose(rates_of(routes, capacities), expected, rtol=1e-14)


def test_only_the_active_flows_count():
    pointer, links = csr([[0], [0], [1], [0, 1]])
    scratch, rates = make_scratch(2, 4, len(links)), np.zeros(2)
    fair_rates(np.array([3, 1], np.int32), pointer, links, np.array([1.0, 0.2]), scratch, rates)
    np.testing.assert_allclose(rates, [0.2, 0.8])
    assert scratch.flows["bottleneck"][:2].tolist() == [1, 0]


def test_scratch_can_be_used_again():
    pointer, links = csr([[0, 1], [1]])
    scratch, rates = make_scratch(2, 2, len(links)), np.zeros(2)
    for flows, expected in (([0, 1], [0.5, 0.5]), ([0], [1.0]), ([], []), ([1, 0], [0.5, 0.5])):
        out = rates[: len(flows)]
        fair_rates(np.array(flows, np.int32), pointer, links, np.ones(2), scratch, out)
        assert out.tolist() == expected
        assert not scratch.links["rising"].any()


@njit
def _total(flows, pointer, links, capacities, scratch, rates):
    fair_rates(flows[:2], pointer, links, capacities, scratch, rates[:2])
    return rates[:2].sum()


def test_callable_from_a_kernel_and_on_read_only_routes():
    pointer, links = csr([[0], [0], [0]])
    pointer.setflags(write=False)
    links.setflags(write=False)
    flows = np.arange(3, dtype=np.int32)
    total = _total(flows, pointer, links, np.ones(1), make_scratch(1, 3, 3), np.zeros(3))
    assert total == 1.0


@st.composite
def networks(draw, max_links=6, max_flows=8):
    num_links = draw(st.integers(1, max_links))
    capacities = draw(st.lists(st.integers(1, 12), min_size=num_links, max_size=num_links))
    route = st.lists(st.integers(0, num_links - 1), min_size=1, max_size=4, unique=True)
    routes = draw(st.lists(route, min_size=1, max_size=max_flows))
    return routes, capacities


@settings(max_examples=300, deadline=None)
@given(networks())
def test_equals_textbook_filling(network):
    routes, capacities = network
    expected = naive_rates(dict(enumerate(routes)), capacities)
    np.testing.assert_allclose(
        rates_of(routes, capacities), [float(expected[i]) for i in range(len(routes))], rtol=1e-12
    )


@settings(max_examples=30, deadline=None)
@given(networks(max_links=4, max_flows=5))
def test_equals_the_definition_by_linear_programs(network):
    routes, capacities = network
    np.testing.assert_allclose(
        rates_of(routes, capacities), lexicographic_rates(routes, capacities), rtol=1e-5
    )


@settings(max_examples=100, deadline=None)
@given(networks(max_links=12, max_flows=40))
def test_no_link_is_overloaded_and_every_flow_has_a_bottleneck(network):
    routes, capacities = network
    rates = rates_of(routes, capacities)
    used, fastest = np.zeros(len(capacities)), np.zeros(len(capacities))
    for route, rate in zip(routes, rates, strict=True):
        used[route] += rate
        fastest[route] = np.maximum(fastest[route], rate)
    capacities = np.array(capacities)
    assert (used <= capacities * (1 + 1e-12)).all()
    full = used >= capacities * (1 - 1e-12)
    for route, rate in zip(routes, rates, strict=True):
        assert any(full[link] and rate >= fastest[link] * (1 - 1e-12) for link in route)


@settings(max_examples=100, deadline=None)
@given(networks(), st.randoms(use_true_random=False))
def test_numbers_of_flows_and_links_do_not_matter(network, random):
    routes, capacities = network
    new_link = random.sample(range(len(capacities)), len(capacities))
    order = random.sample(range(len(routes)), len(routes))
    moved = [0] * len(capacities)
    for link, capacity in enumerate(capacities):
        moved[new_link[link]] = capacity
    shuffled = [[new_link[link] for link in reversed(routes[flow])] for flow in order]
    np.testing.assert_allclose(
        rates_of(shuffled, moved), rates_of(routes, capacities)[order], rtol=1e-13
    )
