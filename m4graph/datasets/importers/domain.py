"""What imported runs hold, as the ``scenario`` block of their ``config.yaml`` says."""

from __future__ import annotations

from typing import Any

from m4graph.core.units import GBPS
from m4graph.scenario import Scenario


class Domain:
    """Kinds and ranges, which a model that is trained on the runs has seen."""

    def __init__(self) -> None:
        self._kinds: set[str] = set()
        self._ranges: dict[str, list[float]] = {}

    def add(self, scenario: Scenario) -> None:
        """Takes a run into account."""
        self._kinds.add(scenario.congestion_control.kind)
        rates_gbps = (scenario.arrays.link_rate_bps / GBPS).tolist()
        self._widen("num_hosts", scenario.arrays.num_hosts)
        self._widen("gbps", *rates_gbps)
        self._widen("num_flows", scenario.num_flows)

    def blocks(self) -> dict[str, Any]:
        """The block; ranges are ``[least, most]``."""
        kinds = sorted(self._kinds)
        return {
            "topology": {name: self._ranges[name] for name in ("num_hosts", "gbps")},
            "workload": {"num_flows": self._ranges["num_flows"]},
            "congestion_control": kinds[0] if len(kinds) == 1 else {"choice": kinds},
        }

    def _widen(self, name: str, *values: float) -> None:
        seen = [*self._ranges.get(name, ()), *values]
        self._ranges[name] = [min(seen), max(seen)]
