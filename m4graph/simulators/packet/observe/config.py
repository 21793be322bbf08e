"""What to record of a run: series of links and flows, packets at taps, what hosts see."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from m4graph.core.integers import is_integer, whole_as_integers
from m4graph.core.schema import KeyProblem, StrictModel, join_key
from m4graph.core.units import NS_PER_US
from m4graph.scenario import Scenario
from m4graph.scenario.faults import check_link

_MOST_SHOWN = 10


class Recording(StrictModel):
    """What the packet simulator records of a run; nothing by default.

    A direction of a cable is ``[a, b]``: the queue at node ``a``, and the wire to node ``b``.
    Memory: 80 bytes for a link and sample, 48 for an active flow and sample, 48 for a row of a tap;
    of round-trip times 200 000 are kept.

    Args:
        interval_us (float): Time between two samples of links and flows. (default: ``100.0``)
        links (str or list, optional): Directions to sample: ``"all"``, or a list of ``[a, b]``.
            (default: ``None``)
        flows (str or list, optional): Flows to sample while they are active: ``"all"``, or a list
            of ids. (default: ``None``)
        taps (str or list, optional): Directions on which every packet is recorded: ``"all"``, or a
            list of ``[a, b]``. Drops and losses are recorded wherever they happen. (default:
            ``None``)
        rtt (str, list or dict, optional): Hosts whose round-trip times are recorded: ``"all"``, a
            list, or those of a pod, ``{"pod": 0}``. (default: ``None``)
        throughput (str, list or dict, optional): Hosts of which the bytes that arrive there in 100
            ms are recorded, in the same forms. (default: ``None``)
    """

    interval_us: float = Field(default=100.0, ge=0.001, le=1e12)
    links: Literal["all"] | list[list[int]] | None = None
    flows: Literal["all"] | list[int] | None = None
    taps: Literal["all"] | list[list[int]] | None = None
    rtt: Literal["all"] | list[int] | dict[Literal["pod"], int] | None = None
    throughput: Literal["all"] | list[int] | dict[Literal["pod"], int] | None = None

    @classmethod
    def parse(cls, data: object, key: str = "recording") -> Self:
        """As :meth:`~m4graph.core.schema.StrictModel.parse`, with plain words about the choices."""
        if isinstance(data, dict):
            for name, form in _FORMS.items():
                if not _has_form(whole_as_integers(data.get(name)), name):
                    raise KeyProblem(join_key(key, name), f"expected {form} (got {data[name]!r})")
        return super().parse(data, key)

    @model_validator(mode="after")
    def _is_not_empty(self) -> Self:
        if all(getattr(self, name) is None for name in _FORMS):
            raise ValueError(f"expected one of {', '.join(_FORMS)} (got none)")
        return self

    @property
    def interval_ns(self) -> int:
        """Time between two samples."""
        return round(self.interval_us * NS_PER_US)

    def link_ids(self, name: Literal["links", "taps"], scenario: Scenario) -> NDArray[np.int64]:
        """The directed links that are sampled, or tapped, in their order.

        Raises:
            KeyProblem: If one does not exist.
        """
        chosen = getattr(self, name)
        if chosen == "all":
            return np.arange(scenario.arrays.num_links)
        for index, link in enumerate(chosen or ()):
            check_link(link, scenario.arrays, join_key("recording", name, index))
        return np.array([scenario.arrays.link_id(*link) for link in chosen or ()], np.int64)

    def flow_rows(self, scenario: Scenario) -> NDArray[np.int64]:
        """Rows of the flows that are sampled, in their order.

        Raises:
            KeyProblem: If one does not exist.
        """
        ids = scenario.workload.id
        if self.flows == "all":
            return np.arange(len(ids))
        row_of = {flow: row for row, flow in enumerate(ids.tolist())}
        for index, flow in enumerate(self.flows or ()):
            if flow not in row_of:
                some = ", ".join(map(str, sorted(row_of)[:_MOST_SHOWN]))
                more = ", ..." if len(row_of) > _MOST_SHOWN else ""
                raise KeyProblem(
                    join_key("recording.flows", index),
                    f"expected the id of a flow, {some}{more} (got {flow})",
                )
        return np.array([row_of[flow] for flow in self.flows or ()], np.int64)

    def hosts(
        self, name: Literal["rtt", "throughput"], scenario: Scenario
    ) -> NDArray[np.integer[Any]]:
        """The hosts that round-trip times or bytes are recorded of, in their order.

        Raises:
            KeyProblem: If one does not exist, or the pod has none.
        """
        chosen, num_hosts = getattr(self, name), scenario.arrays.num_hosts
        key = join_key("recording", name)
        if chosen == "all":
            return np.arange(num_hosts)
        if isinstance(chosen, dict):
            nodes = scenario.network.nodes
            inside = [host for host in range(num_hosts) if nodes[host].get("pod") == chosen["pod"]]
            if not inside:
                raise KeyProblem(
                    join_key(key, "pod"), f"expected a pod with hosts (got {chosen['pod']})"
                )
            return np.array(inside)
        for index, host in enumerate(chosen or ()):
            if not 0 <= host < num_hosts:
                raise KeyProblem(
                    join_key(key, index), f"expected a host, 0 .. {num_hosts - 1} (got {host})"
                )
        return np.array(chosen or (), np.int64)


_HOSTS = "all, a list of hosts or {pod: number}"
_FORMS = {
    "links": "all or a list of [a, b]",
    "flows": "all or a list of flow ids",
    "taps": "all or a list of [a, b]",
    "rtt": _HOSTS,
    "throughput": _HOSTS,
}


def _has_form(value: Any, name: str) -> bool:
    if value is None or value == "all":
        return True
    if isinstance(value, dict):
        return _FORMS[name] == _HOSTS and [*value] == ["pod"] and is_integer(value["pod"])
    if not isinstance(value, list | tuple):
        return False
    if name not in ("links", "taps"):
        return all(is_integer(each) for each in value)
    return all(
        isinstance(each, list | tuple) and len(each) == 2 and all(map(is_integer, each))
        for each in value
    )
