"""The packet simulator: every packet, in numba, in ns-3's order."""

from __future__ import annotations

from m4graph.simulators.packet.labels import EventLabels
from m4graph.simulators.packet.recording import Recording
from m4graph.simulators.packet.records import Records
from m4graph.simulators.packet.simulator import PacketSimulator

__all__ = ["EventLabels", "PacketSimulator", "Recording", "Records"]
