"""Routes around cables that are down."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from m4graph import topology
from m4graph.routing import check_routes, ecmp_routes, reroute

NETWORK = topology.fat_tree(k=4, host_gbps=10, fabric_gbps=10, delay_ns=1000)
ARRAYS = topology.validate(NETWORK)


def pairs(count, seed):
    rng = np.random.default_rng(seed)
    src = rng.integers(0, 16, count)
    return src, (src + rng.integers(1, 16, count)) % 16


@settings(deadline=None)
@given(st.integers(0, 100), st.integers(0, 3), st.sets(st.integers(0, 47), max_size=6))
def test_no_route_crosses_a_cable_that_is_down(seed, hash_seed, cables):
    src, dst = pairs(60, seed)
    first = ecmp_routes(ARRAYS, src, dst, hash_seed)
    between_switches = ARRAYS.link_src[::2] >= 16
    cables = [cable for cable in sorted(cables) if between_switches[cable]]
    down = np.zeros(ARRAYS.num_links, bool)
    down[[2 * cable + cable % 2 for cable in cables]] = True  # One direction is enough.
    routes = reroute(ARRAYS, first, src, dst, down, hash_seed)
    check_routes(routes, ARRAYS, np.arange(60), src, dst)
    np.testing.assert_array_equal(routes.source_port, first.source_port)
    either = down | down[np.arange(ARRAYS.num_links) ^ 1]
    for row in range(60):
        for old, new in (
            (first.data_route(row), routes.data_route(row)),
            (first.ack_route(row), routes.ack_route(row)),
        ):
            assert not either[new].any() or np.array_equal(old, new)
    if not cables:
        np.testing.assert_array_equal(routes.data_links, first.data_links)
        np.testing.assert_array_equal(routes.ack_links, first.ack_links)


def test_a_flow_that_is_cut_off_keeps_its_route():
    """Host 0's edge switch loses both uplinks; the host beside it can still be reached."""
    src, dst = np.array([0, 0, 5]), np.array([5, 1, 9])
    first = ecmp_routes(ARRAYS, src, dst)
    edge = ARRAYS.link_dst[ARRAYS.host_uplink[0]]
    down = (ARRAYS.link_src == edge) & (ARRAYS.link_dst >= 16)
    assert down.sum() == 2
    routes = reroute(ARRAYS, first, src, dst, down)
    for row in range(3):
        np.testing.assert_array_equal(routes.data_route(row), first.data_route(row))
