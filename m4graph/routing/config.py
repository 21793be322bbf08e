"""The ``routing`` block of a configuration: a file of routes, or how they are found."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Literal, Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, model_validator

from m4graph.core.registry import Registry
from m4graph.core.schema import KeyProblem, StrictModel
from m4graph.routing.ecmp import EcmpRouter
from m4graph.routing.file import read_routes
from m4graph.routing.nics import NicChoice
from m4graph.routing.paths import Spraying
from m4graph.routing.reroute import reroute
from m4graph.routing.routes import Routes
from m4graph.topology.arrays import NetworkArrays

Ints = NDArray[np.integer]


class Router(Protocol):
    """Routes flows, one batch after the other."""

    def route(self, src: ArrayLike, dst: ArrayLike) -> Routes:
        """Routes the next flows, in the order of start; hosts ``[num_flows]``."""

    def route_one(self, src: int, dst: int) -> Routes:
        """Routes the next flow, as :meth:`route` would."""


class RoutingBlock(StrictModel):
    """The keys of a ``routing`` block of one kind; a subclass has a literal ``kind``."""

    kind: str

    @abstractmethod
    def resolve(
        self, arrays: NetworkArrays, flow_id: Ints, src: Ints, dst: Ints
    ) -> Routes | RoutingConfig:
        """The routes, where the block gives them itself, or how they are found.

        Args:
            arrays (NetworkArrays): The network.
            flow_id (numpy.ndarray): Flow ids ``[num_flows]``, in workload order.
            src (numpy.ndarray): Sending hosts ``[num_flows]``.
            dst (numpy.ndarray): Receiving hosts ``[num_flows]``.

        Raises:
            InputError: If a file is bad, or does not fit the network or the flows.
        """


class FileRouting(RoutingBlock):
    """``routing: {file: routes.csv}``.

    Args:
        file (str): A table as :func:`m4graph.routing.read_routes` reads it.
    """

    kind: Literal["file"] = "file"
    file: str

    def resolve(self, arrays: NetworkArrays, flow_id: Ints, src: Ints, dst: Ints) -> Routes:
        """Reads the routes."""
        return read_routes(self.file, arrays, flow_id, src, dst)


class RoutingConfig(RoutingBlock):
    """How routes are found, for flows that are known and for those that start in a session.

    Args:
        convergence_us (float, optional): So long after a cable goes down or comes up, all flows
            are routed anew, over the cables that were up then; ``None``: never. (default: ``None``)
    """

    convergence_us: float | None = Field(default=None, ge=0, le=10**12)

    def resolve(self, arrays: NetworkArrays, flow_id: Ints, src: Ints, dst: Ints) -> Self:
        """Gives itself."""
        return self

    @property
    def spraying(self) -> Spraying | None:
        """How the packets of a flow are spread over paths; ``None``: they all take its route."""
        return None

    @abstractmethod
    def router(self, arrays: NetworkArrays) -> Router:
        """What routes the flows of a network."""

    @abstractmethod
    def reroute(
        self, arrays: NetworkArrays, routes: Routes, src: Ints, dst: Ints, down: NDArray[np.bool_]
    ) -> Routes:
        """Routes flows anew, around the links that are down, bool ``[num_links]``."""


class HashedRouting(RoutingConfig):
    """ECMP by ns-3's hash; see :func:`m4graph.routing.ecmp_routes`. A subclass has a literal
    ``kind``.

    Args:
        seed (int): Hashed into the switches' hash seeds; 0 is exactly ns-3. (default: ``0``)
        nic (str): How a host with several NICs chooses, ``"hash"``, ``"rail"`` or ``"given"``; see
            :class:`m4graph.routing.NicChoice`. (default: ``"hash"``)
        nics (list of int, optional): Beside ``nic: given``, the number of each host's NIC among
            those that begin a shortest way, from 0. (default: ``None``)
    """

    seed: int = Field(default=0, ge=0, le=2**63 - 1)
    nic: Literal["hash", "rail", "given"] = "hash"
    nics: list[int] | None = None

    prefer_nvswitch: ClassVar[bool] = False

    @model_validator(mode="after")
    def _has_numbers_if_given(self) -> Self:
        if (self.nic == "given") != (self.nics is not None):
            got = "none" if self.nics is None else f"them, with nic: {self.nic}"
            raise ValueError(f"expected nics beside nic: given, and only there (got {got})")
        if self.nics is not None and min(self.nics, default=0) < 0:
            raise ValueError(f"expected nics of 0 or above (got {min(self.nics)})")
        return self

    def router(self, arrays: NetworkArrays) -> EcmpRouter:
        """ECMP with this seed.

        Raises:
            KeyProblem: If there is not one number in :obj:`nics` for each host.
        """
        return EcmpRouter(arrays, self.seed, self._choice(arrays), self.prefer_nvswitch)

    def reroute(
        self, arrays: NetworkArrays, routes: Routes, src: Ints, dst: Ints, down: NDArray[np.bool_]
    ) -> Routes:
        """ECMP over the cables that are up; see :func:`m4graph.routing.reroute`."""
        nics = self._choice(arrays)
        return reroute(arrays, routes, src, dst, down, self.seed, nics, self.prefer_nvswitch)

    def _choice(self, arrays: NetworkArrays) -> NicChoice:
        if self.nics is None:
            return NicChoice(self.nic)
        if len(self.nics) != arrays.num_hosts:
            raise KeyProblem(
                "routing.nics",
                f"expected a number for each of {arrays.num_hosts} hosts (got {len(self.nics)})",
            )
        return NicChoice(self.nic, np.array(self.nics, np.int64))


class EcmpRouting(HashedRouting):
    """``routing: {kind: ecmp}``: all neighbours that are nearer to the receiver are next hops."""

    kind: Literal["ecmp"] = "ecmp"


class SimaiRouting(HashedRouting):
    """``routing: {kind: simai}``: where one of them is an NVSwitch, only NVSwitches are next hops,
    as in SimAI's ns-3: so hosts of a server talk over their NVSwitch, even where a switch outside
    is as near.
    """

    kind: Literal["simai"] = "simai"

    prefer_nvswitch: ClassVar[bool] = True


ROUTINGS: Registry[type[RoutingBlock]] = Registry(
    "routing",
    {
        "ecmp": "m4graph.routing.config:EcmpRouting",
        "simai": "m4graph.routing.config:SimaiRouting",
        "spray": "m4graph.routing.spraying:SprayRouting",
        "flowlet": "m4graph.routing.spraying:FlowletRouting",
        "file": "m4graph.routing.config:FileRouting",
    },
)
"""Kinds of routing by name, each the model of its block."""
