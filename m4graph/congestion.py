"""Parameters of the congestion-control algorithms, under the names of ``scenario.yaml``.

The algorithms themselves stand in :mod:`m4graph.simulators.packet`. To add one: a subclass of
:class:`CongestionControl` here, and a row in :data:`CONGESTION_CONTROLS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from m4graph.errors import ConfigError
from m4graph.registry import Registry
from m4graph.schema import KeyProblem, StrictModel, spell
from m4graph.units import BITS_PER_BYTE, MBPS, NS_PER_S

BASE_RTT_NS = 14_400
"""The base RTT that the default window is made for: 18000 bytes at 10 Gb/s."""

MAX_BYTES = 10**15
"""No window, threshold or buffer may be larger; it keeps products inside 64 bits."""

MAX_MBPS = 10**7
"""No rate parameter may be larger (10 Tb/s)."""


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


class CongestionControl(StrictModel):
    """What all algorithms share; a subclass adds its own parameters and a literal ``kind``.

    Args:
        init_window_bytes (int, optional): One window for all flows; ``None``: no window.
            (default: the fastest host link's rate times :data:`BASE_RTT_NS`)
        variable_window (bool): The window follows the rate. (default: ``True``)
        min_rate_mbps (float): The lowest rate of a flow. (default: 10 % of the slowest host link)
        ack_priority (bool): ACKs travel in a queue of strict priority. (default: by algorithm)
    """

    kind: str
    init_window_bytes: int | None = Field(default=None, ge=1, le=MAX_BYTES)
    variable_window: bool = True
    min_rate_mbps: float = Field(default=0.0, gt=0, le=MAX_MBPS)
    ack_priority: bool = True

    default_ecn: ClassVar[EcnConfig] = EcnConfig()

    def resolve(self, slowest_nic_bps: int, fastest_nic_bps: int) -> Self:
        """Fills in the defaults that depend on the network's host links.

        A model that is resolved already is given back unchanged.

        Raises:
            KeyProblem: If the lowest rate is above the rate of a host link.
        """
        derived: dict[str, object] = {}
        if "init_window_bytes" not in self.model_fields_set:
            bits = fastest_nic_bps * BASE_RTT_NS // NS_PER_S
            derived["init_window_bytes"] = max(1, bits // BITS_PER_BYTE)
        if "min_rate_mbps" not in self.model_fields_set:
            derived["min_rate_mbps"] = slowest_nic_bps / (10 * MBPS)
        resolved = self.model_copy(update=derived)
        if resolved.min_rate_mbps * MBPS > slowest_nic_bps:
            raise KeyProblem(
                "congestion_control.min_rate_mbps",
                f"expected at most the slowest host link's {slowest_nic_bps / MBPS:g} Mb/s "
                f"(got {resolved.min_rate_mbps:g})",
            )
        return resolved


class DCTCP(CongestionControl):
    """Rate-based DCTCP of the ns-3 RDMA model: once a round trip, cut by the share of marks.

    Args:
        gain (float): Weight of new marks in alpha. (default: ``1 / 16``)
        additive_increase_mbps (float): Step up in a round trip without a mark. (default: ``615``)
    """

    kind: Literal["dctcp"] = "dctcp"
    gain: float = Field(default=1 / 16, gt=0, le=1)
    additive_increase_mbps: float = Field(default=615.0, ge=0, le=MAX_MBPS)


CONGESTION_CONTROLS: Registry[type[CongestionControl]] = Registry(
    "congestion control", {"dctcp": "m4graph.congestion:DCTCP"}
)


def congestion_control(
    spec: CongestionControl | Mapping[str, object] | str,
) -> CongestionControl:
    """Builds an algorithm's parameters from a model, a name, or a block with ``kind``.

    Raises:
        KeyProblem: For an unknown kind or key, a wrong type or a bad value.
    """
    if isinstance(spec, CongestionControl):
        return spec
    key = "congestion_control"
    if isinstance(spec, str):
        spec = {"kind": spec}
    if not isinstance(spec, Mapping):
        raise KeyProblem(key, f"expected a name or a block of keys (got {spell(spec)})")
    if "kind" not in spec:
        names = ", ".join(CONGESTION_CONTROLS.names())
        raise KeyProblem(f"{key}.kind", f"missing key: expected one of {names}")
    kind = spec["kind"]
    if not isinstance(kind, str):
        raise KeyProblem(f"{key}.kind", f"expected text (got {spell(kind)})")
    try:
        model = CONGESTION_CONTROLS.resolve(kind)
    except ConfigError as error:
        raise KeyProblem(f"{key}.kind", str(error)) from None
    # The registry forgives case and dashes; the model's own spelling goes on record.
    canonical = model.model_fields["kind"].default
    return model.parse({**spec, "kind": canonical if isinstance(canonical, str) else kind}, key)
