"""Which links each flow crosses: ECMP as in ns-3, and routes from files."""

from __future__ import annotations

from m4graph.routing.check import check_routes
from m4graph.routing.config import (
    ROUTINGS,
    EcmpRouting,
    FileRouting,
    RoutingBlock,
    RoutingConfig,
    SimaiRouting,
)
from m4graph.routing.ecmp import EcmpRouter, ecmp_routes
from m4graph.routing.file import read_routes, write_routes
from m4graph.routing.nics import NicChoice
from m4graph.routing.paths import PathFinder, Paths, Spraying
from m4graph.routing.reroute import reroute
from m4graph.routing.routes import Routes
from m4graph.routing.spraying import FlowletRouting, SprayRouting
from m4graph.routing.spread import drawn_link_shares, expected_link_shares

__all__ = [
    "ROUTINGS",
    "EcmpRouter",
    "EcmpRouting",
    "FileRouting",
    "FlowletRouting",
    "NicChoice",
    "PathFinder",
    "Paths",
    "Routes",
    "RoutingBlock",
    "RoutingConfig",
    "SimaiRouting",
    "SprayRouting",
    "Spraying",
    "check_routes",
    "drawn_link_shares",
    "ecmp_routes",
    "expected_link_shares",
    "read_routes",
    "reroute",
    "write_routes",
]
