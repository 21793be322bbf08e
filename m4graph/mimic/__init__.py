"""One pod of a network by packet, the others as models of what happens between their borders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from m4graph.core.lazy import lazy_names

if TYPE_CHECKING:
    from m4graph.mimic.boundary import BoundaryTrace, taps_of
    from m4graph.mimic.clusters import Pods
    from m4graph.mimic.fitting import fit, small, trace_small
    from m4graph.mimic.folder import Mimic
    from m4graph.mimic.shape import PodShape
    from m4graph.mimic.simulator import MimicSimulator
    from m4graph.mimic.tuning import EndToEnd, Tuned, published_space, tune

_NAMES = {
    "BoundaryTrace": "m4graph.mimic.boundary",
    "EndToEnd": "m4graph.mimic.tuning",
    "Mimic": "m4graph.mimic.folder",
    "MimicSimulator": "m4graph.mimic.simulator",
    "PodShape": "m4graph.mimic.shape",
    "Pods": "m4graph.mimic.clusters",
    "Tuned": "m4graph.mimic.tuning",
    "fit": "m4graph.mimic.fitting",
    "published_space": "m4graph.mimic.tuning",
    "small": "m4graph.mimic.fitting",
    "taps_of": "m4graph.mimic.boundary",
    "trace_small": "m4graph.mimic.fitting",
    "tune": "m4graph.mimic.tuning",
}

__all__ = [
    "BoundaryTrace",
    "EndToEnd",
    "Mimic",
    "MimicSimulator",
    "PodShape",
    "Pods",
    "Tuned",
    "fit",
    "published_space",
    "small",
    "taps_of",
    "trace_small",
    "tune",
]

__getattr__, __dir__ = lazy_names(__name__, _NAMES)
