"""Parameters of the algorithms on the RDMA transport, under the names of ``scenario.yaml``.

The algorithms themselves stand in :mod:`m4graph.simulators.packet.congestion`.
"""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, field_validator

from m4graph.core.schema import KeyProblem
from m4graph.core.units import BITS_PER_BYTE, MBPS, NS_PER_S
from m4graph.scenario.congestion import (
    BASE_RTT_NS,
    MAX_MBPS,
    MAX_STEPS,
    MAX_TIME_US,
    CongestionControl,
    EcnConfig,
)
from m4graph.scenario.ideal import HEADER_BYTES


class RdmaControl(CongestionControl):
    """What the algorithms on the RDMA transport share: a rate for each flow, and a window.

    Args:
        init_window_bytes (int or str, optional): One window for all flows; ``"pair"``: for each
            what its route holds in an idle round trip, see
            :func:`m4graph.scenario.windows.pair_window_bytes`; ``None``: no window.
            (default: the fastest NIC's rate times :data:`BASE_RTT_NS`)
        variable_window (bool): The window follows the rate. (default: ``True``)
        min_rate_mbps (float): The lowest rate of a flow. (default: 10 % of the slowest host link)
        ack_priority (bool): ACKs travel in a queue of strict priority. (default: by algorithm)
        retransmit_timeout_us (float, optional): A flow that nothing was acknowledged of for a
            whole period of so long sends again from its first unacknowledged byte; ``None``:
            lost packets at a flow's end stay lost, as in ns-3. (default: ``None``)
        retransmit_limit (int): Periods in a row after which it gives up. (default: ``100``)
    """

    variable_window: bool = True
    min_rate_mbps: float = Field(default=0.0, ge=0.001, le=MAX_MBPS)
    retransmit_timeout_us: float | None = Field(default=None, ge=0.001, le=MAX_TIME_US)
    retransmit_limit: int = Field(default=100, ge=1, le=MAX_STEPS)

    @property
    def largest_window_bytes(self) -> int | None:
        """The window of a new flow: a variable one is never larger."""
        return self.fixed_window_bytes

    def resolve(
        self, slowest_nic_bps: int, fastest_nic_bps: int, payload_bytes: int = 1000
    ) -> Self:
        """Fills in the window and the lowest rate.

        Raises:
            KeyProblem: If the lowest rate is above the rate of a host link.
        """
        derived: dict[str, object] = {}
        if "init_window_bytes" not in self.model_fields_set:
            bits = fastest_nic_bps * BASE_RTT_NS // NS_PER_S
            derived["init_window_bytes"] = max(1, bits // BITS_PER_BYTE)
        if "min_rate_mbps" not in self.model_fields_set:
            derived["min_rate_mbps"] = max(1, slowest_nic_bps // 10) / MBPS
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

    header_bytes: ClassVar[int] = HEADER_BYTES + 8  # the time at which it was sent


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

    header_bytes: ClassVar[int] = HEADER_BYTES + 42  # the switches' reports

    @field_validator("init_window_bytes")
    @classmethod
    def _needs_a_window(cls, value: int | None) -> int | None:
        if value is None:
            raise ValueError("expected bytes, as hpcc needs a window (got null)")
        return value
