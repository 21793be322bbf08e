"""Parameters of the congestion-control algorithms, under the names of ``scenario.yaml``.

The algorithms themselves stand in :mod:`m4graph.simulators.packet`. To add one: a subclass of
:class:`RdmaControl` or ``TcpControl``, and a row in :data:`CONGESTION_CONTROLS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

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

MAX_TIME_US = 10**7
"""No timer or round trip may be longer (10 s)."""

MAX_STEPS = 10**6
"""No count of steps may be larger."""


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
    """What all algorithms share. A subclass adds its own parameters and a literal ``kind``.

    Most subclasses are those of a transport: :class:`RdmaControl` here, ``TcpControl`` in
    :mod:`m4graph.congestion_tcp`.

    Args:
        init_window_bytes (int, optional): The window of a new flow.
        ack_priority (bool): ACKs travel in a queue of strict priority. (default: by algorithm)
    """

    kind: str
    init_window_bytes: int | None = Field(default=None, ge=1, le=MAX_BYTES)
    ack_priority: bool = True

    default_ecn: ClassVar[EcnConfig] = EcnConfig()

    @property
    def ecn_capable(self) -> bool:
        """Whether packets may be marked; if not, a switch that would mark one drops it."""
        return True

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


class RdmaControl(CongestionControl):
    """What the algorithms on the RDMA transport share: a rate for each flow, and a window.

    Args:
        init_window_bytes (int, optional): One window for all flows; ``None``: no window.
            (default: the fastest host link's rate times :data:`BASE_RTT_NS`)
        variable_window (bool): The window follows the rate. (default: ``True``)
        min_rate_mbps (float): The lowest rate of a flow. (default: 10 % of the slowest host link)
        ack_priority (bool): ACKs travel in a queue of strict priority. (default: by algorithm)
        retransmit_timeout_us (float, optional): A flow that nothing was acknowledged of for a
            whole period of so long sends again from its first unacknowledged byte; ``None``:
            lost packets at a flow's end stay lost, as in ns-3. (default: ``None``)
        retransmit_limit (int): Periods in a row after which it gives up. (default: ``100``)
    """

    variable_window: bool = True
    min_rate_mbps: float = Field(default=0.0, gt=0, le=MAX_MBPS)
    retransmit_timeout_us: float | None = Field(default=None, ge=0.001, le=MAX_TIME_US)
    retransmit_limit: int = Field(default=100, ge=1, le=MAX_STEPS)

    def resolve(
        self, slowest_nic_bps: int, fastest_nic_bps: int, payload_bytes: int = 1000
    ) -> Self:
        """As in :class:`CongestionControl`: the window and the lowest rate.

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


class DCTCP(RdmaControl):
    """Rate-based DCTCP of the ns-3 RDMA model: once a round trip, cut by the share of marks.

    Args:
        gain (float): Weight of new marks in alpha. (default: ``1 / 16``)
        additive_increase_mbps (float): Step up in a round trip without a mark. (default: ``615``)
    """

    kind: Literal["dctcp"] = "dctcp"
    gain: float = Field(default=1 / 16, gt=0, le=1)
    additive_increase_mbps: float = Field(default=615.0, ge=0, le=MAX_MBPS)


class DCQCN(RdmaControl):
    """DCQCN of the ns-3 RDMA model: timers alone raise the rate, no byte counter.

    Args:
        gain (float): Weight of a marked slot in alpha. (default: ``1 / 256``)
        alpha_timer_us (float): Slot in which alpha looks for marks. (default: ``50``)
        decrease_timer_us (float): Slot after which marks cut the rate. (default: ``50``)
        increase_timer_us (float): Time between two steps up. (default: ``55``)
        fast_recovery_steps (int): Steps half way to the target, before it rises. (default: ``1``)
        clamp_target_rate (bool): Each cut lowers the target to the rate. (default: ``False``)
        additive_increase_mbps (float): Of the target, in the step after recovery. (default: ``2``)
        hyper_increase_mbps (float): Of the target, in all later steps. (default: ``20``)
    """

    kind: Literal["dcqcn"] = "dcqcn"
    ack_priority: bool = False
    gain: float = Field(default=1 / 256, gt=0, le=1)
    alpha_timer_us: float = Field(default=50.0, gt=0, le=MAX_TIME_US)
    decrease_timer_us: float = Field(default=50.0, gt=0, le=MAX_TIME_US)
    increase_timer_us: float = Field(default=55.0, gt=0, le=MAX_TIME_US)
    fast_recovery_steps: int = Field(default=1, ge=0, le=MAX_STEPS)
    clamp_target_rate: bool = False
    additive_increase_mbps: float = Field(default=2.0, ge=0, le=MAX_MBPS)
    hyper_increase_mbps: float = Field(default=20.0, ge=0, le=MAX_MBPS)

    default_ecn: ClassVar[EcnConfig] = EcnConfig(kmin_bytes=8_000, kmax_bytes=28_000, pmax=0.2)


class TIMELY(RdmaControl):
    """TIMELY of the ns-3 RDMA model: the gradient of the round-trip time sets the rate.

    Args:
        t_low_us (float): Below this round trip the rate rises. (default: ``40``)
        t_high_us (float): Above this round trip the rate falls. (default: ``100``)
        beta (float): Strength of a decrease. (default: ``0.8``)
        ewma_weight (float): Weight of a new difference of round trips. (default: ``0.875``)
        min_rtt_us (float): What the gradient is relative to. (default: ``20``)
        additive_increase_mbps (float): Step up, for the first five in a row. (default: ``10``)
        hyper_increase_mbps (float): Step up after these. (default: ``50``)
    """

    kind: Literal["timely"] = "timely"
    t_low_us: float = Field(default=40.0, ge=0, le=MAX_TIME_US)
    t_high_us: float = Field(default=100.0, ge=0, le=MAX_TIME_US)
    beta: float = Field(default=0.8, ge=0, le=1)
    ewma_weight: float = Field(default=0.875, gt=0, le=1)
    min_rtt_us: float = Field(default=20.0, gt=0, le=MAX_TIME_US)
    additive_increase_mbps: float = Field(default=10.0, ge=0, le=MAX_MBPS)
    hyper_increase_mbps: float = Field(default=50.0, ge=0, le=MAX_MBPS)


class HPCC(RdmaControl):
    """HPCC: switches write their queue and throughput into the packets (INT). Needs a window.

    Args:
        eta (float): Target utilisation of a link. (default: ``0.95``)
        multiplicative_threshold (int): Additive steps between two multiplicative ones.
            (default: ``0``)
        fast_react (bool): Change the rate at every ACK, not once a round trip. (default: ``True``)
        additive_increase_mbps (float): Added at every change. (default: ``50``)
        base_rtt_ns (int, optional): Time over which the utilisation is averaged. (default: the
            largest idle round trip between two hosts, found when a simulation starts)
    """

    kind: Literal["hpcc"] = "hpcc"
    ack_priority: bool = False
    eta: float = Field(default=0.95, gt=0, le=1)
    multiplicative_threshold: int = Field(default=0, ge=0, le=MAX_STEPS)
    fast_react: bool = True
    additive_increase_mbps: float = Field(default=50.0, ge=0, le=MAX_MBPS)
    base_rtt_ns: int | None = Field(default=None, ge=1, le=MAX_TIME_US * 1000)

    @field_validator("init_window_bytes")
    @classmethod
    def _needs_a_window(cls, value: int | None) -> int | None:
        if value is None:
            raise ValueError("expected bytes, as hpcc needs a window (got null)")
        return value


CONGESTION_CONTROLS: Registry[type[CongestionControl]] = Registry(
    "congestion control",
    {
        "dctcp": "m4graph.congestion:DCTCP",
        "dcqcn": "m4graph.congestion:DCQCN",
        "timely": "m4graph.congestion:TIMELY",
        "hpcc": "m4graph.congestion:HPCC",
        "newreno": "m4graph.congestion_tcp:NewReno",
        "dctcp_window": "m4graph.congestion_tcp:DctcpWindow",
    },
)
"""Parameters of the algorithms by name."""


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
