"""TCP: byte sequence numbers, a congestion window, fast recovery, timeouts, reassembly.

An algorithm on it is made by :func:`tcp_kernel`, and moves the window in its ``on_ack``.
"""

from __future__ import annotations

from m4graph.simulators.packet.tcp.transport import TCP

__all__ = ["TCP"]
