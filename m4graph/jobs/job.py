"""A job: programs of ranks on a network, and how they are to be simulated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import networkx as nx
import numpy as np

from m4graph.core.calls import plain_call
from m4graph.core.checks import check_count
from m4graph.core.errors import one_of
from m4graph.core.integers import is_integer
from m4graph.core.schema import KeyProblem, spell, unknown_key
from m4graph.jobs.tenants import Tenant, check_tenant
from m4graph.routing import RoutingConfig
from m4graph.scenario import NetworkConfig, Scenario
from m4graph.scenario.congestion import CongestionControl
from m4graph.workload import Workload
from m4graph.workload import from_config as workload_from_config
from m4graph.workload.programs.config import programs_from_config
from m4graph.workload.programs.program import MAX_NS, JobPrograms

Nvlink = Literal["closed_form", "simulate"]
StepAfter = Literal["receiver", "sender_ack"]

Programs = JobPrograms | Mapping[str, Any]


@plain_call
@dataclass(frozen=True, init=False, eq=False)
class Job:
    """One iteration of one or several training jobs on a network, checked and resolved.

    Args:
        network (networkx.Graph): Hosts and switches; a node's ``server`` and ``rail`` say where a
            GPU stands. A host without is a server by itself.
        workload (JobPrograms or dict, optional): What the ranks do; rank ``i`` is host ``i``.
        congestion_control (CongestionControl, dict or str): As in :class:`~m4graph.Scenario`.
        config (NetworkConfig or dict, optional): The ``network`` block.
        routing (RoutingConfig or dict, optional): How routes are found. (default: ECMP)
        seed (int): Of everything random inside a simulator. (default: ``0``)
        name (str): For tables and files. (default: ``"job"``)
        tenants (list, optional): Instead of ``workload``, jobs side by side:
            ``{name, ranks, workload}``, with the list of their hosts, rank by rank.
        background (Workload or dict, optional): Flows beside them, or a ``workload`` block of a
            scenario.
        nvlink (str): ``"closed_form"``: collectives within a server that has its cables for itself
            are not simulated, where their steps are equally long for all ranks; or ``"simulate"``.
            (default: ``"closed_form"``)
        memo (bool): Equal collectives on cables that nothing else uses are simulated once.
            (default: ``True``)
        step_after (str, optional): A step of a collective begins when what it waits for has come
            to the ``"receiver"``, or when the sender has the acknowledgement (``"sender_ack"``), as
            in SimAI with ns-3. (default: ``"receiver"``, of SimAI's text ``"sender_ack"``)
        latency_ns (int): Between the moment when a flow could start and its start.
            (default: ``0``)

    Raises:
        InputError: If a part is invalid, or does not fit the others.
    """

    scenario: Scenario
    tenants: tuple[Tenant, ...]
    background: Workload | None
    nvlink: Nvlink
    memo: bool
    step_after: StepAfter
    latency_ns: int

    def __init__(
        self,
        network: nx.Graph,
        workload: Programs | None = None,
        congestion_control: CongestionControl | Mapping[str, object] | str = "dcqcn",
        config: NetworkConfig | Mapping[str, object] | None = None,
        routing: RoutingConfig | Mapping[str, object] | None = None,
        seed: int = 0,
        name: str = "job",
        tenants: Sequence[Mapping[str, Any]] | None = None,
        background: Workload | Mapping[str, Any] | None = None,
        nvlink: Nvlink = "closed_form",
        memo: bool = True,
        step_after: StepAfter | None = None,
        latency_ns: int = 0,
    ) -> None:
        scenario = Scenario(
            network,
            Workload.empty(),
            congestion_control,
            config=config,
            routing=routing,
            seed=seed,
            name=name,
        )
        if not isinstance(scenario.routing, RoutingConfig):
            raise KeyProblem("routing.kind", "expected a way to find routes (got a file of them)")
        if (workload is None) == (tenants is None):
            got = "neither" if tenants is None else "both"
            raise KeyProblem("", f"expected one of the keys workload, tenants (got {got})")
        parties, step_defaults = _tenants(workload, tenants, scenario.arrays.num_hosts)
        step_after = step_defaults if step_after is None else step_after
        _check_choice("nvlink", nvlink, get_args(Nvlink))
        _check_choice("step_after", step_after, get_args(StepAfter))
        if not isinstance(memo, bool):
            raise KeyProblem("memo", f"expected true or false (got {spell(memo)})")
        vars(self).update(
            scenario=scenario,
            tenants=parties,
            background=_background(background, network, seed),
            nvlink=nvlink,
            memo=memo,
            step_after=step_after,
            latency_ns=check_count("latency_ns", latency_ns, 0, MAX_NS),
        )

    @property
    def name(self) -> str:
        """For tables and files."""
        return self.scenario.name

    @property
    def num_ranks(self) -> int:
        """Ranks of all tenants."""
        return sum(tenant.programs.num_ranks for tenant in self.tenants)

    def __repr__(self) -> str:
        return f"Job({self.name!r}, num_ranks={self.num_ranks}, num_tenants={len(self.tenants)})"


def _tenants(
    workload: Programs | None, tenants: Sequence[Mapping[str, Any]] | None, num_hosts: int
) -> tuple[tuple[Tenant, ...], Any]:
    """The tenants, and what a step waits for by default."""
    if workload is not None:
        programs, step_after = programs_from_config(workload)
        alone = Tenant(programs, np.arange(min(programs.num_ranks, num_hosts)))
        check_tenant(alone, num_hosts)
        return (alone,), step_after
    assert tenants is not None
    found, waits, taken = [], [], dict[int, str]()
    for index, block in enumerate(tenants):
        key = f"tenants.{index}"
        for name in block:
            if name not in ("name", "ranks", "workload"):
                raise unknown_key(key, str(name), ("name", "ranks", "workload"))
        programs, step_after = programs_from_config(block.get("workload", {}), f"{key}.workload")
        hosts = _hosts(block.get("ranks"), f"{key}.ranks")
        tenant = Tenant(programs, hosts, str(block.get("name", index)))
        check_tenant(tenant, num_hosts)
        for rank, host in enumerate(hosts[: programs.num_ranks].tolist()):
            if host in taken:
                raise KeyProblem(
                    f"{key}.ranks",
                    f"expected hosts of its own (got host {host} for rank {rank}, which tenant "
                    f"{taken[host]} has)",
                )
            taken[host] = tenant.name
        found.append(tenant)
        waits.append(step_after)
    if not found:
        raise KeyProblem("tenants", "expected one or more (got none)")
    return tuple(found), "sender_ack" if "sender_ack" in waits else "receiver"


def _hosts(value: Any, key: str) -> np.ndarray:
    if not isinstance(value, list | tuple | range) or not all(map(is_integer, value)):
        raise KeyProblem(key, f"expected a list of hosts (got {spell(value)})")
    return np.array(list(value), np.int64)


def _background(
    background: Workload | Mapping[str, Any] | None, network: nx.Graph, seed: int
) -> Workload | None:
    if background is None or isinstance(background, Workload):
        return background
    flows = workload_from_config(background, network, seed, "background")
    if not isinstance(flows, Workload):
        raise KeyProblem(
            "background.kind", f"expected open-loop flows (got {spell(background.get('kind'))})"
        )
    return flows


def _check_choice(key: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise KeyProblem(key, f"expected {one_of(choices)} (got {spell(value)})")
