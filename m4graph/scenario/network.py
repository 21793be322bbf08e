"""The ``network`` block of ``scenario.yaml``."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, SerializeAsAny, field_validator

from m4graph.core.blocks import build
from m4graph.core.schema import StrictModel
from m4graph.core.units import GBPS, PS_PER_NS
from m4graph.scenario.congestion import MAX_BYTES, EcnConfig
from m4graph.scenario.queueing import QUEUE_DISCIPLINES, QueueDiscipline, SharedQueue
from m4graph.topology import NetworkArrays


class NetworkConfig(StrictModel):
    """The ``network`` block: what holds for every switch and every packet.

    Args:
        payload_bytes (int): Payload of a full packet. (default: ``1000``)
        buffer_bytes (int): Buffer of a switch, shared by its ports. (default: ``3072000``)
        buffer_alpha (float): Of the dynamic threshold. (default: ``1.0``)
        headroom_cap (float, optional): The headroom takes at most this fraction of the buffer;
            ``None``: no cap. (default: ``None``)
        pfc (bool): Ports obey pause frames. (default: ``True``)
        nic_rate_gbps (float, optional): Rate of the NICs that the algorithm's default window and
            lowest rate are made for. (default: the fastest, and the slowest, cable of hosts that
            does not lead to an NVSwitch)
        tick (str): Unit that times are truncated to: ``"ns"`` as in ns-3, or ``"ps"``, which a
            link of 100 Gb/s or more needs (a header takes 3.84 ns there). (default: ``"ns"``)
        ecn (EcnConfig): When packets are marked. (default: from the congestion control)
        queue (QueueDiscipline): The queue of a switch port, as in :mod:`m4graph.scenario.queueing`.
            (default: ``{kind: shared}``, the shared buffer with PFC)
    """

    payload_bytes: int = Field(default=1000, ge=1, le=65_000)
    buffer_bytes: int = Field(default=3_072_000, ge=1, le=MAX_BYTES)
    buffer_alpha: float = Field(default=1.0, gt=0, le=10**6)
    headroom_cap: float | None = Field(default=None, gt=0, le=1)
    pfc: bool = True
    nic_rate_gbps: float | None = Field(default=None, ge=1e-3, le=1e4)
    tick: Literal["ns", "ps"] = "ns"
    ecn: EcnConfig = EcnConfig()
    queue: SerializeAsAny[QueueDiscipline] = SharedQueue()

    @field_validator("queue", mode="before")
    @classmethod
    def _of_a_kind(cls, value: object) -> QueueDiscipline:
        return build(QUEUE_DISCIPLINES, value, "", QueueDiscipline)

    @property
    def ticks_per_ns(self) -> int:
        """Ticks of a nanosecond: 1 or 1000."""
        return 1 if self.tick == "ns" else PS_PER_NS

    def nic_rates_bps(self, arrays: NetworkArrays) -> tuple[int, int]:
        """The rates of the slowest and of the fastest NIC, for the defaults of an algorithm."""
        rates_bps = arrays.link_rate_bps[arrays.nic_links]
        slowest_bps, fastest_bps = int(rates_bps.min()), int(rates_bps.max())
        if self.nic_rate_gbps is None:
            return slowest_bps, fastest_bps
        given_bps = round(self.nic_rate_gbps * GBPS)
        return min(slowest_bps, given_bps), given_bps

    def resolve(self, default_ecn: EcnConfig) -> Self:
        """Takes the marking thresholds that were not given from the congestion control's.

        Raises:
            KeyProblem: If the thresholds then contradict each other.
        """
        given = {name: getattr(self.ecn, name) for name in self.ecn.model_fields_set}
        ecn = EcnConfig.parse({**default_ecn.model_dump(), **given}, "network.ecn")
        return self.model_copy(update={"ecn": ecn})
