"""Parameters of the congestion-control algorithms, under the names of ``scenario.yaml``.

What all algorithms share stands here, those of a transport in :mod:`~m4graph.scenario.rdma` and
:mod:`~m4graph.scenario.tcp`, what they do in :mod:`m4graph.simulators.packet`. To add one: a
subclass of ``RdmaControl`` or ``TcpControl``, and a row in :data:`CONGESTION_CONTROLS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from m4graph.core.blocks import build
from m4graph.core.calls import plain_call
from m4graph.core.registry import Registry
from m4graph.core.schema import StrictModel
from m4graph.scenario.ideal import HEADER_BYTES

BASE_RTT_NS = 14_400
"""The base RTT that the default window is made for: 18000 bytes at 10 Gb/s."""

MAX_BYTES = 10**15
"""No window, threshold or buffer may be larger; it keeps products inside 64 bits."""

MAX_MBPS = 10**7
"""No rate parameter may be larger (10 Tb/s)."""

MAX_TIME_US = 10**7
"""No timer or round trip may be longer (10 s)."""

MAX_STEPS = 10**6
"""No count of steps may be larger."""


PAIR = "pair"
"""The window of a flow, where it is what its own route holds in a round trip."""


class EcnConfig(StrictModel):
    """When a port marks a packet, for a link of ``reference_gbps``; scaled with the link's rate.

    Args:
        kmin_bytes (int): Nothing is marked up to this queue. (default: from the algorithm)
        kmax_bytes (int): Everything is marked above this queue. (default: from the algorithm)
        pmax (float): Probability of a mark at ``kmax_bytes``. (default: from the algorithm)
        reference_gbps (float): Rate of the link that the thresholds are for. (default: ``10``)
    """

    kmin_bytes: int = Field(default=30_000, ge=0, le=MAX_BYTES)
    kmax_bytes: int = Field(default=30_000, ge=0, le=MAX_BYTES)
    pmax: float = Field(default=1.0, ge=0, le=1)
    reference_gbps: float = Field(default=10.0, gt=0, le=10**4)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        # With a threshold left to the algorithm, only the resolved block can be judged.
        if {"kmin_bytes", "kmax_bytes"} <= self.model_fields_set:
            if self.kmin_bytes > self.kmax_bytes:
                raise ValueError(
                    "expected kmin_bytes to be at most kmax_bytes "
                    f"(got {self.kmin_bytes} and {self.kmax_bytes})"
                )
        return self


_Bytes = Annotated[int, Field(ge=1, le=MAX_BYTES)]


class CongestionControl(StrictModel):
    """What all algorithms share. A subclass adds its own parameters and a literal ``kind``.

    Args:
        init_window_bytes (int or str, optional): The window of a new flow.
        ack_priority (bool): ACKs travel in a queue of strict priority. (default: by algorithm)
    """

    kind: str
    init_window_bytes: _Bytes | Literal["pair"] | None = None
    ack_priority: bool = True

    default_ecn: ClassVar[EcnConfig] = EcnConfig()
    header_bytes: ClassVar[int] = HEADER_BYTES
    """Of a data packet, what it carries for the algorithm included: its kernel's overhead."""

    @property
    def ecn_capable(self) -> bool:
        """Whether packets may be marked; if not, a switch that would mark one drops it."""
        return True

    @property
    def fixed_window_bytes(self) -> int | None:
        """The window that all new flows have; ``None``: none, or each that of its route."""
        window_bytes = self.init_window_bytes
        return None if isinstance(window_bytes, str) else window_bytes

    @property
    def largest_window_bytes(self) -> int | None:
        """No flow has more than this in flight, but for the rest of a packet; ``None``: no bound
        is known.
        """
        return None

    @property
    def slow_start_bytes(self) -> int | None:
        """The window of a new flow, if it grows by a packet with each ACK at most; ``None``: it
        may grow faster, or none is known.
        """
        return None

    def resolve(
        self, slowest_nic_bps: int, fastest_nic_bps: int, payload_bytes: int = 1000
    ) -> Self:
        """Fills in the defaults that depend on the network; a resolved model stays as it is.

        Args:
            slowest_nic_bps (int): Rate of the slowest host link.
            fastest_nic_bps (int): Rate of the fastest host link.
            payload_bytes (int): Payload of a full packet. (default: ``1000``)

        Raises:
            KeyProblem: If a parameter does not fit the network.
        """
        return self


CONGESTION_CONTROLS: Registry[type[CongestionControl]] = Registry(
    "congestion control",
    {
        "dctcp": "m4graph.scenario.rdma:DCTCP",
        "dcqcn": "m4graph.scenario.rdma:DCQCN",
        "timely": "m4graph.scenario.rdma:TIMELY",
        "hpcc": "m4graph.scenario.rdma:HPCC",
        "newreno": "m4graph.scenario.tcp:NewReno",
        "dctcp_window": "m4graph.scenario.tcp:DctcpWindow",
    },
)
"""Parameters of the algorithms by name."""


@plain_call
def congestion_control(
    spec: CongestionControl | Mapping[str, object] | str,
) -> CongestionControl:
    """Builds an algorithm's parameters from a model, a name, or a block with ``kind``.

    Raises:
        KeyProblem: For an unknown kind or key, a wrong type or a bad value.
    """
    return build(CONGESTION_CONTROLS, spec, "congestion_control", CongestionControl)
