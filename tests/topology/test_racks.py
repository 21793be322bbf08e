from __future__ import annotations

import numpy as np
import pytest

from m4graph.core.errors import TopologyError
from m4graph.topology import fat_tree, leaf_spine, parking_lot, racks, star


def test_racks_of_generators():
    assert racks(fat_tree(4)).tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7]
    assert racks(star(3)).tolist() == [0, 0, 0]
    assert racks(leaf_spine(3, 2, 1)).dtype == np.int32


@pytest.mark.parametrize("graph", [fat_tree(4), parking_lot(4, 3)])
def test_switch_of_the_host_stands_in_for_the_attribute(graph):
    expected = racks(graph).tolist()
    for host in range(len(expected)):
        del graph.nodes[host]["rack"]
    assert racks(graph).tolist() == expected


def test_attribute_goes_first():
    graph = star(3)
    for host, rack in enumerate((7, 7, 2)):
        graph.nodes[host]["rack"] = rack
    assert racks(graph).tolist() == [7, 7, 2]


@pytest.mark.parametrize("rack", [None, -1, 1.0, "a", True, 2**31])
def test_bad_rack(rack):
    graph = star(3)
    graph.nodes[1]["rack"] = rack
    with pytest.raises(TopologyError, match="host 1: expected a rack, an integer of 0 or above"):
        racks(graph)
