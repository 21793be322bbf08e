from __future__ import annotations

import numpy as np
import pytest

import m4graph as m4
from m4graph.routing import EcmpRouter


@pytest.mark.parametrize("seed", [0, 7])
def test_one_flow_after_the_other_takes_the_ways_of_a_batch(seed):
    network = m4.topology.fat_tree(k=4, host_gbps=10, fabric_gbps=40, delay_ns=1000)
    arrays = m4.topology.validate(network)
    random = np.random.default_rng(1)
    src = random.integers(16, size=300)
    dst = (src + 1 + random.integers(15, size=300)) % 16
    batch = EcmpRouter(arrays, seed).route(src, dst)
    router = EcmpRouter(arrays, seed)
    router.route(src[:20], dst[:20])  # both kinds count the same flows
    for row in range(20, 300):
        one = router.route_one(int(src[row]), int(dst[row]))
        assert one.source_port[0] == batch.source_port[row]
        assert one.data_links.tolist() == batch.data_route(row).tolist()
        assert one.ack_links.tolist() == batch.ack_route(row).tolist()
    assert len(set(map(tuple, (batch.data_route(row) for row in range(300))))) > 100
