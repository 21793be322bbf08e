"""The queue of a switch port, under the names of ``network.queue`` in ``scenario.yaml``.

With any kind but ``shared``, a port has its own queue: no shared buffer, no PFC, and a packet that
finds it full is lost. Hosts have no such queue: a NIC makes a packet when it can send it.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from m4graph.core.registry import Registry
from m4graph.core.schema import StrictModel

_MAX_PACKETS = 10**9
_MAX_BYTES = 10**15


class QueueDiscipline(StrictModel):
    """The base of all kinds; a subclass adds its parameters and a literal ``kind``."""

    kind: str


class SharedQueue(QueueDiscipline):
    """The ports of a switch share its buffer, with dynamic thresholds and PFC, as in ns-3."""

    kind: Literal["shared"] = "shared"


class DropTailQueue(QueueDiscipline):
    """First in, first out; a packet that finds the queue full is lost.

    The packet on the wire does not count. ``network.ecn`` marks packets as they leave.

    Args:
        capacity_packets (int, optional): Packets that may wait; ``None``: no such limit.
            (default: ``100``)
        capacity_bytes (int, optional): Bytes that may wait, headers included; ``None``: no such
            limit. (default: ``None``)
    """

    kind: Literal["drop_tail"] = "drop_tail"
    capacity_packets: int | None = Field(default=100, ge=1, le=_MAX_PACKETS)
    capacity_bytes: int | None = Field(default=None, ge=1, le=_MAX_BYTES)

    @model_validator(mode="after")
    def _limited(self) -> Self:
        if self.capacity_packets is None and self.capacity_bytes is None:
            raise ValueError("expected capacity_packets or capacity_bytes (got null for both)")
        return self


class RedQueue(QueueDiscipline):
    """Random early detection: an average of the queue decides, as a packet arrives.

    It stands in for ``network.ecn``, which has no effect then. DCTCP's step at K packets, taken as
    a packet arrives, is ``{weight: 1.0, min_packets: K, max_packets: K, ecn: true}``.

    Args:
        min_packets (float): Nothing happens while the average is below this. (default: ``5``)
        max_packets (float): Every packet is hit from here on. (default: ``15``)
        max_p (float): Probability of a hit just below ``max_packets``. (default: ``0.02``)
        weight (float): Of the present queue in the average. (default: ``0.002``)
        capacity_packets (int): A packet that finds so many waiting is lost. (default: ``100``)
        ecn (bool): A packet that is hit is marked if its transport knows ECN, not dropped.
            (default: ``False``)

    Reference:
        Floyd and Jacobson, "Random Early Detection Gateways for Congestion Avoidance", IEEE/ACM
        Transactions on Networking 1(4), 1993.
    """

    kind: Literal["red"] = "red"
    min_packets: float = Field(default=5.0, ge=0, le=_MAX_PACKETS)
    max_packets: float = Field(default=15.0, gt=0, le=_MAX_PACKETS)
    max_p: float = Field(default=0.02, gt=0, le=1)
    weight: float = Field(default=0.002, gt=0, le=1)
    capacity_packets: int = Field(default=100, ge=1, le=_MAX_PACKETS)
    ecn: bool = False

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min_packets > self.max_packets:
            raise ValueError(
                "expected min_packets to be at most max_packets "
                f"(got {self.min_packets:g} and {self.max_packets:g})"
            )
        return self


QUEUE_DISCIPLINES: Registry[type[QueueDiscipline]] = Registry(
    "queue discipline",
    {
        "shared": "m4graph.scenario.queueing:SharedQueue",
        "drop_tail": "m4graph.scenario.queueing:DropTailQueue",
        "red": "m4graph.scenario.queueing:RedQueue",
    },
)
"""Queues of a switch port by name."""
