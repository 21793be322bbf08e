"""One pod of a network by packet, the others as models of what happens between their borders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from m4graph.core.lazy import lazy_names

if TYPE_CHECKING:
    from m4graph.mimic.boundary import BoundaryTrace, taps_of
    from m4graph.mimic.clusters import Pods
    from m4graph.mimic.fitting import fit, small
    from m4graph.mimic.folder import Mimic
    from m4graph.mimic.shape import PodShape
    from m4graph.mimic.simulator import MimicSimulator

_NAMES = {
    "BoundaryTrace": "m4graph.mimic.boundary",
    "Mimic": "m4graph.mimic.folder",
    "MimicSimulator": "m4graph.mimic.simulator",
    "PodShape": "m4graph.mimic.shape",
    "Pods": "m4graph.mimic.clusters",
    "fit": "m4graph.mimic.fitting",
    "small": "m4graph.mimic.fitting",
    "taps_of": "m4graph.mimic.boundary",
}

__all__ = [
    "BoundaryTrace",
    "Mimic",
    "MimicSimulator",
    "PodShape",
    "Pods",
    "fit",
    "small",
    "taps_of",
]

__getattr__, __dir__ = lazy_names(__name__, _NAMES)
