"""Parameters of the TCP algorithms, under the names of ``scenario.yaml``.

The transport itself stands in :mod:`m4graph.simulators.packet.tcp`. One flow is one connection that
closes after its message, so Nagle's algorithm never holds a last small segment back; there is no
handshake, and nothing is paced.
"""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field

from m4graph.core.schema import KeyProblem
from m4graph.scenario.congestion import MAX_BYTES, MAX_STEPS, MAX_TIME_US, CongestionControl


class TcpControl(CongestionControl):
    """What the algorithms on TCP share. A segment carries ``network.payload_bytes``.

    Args:
        init_window_bytes (int): The first congestion window. (default: RFC 6928's, ten segments
            but at most 14600 bytes or two segments)
        advertised_window_bytes (int, optional): The receiver's window; ``None``: no limit.
            (default: ``None``; 65535 is that of a TCP without window scaling)
        min_rto_us (float): The shortest retransmission timeout. (default: ``10000``, as in the
            DCTCP paper; RFC 6298 says 1 s)
        initial_rto_us (float): The timeout until a round trip has been measured.
            (default: ``10000``; RFC 6298 says 1 s)
        retransmit_limit (int): Timeouts in a row after which a flow gives up. (default: ``15``)
        delayed_ack (bool): Acknowledge every second segment. (default: ``False``)
        delayed_ack_timeout_us (float): A segment waits at most so long for the second one; less
            than ``min_rto_us``, or lone segments are sent twice. (default: ``1000``)
        ack_priority (bool): ACKs travel in a queue of strict priority. (default: ``False``)
    """

    init_window_bytes: int | None = Field(default=None, ge=1, le=MAX_BYTES)
    ack_priority: bool = False
    advertised_window_bytes: int | None = Field(default=None, ge=1, le=MAX_BYTES)
    min_rto_us: float = Field(default=10_000.0, ge=0.001, le=MAX_TIME_US)
    initial_rto_us: float = Field(default=10_000.0, ge=0.001, le=MAX_TIME_US)
    retransmit_limit: int = Field(default=15, ge=1, le=MAX_STEPS)
    delayed_ack: bool = False
    delayed_ack_timeout_us: float = Field(default=1000.0, ge=0.001, le=MAX_TIME_US)

    header_bytes: ClassVar[int] = 58  # Ethernet's 14 and 4, IPv4, TCP

    @property
    def largest_window_bytes(self) -> int | None:
        """The receiver's: the congestion window grows."""
        return self.advertised_window_bytes

    def resolve(
        self, slowest_nic_bps: int, fastest_nic_bps: int, payload_bytes: int = 1000
    ) -> Self:
        """Fills in the first window.

        Raises:
            KeyProblem: If a window is smaller than a segment.
        """
        window_bytes = self.init_window_bytes
        if window_bytes is None:
            window_bytes = min(10 * payload_bytes, max(2 * payload_bytes, 14_600))
        resolved = self.model_copy(update={"init_window_bytes": window_bytes})
        for name in ("init_window_bytes", "advertised_window_bytes"):
            given = getattr(resolved, name)
            if given is not None and given < payload_bytes:
                raise KeyProblem(
                    f"congestion_control.{name}",
                    f"expected at least network.payload_bytes, {payload_bytes} (got {given})",
                )
        return resolved


class NewReno(TcpControl):
    """TCP NewReno: slow start, congestion avoidance, fast retransmit, fast recovery.

    Args:
        ecn (bool): Packets may be marked, and marks halve the window once a round trip.
            (default: ``False``)

    Reference:
        RFC 5681, RFC 6582, RFC 6298, RFC 3168 (ECN).
    """

    kind: Literal["newreno"] = "newreno"
    ecn: bool = False

    @property
    def slow_start_bytes(self) -> int | None:
        """The first congestion window."""
        return self.init_window_bytes

    @property
    def ecn_capable(self) -> bool:
        """As given."""
        return self.ecn


class DctcpWindow(TcpControl):
    """DCTCP as it was published: NewReno's window, cut by the share of marked bytes.

    Args:
        gain (float): Weight of a new window's share in alpha. (default: ``1 / 16``)

    Reference:
        Alizadeh et al., "Data Center TCP (DCTCP)", SIGCOMM 2010; RFC 8257.
    """

    kind: Literal["dctcp_window"] = "dctcp_window"
    gain: float = Field(default=1 / 16, gt=0, le=1)

    @property
    def slow_start_bytes(self) -> int | None:
        """The first congestion window."""
        return self.init_window_bytes
