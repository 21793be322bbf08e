"""The windows of flows, where they do not have one in common."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from m4graph.routing import Routes
from m4graph.scenario import Scenario
from m4graph.scenario.congestion import PAIR
from m4graph.scenario.windows import pair_window_bytes
from m4graph.simulators.packet.layout import FLOW_WITH_WINDOW
from m4graph.simulators.packet.memory import zeros
from m4graph.simulators.packet.state import State


def flow_windows(scenario: Scenario, routes: Routes) -> NDArray[np.int64] | None:
    """The windows of flows, int64 ``[num_flows]``; ``None``: they have one in common."""
    if scenario.congestion_control.init_window_bytes != PAIR:
        return None
    return pair_window_bytes(scenario.arrays, routes, scenario.config.payload_bytes)


def given_windows(
    scenario: Scenario, state: State, routes: Routes, given: NDArray[np.int64] | None
) -> NDArray[np.int64] | None:
    """As :func:`flow_windows`, where flows may have been given windows.

    Args:
        scenario (Scenario): Network, algorithm and configuration.
        state (State): Of the run; of the type that each flow has a window of its own, if any has.
        routes (Routes): Of the flows.
        given (np.ndarray, optional): Their windows, int64 ``[num_flows]``; 0: that of the
            algorithm.
    """
    usual = flow_windows(scenario, routes)
    if not has_own_windows(state):
        return usual
    if usual is None:
        usual = np.full(routes.num_flows, state.config["window_bytes"][0])
    return usual if given is None else np.where(given > 0, given, usual)


def has_own_windows(state: State) -> bool:
    """Whether each flow has a window of its own."""
    return state.flows.dtype == FLOW_WITH_WINDOW


def with_own_windows(state: State) -> State:
    """The same state, in which each flow has a window of its own: so far, that of all."""
    flows = zeros(len(state.flows), FLOW_WITH_WINDOW)
    for name in state.flows.dtype.fields or ():
        flows[name] = state.flows[name]
    flows["full_window_bytes"] = state.config["window_bytes"]
    return state._replace(flows=flows)
