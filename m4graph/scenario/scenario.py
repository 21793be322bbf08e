"""All the inputs of a run: network, flows, routes, algorithm and configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Self

import networkx as nx
import numpy as np
from numpy.typing import NDArray
from pydantic import Field, SerializeAsAny, field_validator

from m4graph.core.errors import ConfigError, WorkloadError
from m4graph.core.schema import KeyProblem, StrictModel, spell
from m4graph.core.units import PS_PER_NS
from m4graph.routing import Routes, check_routes, ecmp_routes
from m4graph.scenario.congestion import MAX_BYTES, CongestionControl, EcnConfig, congestion_control
from m4graph.scenario.expected import ExpectedTimes
from m4graph.scenario.faults import Fault, parse_faults
from m4graph.scenario.ideal import ideal_fct_ns
from m4graph.scenario.queueing import QueueDiscipline, SharedQueue, queue_discipline
from m4graph.topology import NetworkArrays, validate
from m4graph.workload import AnyWorkload

MAX_SEED = 2**63 - 1


class NetworkConfig(StrictModel):
    """The ``network`` block: what holds for every switch and every packet.

    Args:
        payload_bytes (int): Payload of a full packet. (default: ``1000``)
        buffer_bytes (int): Buffer of a switch, shared by its ports. (default: ``3072000``)
        buffer_alpha (float): Of the dynamic threshold. (default: ``1.0``)
        headroom_cap (float, optional): The headroom takes at most this fraction of the buffer;
            ``None``: no cap. (default: ``None``)
        pfc (bool): Ports obey pause frames. (default: ``True``)
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
    tick: Literal["ns", "ps"] = "ns"
    ecn: EcnConfig = EcnConfig()
    queue: SerializeAsAny[QueueDiscipline] = SharedQueue()

    @field_validator("queue", mode="before")
    @classmethod
    def _of_a_kind(cls, value: object) -> QueueDiscipline:
        return queue_discipline(value)

    @property
    def ticks_per_ns(self) -> int:
        """Ticks of a nanosecond: 1 or 1000."""
        return 1 if self.tick == "ns" else PS_PER_NS

    def resolve(self, default_ecn: EcnConfig) -> Self:
        """Takes the marking thresholds that were not given from the congestion control's.

        Raises:
            KeyProblem: If the thresholds then contradict each other.
        """
        given = {name: getattr(self.ecn, name) for name in self.ecn.model_fields_set}
        ecn = EcnConfig.parse({**default_ecn.model_dump(), **given}, "network.ecn")
        return self.model_copy(update={"ecn": ecn})


class RoutingConfig(StrictModel):
    """The ``routing`` block, when routes are not read from a file.

    Args:
        kind (str): ``"ecmp"``, ns-3's hash. (default: ``"ecmp"``)
        seed (int): Hashed into the switches' hash seeds; 0 is exactly ns-3. (default: ``0``)
        convergence_us (float, optional): So long after a cable goes down or comes up, all flows
            are routed anew, over the cables that were up then; ``None``: never. (default: ``None``)
    """

    kind: Literal["ecmp"] = "ecmp"
    seed: int = Field(default=0, ge=0, le=MAX_SEED)
    convergence_us: float | None = Field(default=None, ge=0, le=10**12)


@dataclass(frozen=True, init=False, eq=False)
class Scenario:
    """Everything that a simulator needs, checked and resolved. Frozen; computes routes once.

    Args:
        network (networkx.Graph): Hosts ``0 .. H-1`` and switches, as :mod:`m4graph.topology`
            makes them.
        workload (Workload or ClosedLoopWorkload): The flows; their starts may be known, or follow
            from the completions of others.
        congestion_control (CongestionControl, dict or str): Parameters, a block with ``kind``,
            or a name.
        config (NetworkConfig or dict, optional): The ``network`` block of ``scenario.yaml``.
        routing (Routes, RoutingConfig or dict, optional): Routes in the workload's order, or how
            to find them. (default: ECMP, exactly as ns-3)
        seed (int): Of everything random inside a simulator. (default: ``0``)
        name (str): For tables and files. (default: ``"scenario"``)
        expected (ExpectedTimes, optional): Recorded times, the truth of a comparison.
        faults (list of Fault or dict): Cables that go down, slow down or lose packets, as in the
            ``faults`` block of ``scenario.yaml``. (default: none)

    Raises:
        InputError: If a part is invalid, or does not fit the others; the message names the key,
            link or flow.
    """

    network: nx.Graph
    arrays: NetworkArrays
    workload: AnyWorkload
    congestion_control: CongestionControl
    config: NetworkConfig
    routing: Routes | RoutingConfig
    seed: int
    name: str
    expected: ExpectedTimes | None
    faults: tuple[Fault, ...]

    def __init__(
        self,
        network: nx.Graph,
        workload: AnyWorkload,
        congestion_control: CongestionControl | Mapping[str, object] | str,
        config: NetworkConfig | Mapping[str, object] | None = None,
        routing: Routes | RoutingConfig | Mapping[str, object] | None = None,
        seed: int = 0,
        name: str = "scenario",
        expected: ExpectedTimes | None = None,
        faults: Sequence[Fault | Mapping[str, object]] = (),
    ) -> None:
        if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
            raise KeyProblem("seed", f"expected an integer (got {spell(seed)})")
        if not 0 <= seed <= MAX_SEED:
            raise KeyProblem("seed", f"expected 0 to {MAX_SEED} (got {seed})")
        if not isinstance(name, str) or not name.strip():
            raise KeyProblem("name", f"expected text (got {spell(name)})")
        arrays = validate(network)
        _check_hosts(arrays, workload)
        control, resolved = _resolve(arrays, congestion_control, config)
        self._set("network", network)
        self._set("arrays", arrays)
        self._set("workload", workload)
        self._set("congestion_control", control)
        self._set("config", resolved)
        self._set("routing", _routing(arrays, workload, routing))
        self._set("seed", int(seed))
        self._set("name", name)
        self._set("expected", _checked_expected(workload, expected))
        self._set("faults", parse_faults(faults, arrays))

    @cached_property
    def routes(self) -> Routes:
        """The data and ACK route of every flow, in the workload's order; computed once.

        Those of a closed loop do not depend on the order in which its flows will start: ECMP takes
        them in the workload's order, too.
        """
        if isinstance(self.routing, Routes):
            return self.routing
        workload = self.workload
        return ecmp_routes(self.arrays, workload.src, workload.dst, seed=self.routing.seed)

    @cached_property
    def ideal_fct_ns(self) -> NDArray[np.int64]:
        """int64 ``[num_flows]``: the FCT of each flow alone on its route; computed once."""
        times = ideal_fct_ns(
            self.arrays,
            self.workload,
            self.routes,
            self.config.payload_bytes,
            self.config.ticks_per_ns,
        )
        times.setflags(write=False)
        return times

    @property
    def num_flows(self) -> int:
        """Number of flows of the workload."""
        return self.workload.num_flows

    def replace(self, **changes: Any) -> Scenario:
        """A copy with other arguments, as in ``scenario.replace(seed=1)``.

        Recorded times and given routes hold for one set of flows only: replace them along with
        the workload or the network.
        """
        unknown = changes.keys() - _ARGUMENTS
        if unknown:
            raise ConfigError(
                f"Scenario.replace: expected one of {', '.join(_ARGUMENTS)} "
                f"(got {', '.join(sorted(unknown))})"
            )
        return Scenario(**{name: getattr(self, name) for name in _ARGUMENTS} | changes)

    def __repr__(self) -> str:
        return (
            f"Scenario({self.name!r}, num_hosts={self.arrays.num_hosts}, "
            f"num_flows={self.num_flows}, congestion_control={self.congestion_control.kind!r}, "
            f"seed={self.seed})"
        )

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)


_ARGUMENTS = (
    "network",
    "workload",
    "congestion_control",
    "config",
    "routing",
    "seed",
    "name",
    "expected",
    "faults",
)


def _resolve(
    arrays: NetworkArrays,
    control_spec: CongestionControl | Mapping[str, object] | str,
    config: NetworkConfig | Mapping[str, object] | None,
) -> tuple[CongestionControl, NetworkConfig]:
    nic_bps = arrays.link_rate_bps[arrays.host_uplink]
    block = NetworkConfig.parse({} if config is None else config, "network")
    control = congestion_control(control_spec).resolve(
        int(nic_bps.min()), int(nic_bps.max()), block.payload_bytes
    )
    return control, block.resolve(control.default_ecn)


def _routing(
    arrays: NetworkArrays,
    workload: AnyWorkload,
    routing: Routes | RoutingConfig | Mapping[str, object] | None,
) -> Routes | RoutingConfig:
    if not isinstance(routing, Routes):
        return RoutingConfig.parse({} if routing is None else routing, "routing")
    check_routes(routing, arrays, workload.id, workload.src, workload.dst)
    return routing


def _check_hosts(arrays: NetworkArrays, workload: AnyWorkload) -> None:
    for end, hosts in (("src", workload.src), ("dst", workload.dst)):
        bad = np.flatnonzero((hosts < 0) | (hosts >= arrays.num_hosts))
        if len(bad):
            node = int(hosts[bad[0]])
            what = "a switch" if 0 <= node < arrays.num_nodes else "an unknown node"
            raise WorkloadError(
                f"flow {workload.id[bad[0]]}: expected {end} to be a host, "
                f"0 to {arrays.num_hosts - 1} (got {what}, {node})"
            )


def _checked_expected(
    workload: AnyWorkload, expected: ExpectedTimes | None
) -> ExpectedTimes | None:
    if expected is not None and (
        len(expected.fct_ns) != workload.num_flows
        or len(expected.ideal_fct_ns) != workload.num_flows
    ):
        raise ConfigError(
            f"expected: expected times of {workload.num_flows} flows (got {len(expected.fct_ns)})"
        )
    return expected
