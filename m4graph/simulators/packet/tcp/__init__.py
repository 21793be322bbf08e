"""TCP: byte sequence numbers, a congestion window, fast recovery, timeouts, reassembly.

An algorithm on it is a kernel with ``transport=TCP`` whose records start with those of
:mod:`.record`, which sends by :func:`.sender.note_sent` and moves the window in its ``on_ack``,
with the functions of :mod:`.window`.
"""

from __future__ import annotations

from m4graph.simulators.packet.tcp.transport import TCP

__all__ = ["TCP"]
