"""Records that the features of a pod's packets are made of."""

from __future__ import annotations

import numpy as np

CALM, RISING, FULL, FALLING = range(4)
"""Regimes of congestion."""

FEATURE_SPEC = np.dtype(
    [
        ("racks", "i8"),
        ("hosts", "i8"),  # in a rack
        ("aggs", "i8"),
        ("spines", "i8"),
        ("bins", "i8"),  # of gaps and latency
        ("span_ticks", "i8"),  # over which congestion is judged
        ("high_ticks", "f8"),  # a mean latency above it is congestion
        ("wire_bytes", "f8"),  # the largest packet
        ("packets", "f8"),  # the most that a step stands for
        ("gap_min", "f8"),
        ("gap_step", "f8"),
        ("mean_gap_min", "f8"),
        ("mean_gap_step", "f8"),
        ("latency_min", "f8"),
        ("latency_step", "f8"),
    ]
)
"""What is known of a direction before a run: the shape, and constants of the training trace."""

TRACK = np.dtype(
    [
        ("last_ticks", "i8"),  # of the last step; -1: none yet
        ("mean_gap", "f8"),
        ("span_ticks", "i8"),  # start of the span; -1: none yet
        ("packets", "f8"),  # in the span so far, as what follows
        ("drops", "f8"),
        ("latency", "f8"),  # summed over the delivered ones
        ("regime", "i8"),
    ]
)
"""What a pod remembers of a direction, beside the model's own state."""

MODEL_STEP = np.dtype(
    [
        ("ticks", "i8"),
        ("mix", "i8"),  # row of the mixes of places; -1: one packet, at host and port
        ("host", "i8"),
        ("port", "i8"),  # aggregation switch * spines + spine
        ("wire_bytes", "f8"),  # mean of the packets, as the latency
        ("packets", "f8"),
        ("drops", "f8"),
        ("latency_ticks", "f8"),  # of the delivered ones; 0 if there are none
        ("marked", "f8"),
        ("markable", "f8"),
    ]
)
"""A step of a model: one packet, or those of a bin of time taken together."""


def first_tracks(number: int) -> np.ndarray:
    """Tracks of directions in which nothing has come yet."""
    tracks = np.zeros(number, TRACK)
    tracks["last_ticks"] = tracks["span_ticks"] = -1
    return tracks
