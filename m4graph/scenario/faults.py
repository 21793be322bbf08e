"""The ``faults`` block: cables that go down, slow down or lose packets, and when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from m4graph.core.blocks import build
from m4graph.core.calls import plain_call
from m4graph.core.errors import one_of
from m4graph.core.registry import Registry
from m4graph.core.schema import KeyProblem, StrictModel, join_key, spell
from m4graph.core.units import GBPS, NS_PER_US
from m4graph.scenario.ranges import MIN_RATE_BPS
from m4graph.topology import NetworkArrays

_MAX_US = 10**12


class Fault(StrictModel):
    """What is wrong with a cable, and from when to when.

    A subclass has a literal ``kind``, its own parameters, and says what becomes of the cable by
    :attr:`takes_down`, :meth:`left_rate_bps` and :attr:`loss_probability`.

    Args:
        link (list of int): The two nodes of the cable; of parallel ones, all are meant.
        at_us (float): When it begins, rounded to a nanosecond. (default: ``0.0``)
        until_us (float, optional): When it ends; ``None``: never. (default: ``None``)
        direction (str): ``"both"``, ``"forward"`` (from the first node of :obj:`link` to the second
            one) or ``"backward"``. (default: ``"both"``)
    """

    link: list[int] = Field(min_length=2, max_length=2)
    kind: str
    at_us: float = Field(default=0.0, ge=0, le=_MAX_US)
    until_us: float | None = Field(default=None, gt=0, le=_MAX_US)
    direction: Literal["both", "forward", "backward"] = "both"

    takes_down: ClassVar[bool] = False
    """Whatever is on the cable is lost, and routing may lead around it."""

    @property
    def loss_probability(self) -> float:
        """With which each packet is lost."""
        return 0.0

    def left_rate_bps(self, own_rate_bps: int) -> int | None:
        """The rate that a link is left with; ``None``: its own."""
        return None

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.end_ns is not None and self.end_ns <= self.start_ns:
            raise ValueError(
                f"expected until_us to be a nanosecond or more after at_us, {self.at_us} "
                f"(got {self.until_us})"
            )
        return self

    @property
    def start_ns(self) -> int:
        """When it begins."""
        return round(self.at_us * NS_PER_US)

    @property
    def end_ns(self) -> int | None:
        """When it ends; ``None``: never."""
        return None if self.until_us is None else round(self.until_us * NS_PER_US)

    def is_active(self, time_ns: float) -> bool:
        """Whether the fault acts at a time: from its begin on, up to its end."""
        return self.start_ns <= time_ns and (self.end_ns is None or time_ns < self.end_ns)

    def links(self, arrays: NetworkArrays) -> list[int]:
        """The directed links that the fault acts on, those of all parallel cables."""
        a, b = self.link
        forward = np.flatnonzero((arrays.link_src == a) & (arrays.link_dst == b)).tolist()
        backward = [link ^ 1 for link in forward]
        ways = {"both": [*forward, *backward], "forward": forward, "backward": backward}
        return ways[self.direction]


class Down(Fault):
    """The cable is down: what is on it or is sent onto it is lost. Queues stay as they are."""

    kind: Literal["down"] = "down"

    takes_down: ClassVar[bool] = True


class Slow(Fault):
    """The cable has a lower (or a higher) rate, from the next packet on.

    Args:
        rate_gbps (float, optional): The rate.
        factor (float, optional): Or the part of the cable's own rate that is left.
    """

    kind: Literal["slow"] = "slow"
    rate_gbps: float | None = Field(default=None, ge=1e-3, le=1e4)
    factor: float | None = Field(default=None, gt=0, le=1)

    @model_validator(mode="after")
    def _has_one_rate(self) -> Self:
        if (self.rate_gbps is None) == (self.factor is None):
            got = "none" if self.factor is None else "both"
            raise ValueError(f"expected rate_gbps or factor (got {got})")
        return self

    def left_rate_bps(self, own_rate_bps: int) -> int:
        """The rate that was given, or that part of the link's own, but 1 kb/s at least."""
        if self.rate_gbps is not None:
            return round(self.rate_gbps * GBPS)
        assert self.factor is not None
        return max(MIN_RATE_BPS, round(self.factor * own_rate_bps))


class Loss(Fault):
    """The cable loses each packet, data or ACK, with a probability.

    Args:
        probability (float): The probability.
    """

    kind: Literal["loss"] = "loss"
    probability: float = Field(gt=0, le=1)

    @property
    def loss_probability(self) -> float:
        """As given."""
        return self.probability


FAULTS: Registry[type[Fault]] = Registry(
    "fault",
    {
        "down": "m4graph.scenario.faults:Down",
        "slow": "m4graph.scenario.faults:Slow",
        "loss": "m4graph.scenario.faults:Loss",
    },
)
"""Kinds of faults by name."""


@plain_call
@dataclass(frozen=True, eq=False)
class LinkConditions:
    """What each directed link is like at one time.

    Shapes:
        - ``down`` bool, ``rate_bps`` int64, ``loss_probability`` float64: ``[num_links]``
    """

    down: NDArray[np.bool_]
    rate_bps: NDArray[np.int64]
    loss_probability: NDArray[np.float64]


@plain_call
def parse_faults(faults: object, arrays: NetworkArrays, key: str = "faults") -> tuple[Fault, ...]:
    """Validates a list of faults.

    Args:
        faults (Sequence of Fault or Mapping): The faults.
        arrays (NetworkArrays): The network, which must have their cables.
        key (str): Where they stand, for the message. (default: ``"faults"``)

    Raises:
        KeyProblem: For the first bad key; it names the fault by its index in the list, from 0.
    """
    if not isinstance(faults, Sequence) or isinstance(faults, str):
        raise KeyProblem(key, f"expected a list of faults (got {spell(faults)})")
    parsed = tuple(
        build(FAULTS, fault, join_key(key, index), Fault) for index, fault in enumerate(faults)
    )
    for index, fault in enumerate(parsed):
        check_link(fault.link, arrays, join_key(key, index, "link"))
    return parsed


@plain_call
def check_link(link: Sequence[int], arrays: NetworkArrays, key: str) -> None:
    """Checks that there is a cable between two nodes.

    Raises:
        KeyProblem: If not; it lists the cables that there are.
    """
    a, b = link
    for node in (a, b):
        if not 0 <= node < arrays.num_nodes:
            raise KeyProblem(
                key, f"expected two nodes of 0 to {arrays.num_nodes - 1} (got {a} and {b})"
            )
    neighbours = np.sort(arrays.link_dst[arrays.link_src == a]).tolist()
    if b not in neighbours:
        there = one_of(map(str, neighbours[:20])) + (" and more" if len(neighbours) > 20 else "")
        raise KeyProblem(key, f"expected a cable of node {a}, to {there} (got {b})")


@plain_call
def conditions_at(faults: Iterable[Fault], arrays: NetworkArrays, time_ns: float) -> LinkConditions:
    """What the faults that are active at a time make of each link.

    Of several on one link, the slowest rate counts; losses are independent of each other.
    """
    down = np.zeros(arrays.num_links, bool)
    rate_bps = arrays.link_rate_bps.astype(np.int64)
    kept = np.ones(arrays.num_links)
    slowed = np.zeros(arrays.num_links, bool)
    for fault in faults:
        if not fault.is_active(time_ns):
            continue
        for link in fault.links(arrays):
            down[link] |= fault.takes_down
            kept[link] *= 1 - fault.loss_probability
            rate = fault.left_rate_bps(int(arrays.link_rate_bps[link]))
            if rate is not None:
                rate_bps[link] = min(rate, rate_bps[link]) if slowed[link] else rate
                slowed[link] = True
    return LinkConditions(down, rate_bps, 1 - kept)
