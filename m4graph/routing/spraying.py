"""Routing that spreads the packets of a flow over all of its shortest paths."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from m4graph.routing.config import HashedRouting
from m4graph.routing.paths import Spraying


class SprayRouting(HashedRouting):
    """``routing: {kind: spray}``: each packet of a flow takes one of its shortest paths, the first
    that of ECMP. ACKs take one route, by ECMP. Where a next hop is an NVSwitch, only NVSwitches are
    next hops.

    Args:
        choice (str): The path of the next packet: any, drawn at ``"random"``, or in
            ``"round_robin"`` the next one. (default: ``"random"``)
    """

    kind: Literal["spray"] = "spray"
    choice: Literal["random", "round_robin"] = "random"

    prefer_nvswitch: ClassVar[bool] = True

    @property
    def spraying(self) -> Spraying:
        """A choice for each packet."""
        return Spraying(0.0, self.choice, self.prefer_nvswitch)


class FlowletRouting(HashedRouting):
    """``routing: {kind: flowlet}``: the packets of a flow take one of its shortest paths, the first
    that of ECMP, until the flow has paused; then another choice is made. Otherwise as
    :class:`SprayRouting`.

    Args:
        gap_us (float): The pause, from the start of a packet to that of the next one.
            (default: ``50.0``)
        choice (str): As of :class:`SprayRouting`. (default: ``"random"``)
    """

    kind: Literal["flowlet"] = "flowlet"
    gap_us: float = Field(default=50.0, ge=0, le=10**12)
    choice: Literal["random", "round_robin"] = "random"

    prefer_nvswitch: ClassVar[bool] = True

    @property
    def spraying(self) -> Spraying:
        """A choice after each pause."""
        return Spraying(self.gap_us, self.choice, self.prefer_nvswitch)
