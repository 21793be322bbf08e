"""The packet simulator: every packet, in numba, in ns-3's order."""

from __future__ import annotations

from m4graph.simulators.packet.driver import PacketRun, Watcher
from m4graph.simulators.packet.observe.config import Recording
from m4graph.simulators.packet.observe.labels import EventLabels
from m4graph.simulators.packet.observe.tables import Records
from m4graph.simulators.packet.simulator import PacketSimulator

__all__ = ["EventLabels", "PacketRun", "PacketSimulator", "Recording", "Records", "Watcher"]
