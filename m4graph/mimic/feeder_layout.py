"""Records of the feeder."""

from __future__ import annotations

import numpy as np

NO_FEEDER, PACKET, BINNED = range(3)
"""Modes."""

LOG_NORMAL, PARETO = range(2)
"""Laws of gaps."""

FEEDER_LAW = np.dtype(
    [
        ("gap_law", "i8"),
        ("gap_shape", "f8"),
        ("data_bytes", "f8"),  # mean packet on the wire
        ("ack_bytes", "f8"),
        ("data_per_byte", "f8"),  # packets for each byte of data that goes this way
        ("acks_per_byte", "f8"),  # and for each that goes the other way
    ]
)
"""What is known of the external packets of a direction."""

FEEDER_CLOCK = np.dtype([("next_ticks", "f8"), ("slot", "i8")])
"""How far the feeder of a pod and direction is: the next packet, the first slot not done."""

RATE, ACK_SHARE, PLACES = 0, 1, 2
"""Columns of a schedule: packets in a tick, share of ACKs among them; from there on, of places."""
