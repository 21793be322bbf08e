"""What a port of a mimic is like: curves of waits, drops and marks over its level.

A port has a level, a normal number that changes as time goes by; it stands for the traffic that is
not simulated. The higher the level, the longer a packet waits. :data:`PORT_CURVE` says how long,
and how fast the level changes.
"""

from __future__ import annotations

import numpy as np

NUM_LOADS = 4
"""Classes of the traffic that is simulated: of the load that it has just put on the port."""

NUM_LEVELS = 33
MAX_LEVEL = 3.2
"""Levels are tabulated from ``-MAX_LEVEL`` to it; beyond, the outermost ones hold."""

LEVEL_STEP = 2 * MAX_LEVEL / (NUM_LEVELS - 1)

NUM_GAPS = 4
"""Classes of times since the last drop."""

DROP_MEMORY = 0.125
"""For so long a port remembers a drop, in the time that its longest queue takes to drain."""

NUM_ROLES, NUM_KINDS = 6, 2

PORT_CURVE = np.dtype(
    [
        ("is_fitted", "i8"),  # 0: nothing happens at such ports
        ("load_ticks", "f8"),  # for so long the load of a packet is remembered
        ("fast_share", "f8"),  # of the level's variance
        ("fast_ticks", "f8"),  # after so long the fast part of the level is forgotten
        ("slow_ticks", "f8"),
        ("load_edges", "f4", NUM_LOADS - 1),  # of the classes, in ticks of transmissions
        ("wait_ticks", "f4", (NUM_LOADS, NUM_LEVELS)),
        ("drop", "f4", (NUM_LOADS, NUM_LEVELS)),  # chance, if there was no drop just before
        ("mark", "f4", (NUM_LOADS, NUM_LEVELS)),
        ("gap_edges", "f4", NUM_GAPS - 1),  # ticks
        ("drop_again", "f4", NUM_GAPS),  # chance, at least, so soon after a drop
    ],
    align=True,
)
"""A curve for each role of links and kind of packets: a model has ``[NUM_ROLES, NUM_KINDS]``."""
