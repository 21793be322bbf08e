"""Opens a session by the name of a simulator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import networkx as nx

from m4graph.core.calls import plain_call
from m4graph.routing import RoutingConfig
from m4graph.scenario import NetworkConfig, Scenario
from m4graph.scenario.congestion import CongestionControl
from m4graph.simulators.base import Simulator, build_simulator
from m4graph.simulators.session.session import Session
from m4graph.workload import Workload


@plain_call
def open_session(
    network: nx.Graph,
    simulator: str | type[Simulator] | Simulator = "packet",
    congestion_control: CongestionControl | Mapping[str, object] | str = "dctcp",
    config: NetworkConfig | Mapping[str, object] | None = None,
    routing: RoutingConfig | Mapping[str, object] | None = None,
    seed: int = 0,
    **options: Any,
) -> Session:
    """Opens a session: an idle network to which flows are added while it runs.

    Args:
        network (networkx.Graph): Hosts and switches, as :mod:`m4graph.topology` makes them.
        simulator (str, type or Simulator): Which simulator. (default: ``"packet"``)
        congestion_control (CongestionControl, dict or str): As in
            :class:`~m4graph.scenario.Scenario`. (default: ``"dctcp"``)
        config (NetworkConfig or dict, optional): The ``network`` block of ``scenario.yaml``.
        routing (RoutingConfig or dict, optional): How routes are found. (default: ECMP, exactly as
            ns-3)
        seed (int): Of everything random inside the simulator. (default: ``0``)
        **options: The simulator's own, such as ``model`` of ``"learned"``.

    Raises:
        InputError: If an argument is invalid, or the simulator has no sessions.
    """
    scenario = Scenario(
        network,
        Workload.empty(),
        congestion_control,
        config=config,
        routing=routing,
        seed=seed,
        name="session",
    )
    session = build_simulator(simulator, **options).open_session(scenario)
    assert isinstance(session, Session)
    return session
