"""What all pods of a network have in common, and the roles of links in them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from m4graph.core.calls import plain_call
from m4graph.core.errors import ConfigError

HOST_UP, RACK_UP, AGG_UP, CORE_DOWN, AGG_DOWN, RACK_DOWN = range(6)
"""Roles of links: from a host to its rack, on to an aggregation switch, on to a core; and back."""


@plain_call
@dataclass(frozen=True)
class PodShape:
    """What all pods of a network have in common.

    Args:
        racks (int): Racks of a pod.
        hosts (int): Hosts of a rack.
        aggs (int): Aggregation switches of a pod, one in each plane.
        spines (int): Core switches of a plane: cables of an aggregation switch to cores.
        host_rate_bps (int): Of a cable between host and rack.
        rack_rate_bps (int): Of one between rack and aggregation switch.
        agg_rate_bps (int): Of one between aggregation switch and core.
        host_delay_ns (int): Propagation delay of the same, as of those below.
        rack_delay_ns (int): Between rack and aggregation switch.
        agg_delay_ns (int): Between aggregation switch and core.
    """

    racks: int
    hosts: int
    aggs: int
    spines: int
    host_rate_bps: int
    rack_rate_bps: int
    agg_rate_bps: int
    host_delay_ns: int
    rack_delay_ns: int
    agg_delay_ns: int

    @property
    def num_hosts(self) -> int:
        """Hosts of a pod."""
        return self.racks * self.hosts

    @property
    def num_uplinks(self) -> int:
        """Cables from a pod to the cores."""
        return self.aggs * self.spines

    def check_equal(self, other: PodShape, mine: str, others: str) -> None:
        """Refuses another shape.

        Args:
            other (PodShape): The other one.
            mine (str): What has this shape, for the message.
            others (str): What has the other.

        Raises:
            ConfigError: If they differ; names the first thing that does, and both of its values.
        """
        for name, value in asdict(self).items():
            if value != getattr(other, name):
                raise ConfigError(
                    f"{others}: expected pods with {name} of {value}, as {mine} has them "
                    f"(got {getattr(other, name)})"
                )


def shape_of(values: dict[str, Any]) -> PodShape:
    """A shape from what :func:`dataclasses.asdict` makes of one.

    Raises:
        ConfigError: If a value is missing or no integer.
    """
    for field in fields(PodShape):
        if not isinstance(values.get(field.name), int):
            raise ConfigError(
                f"shape.{field.name}: expected an integer (got {values.get(field.name)!r})"
            )
    return PodShape(**{field.name: values[field.name] for field in fields(PodShape)})
