"""What simulators refuse: it is left out, counted and told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Refusals:
    """Scenarios, and which simulators cannot do them.

    Args:
        reasons (Mapping): For each scenario, by name: why a simulator, by name, refuses it.
    """

    reasons: Mapping[str, Mapping[str, str]]

    @property
    def counts(self) -> dict[str, int]:
        """How many scenarios a simulator refused; only of those that refused any."""
        return dict(Counter(name for reasons in self.reasons.values() for name in reasons))

    def lines(self) -> list[str]:
        """A line for each simulator that refused any, with its first reason."""
        return [self._line(name, count) for name, count in self.counts.items()]

    def _line(self, simulator: str, count: int) -> str:
        scenario, reason = next(
            (scenario, reasons[simulator])
            for scenario, reasons in self.reasons.items()
            if simulator in reasons
        )
        where = f"{count} of {len(self.reasons)} scenarios"
        return f"left out: {simulator} in {where} (first {scenario}: {reason})"
