"""How long a distribution's scenarios take, before they are made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from m4graph.core.errors import ConfigError
from m4graph.core.integers import as_integer
from m4graph.scenario import Scenario
from m4graph.simulators.forecast import S_PER_HOUR, check_hours
from m4graph.simulators.packet.forecast import HOPS_PER_S, forecast_packet_hops

MAX_TOTAL_HOURS = 10_000.0
"""Of one core, for all scenarios; longer ones are refused, unless one asks for them."""

_SCENARIO_S = 0.02
"""Of a scenario of 20 flows: drawing, building, simulating and writing it."""

_FLOW_S = 1e-6
"""What a flow takes at the least: to be drawn, routed and hashed, and to send a packet."""


def check_flows(description: Mapping[str, Any], max_hours: float) -> None:
    """Refuses a drawn scenario whose flows alone, before they are drawn, are too much work.

    Args:
        description (Mapping): Its blocks.
        max_hours (float): The limit.

    Raises:
        ConfigError: If it would take longer.
    """
    num_flows = _num_flows(description.get("workload"))
    hours = num_flows * _FLOW_S / S_PER_HOUR
    check_hours("packet", hours, f"{num_flows:.2g} flows, {hours:.2g} hours", max_hours)


def check_total(
    scenario: Scenario, num_scenarios: int, max_total_hours: float = MAX_TOTAL_HOURS
) -> None:
    """Refuses a number of scenarios like one that would take too long.

    Args:
        scenario (Scenario): One of them.
        num_scenarios (int): How many.
        max_total_hours (float): The limit, for one core.

    Raises:
        ConfigError: If they would take longer.
    """
    hops_s = forecast_packet_hops(scenario) / HOPS_PER_S
    one_s = _SCENARIO_S + scenario.num_flows * _FLOW_S + hops_s
    hours = num_scenarios * one_s / S_PER_HOUR
    if hours > max_total_hours:
        raise ConfigError(
            f"max_total_hours: expected at most {max_total_hours:g} hours of work for one core "
            f"(got about {hours:.2g} hours, {num_scenarios} scenarios of {one_s:.2g} s); take "
            "fewer, or make them in shards, or raise max_total_hours"
        )


def _num_flows(block: object) -> int:
    """The largest ``num_flows`` in a block of a workload, or in one inside it."""
    if not isinstance(block, Mapping):
        return 0
    return max(as_integer(block.get("num_flows")) or 0, *map(_num_flows, block.values()), 0)
