"""What a mimic was fitted for: another pod, algorithm or queue needs another mimic."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from m4graph.core.errors import ConfigError
from m4graph.core.schema import join_key, spell
from m4graph.mimic.clusters import Pods
from m4graph.scenario import Scenario
from m4graph.simulators.packet.congestion import CONGESTION_KERNELS
from m4graph.workload import ClosedLoopWorkload


def conditions_of(scenario: Scenario, pods: Pods) -> dict[str, Any]:
    """Shape of the pods, configuration of the network and of congestion control, as JSON."""
    found = {
        "shape": asdict(pods.shape),
        "network": scenario.config.model_dump(mode="json"),
        "congestion_control": scenario.congestion_control.model_dump(mode="json"),
    }
    return json.loads(json.dumps(found))  # type: ignore[no-any-return]


def check_conditions(
    fitted: Mapping[str, Any], found: Mapping[str, Any], takes: frozenset[str], name: str
) -> None:
    """Refuses a scenario that differs from what a mimic was fitted for.

    Args:
        fitted (Mapping): Conditions of the fit.
        found (Mapping): Those of the scenario.
        takes (frozenset): Keys that may differ.
        name (str): What the mimic is called.

    Raises:
        ConfigError: For the first key that differs; names both values.
    """
    was, now = dict(_flat(fitted)), dict(_flat(found))
    for key in sorted(was.keys() | now.keys()):
        if was.get(key) != now.get(key) and not _is_among(key, takes):
            raise ConfigError(
                f"{key}: expected {spell(was.get(key))}, as mimic {name} was fitted with it "
                f"(got {spell(now.get(key))})"
            )


def check_scenario(scenario: Scenario, pods: Pods) -> None:
    """Refuses what no mimic can do.

    Raises:
        ConfigError: For closed loops, faults outside the simulated pod, and algorithms that need
            reports of all switches.
    """
    if isinstance(scenario.workload, ClosedLoopWorkload):
        raise ConfigError(
            "workload: expected an open loop with mimics, which know no flow of their own "
            "(got a closed loop)"
        )
    for index, fault in enumerate(scenario.faults):
        if (pods.link_pod[fault.links(scenario.arrays)] != 0).any():
            raise ConfigError(
                f"faults.{index}: expected a cable of pod 0, which alone is simulated by packet "
                f"(got {fault.link[0]}-{fault.link[1]})"
            )
    kind = scenario.congestion_control.kind
    if CONGESTION_KERNELS.resolve(kind).keeps_routes:
        raise ConfigError(
            f"congestion_control.kind: expected one that needs no reports of switches, as mimics "
            f"have none (got {kind})"
        )


def _flat(block: Mapping[str, Any], key: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in block.items():
        if isinstance(value, Mapping):
            yield from _flat(value, join_key(key, name))
        else:
            yield join_key(key, name), value


def _is_among(key: str, keys: frozenset[str]) -> bool:
    return any(key == each or key.startswith(f"{each}.") for each in keys)
