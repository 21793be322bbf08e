"""Registries that a test may add to."""

from __future__ import annotations

import pytest

from m4graph.congestion import CONGESTION_CONTROLS
from m4graph.nn import CONVS, HEADS
from m4graph.scenario.faults import FAULTS
from m4graph.simulators import SIMULATORS
from m4graph.simulators.packet.congestion import CONGESTION_KERNELS
from m4graph.topology import TOPOLOGIES
from m4graph.workload import SIZE_LAWS

REGISTRIES = (
    CONGESTION_CONTROLS,
    CONGESTION_KERNELS,
    CONVS,
    FAULTS,
    HEADS,
    SIMULATORS,
    SIZE_LAWS,
    TOPOLOGIES,
)


@pytest.fixture(autouse=True)
def _own_registries(monkeypatch):
    for registry in REGISTRIES:
        monkeypatch.setattr(registry, "_objects", dict(registry._objects))
        monkeypatch.setattr(registry, "_display", dict(registry._display))
