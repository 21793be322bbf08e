"""Networks: generators and readers that give validated networkx graphs, and their arrays.

A network is an undirected :class:`networkx.Graph`, or a :class:`networkx.MultiGraph` where it has
parallel cables. Nodes are integers, hosts first, with the attribute ``kind`` (``"host"``,
``"switch"`` or ``"nvswitch"``) and, where they mean something, ``tier`` (``"tor"``, ``"agg"``,
``"core"``), ``pod``, ``rack``, ``server`` and ``rail``. Edges are full-duplex cables with
``rate_bps`` and ``delay_ns``.
"""

from m4graph.topology.arrays import NetworkArrays
from m4graph.topology.canonical import from_networkx, host_labels
from m4graph.topology.clos import clos
from m4graph.topology.config import TOPOLOGIES, from_config
from m4graph.topology.dumbbell import dumbbell
from m4graph.topology.fat_tree import fat_tree
from m4graph.topology.file import from_file
from m4graph.topology.hpcc import to_hpcc
from m4graph.topology.leaf_spine import leaf_spine
from m4graph.topology.parking_lot import parking_lot
from m4graph.topology.racks import racks
from m4graph.topology.rail import rail
from m4graph.topology.simai import to_simai
from m4graph.topology.star import star
from m4graph.topology.table import to_csv
from m4graph.topology.validation import validate

__all__ = [
    "TOPOLOGIES",
    "NetworkArrays",
    "clos",
    "dumbbell",
    "fat_tree",
    "from_config",
    "from_file",
    "from_networkx",
    "host_labels",
    "leaf_spine",
    "parking_lot",
    "racks",
    "rail",
    "star",
    "to_csv",
    "to_hpcc",
    "to_simai",
    "validate",
]
