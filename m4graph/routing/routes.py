"""The routes of the flows of a workload, in both directions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from m4graph.core.calls import plain_call
from m4graph.core.errors import RoutingError

_DTYPES = {
    "source_port": np.int32,
    "data_ptr": np.int64,
    "data_links": np.int32,
    "ack_ptr": np.int64,
    "ack_links": np.int32,
}


@plain_call
@dataclass(frozen=True, eq=False)
class Routes:
    """The route of each flow's data, and that of its ACKs, as directed link ids.

    Rows are in workload order. The links of row ``i`` are ``links[ptr[i]:ptr[i + 1]]``, from the
    uplink of the sending host to the downlink of the receiving one. All arrays are read-only.

    Args:
        source_port (numpy.ndarray): UDP source port of each flow, what ECMP hashes.
        data_ptr (numpy.ndarray): Where each flow's part of :obj:`data_links` starts.
        data_links (numpy.ndarray): The links of all data routes, one after the other.
        ack_ptr (numpy.ndarray): Where each flow's part of :obj:`ack_links` starts.
        ack_links (numpy.ndarray): The links of all ACK routes, from the flow's receiver back.

    Raises:
        RoutingError: If the pointers do not give each flow at least one link.

    Shapes:
        - source port ``[num_flows]`` int32
        - pointers ``[num_flows + 1]`` int64
        - links ``[total number of hops]`` int32
    """

    source_port: NDArray[np.int32]
    data_ptr: NDArray[np.int64]
    data_links: NDArray[np.int32]
    ack_ptr: NDArray[np.int64]
    ack_links: NDArray[np.int32]

    def __post_init__(self) -> None:
        for name, dtype in _DTYPES.items():
            array = np.asarray(getattr(self, name), dtype=dtype).view()
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        for name, ptr, links in (
            ("data", self.data_ptr, self.data_links),
            ("ack", self.ack_ptr, self.ack_links),
        ):
            if (
                len(ptr) != self.num_flows + 1
                or ptr[0] != 0
                or ptr[-1] != len(links)
                or (ptr[1:] <= ptr[:-1]).any()
            ):
                raise RoutingError(
                    f"routing: expected {name}_ptr to give each of {self.num_flows} flows its part "
                    f"of {len(links)} links, one or more (got {len(ptr)} pointers that do not)"
                )

    @property
    def num_flows(self) -> int:
        """Number of flows."""
        return len(self.source_port)

    def data_route(self, row: int) -> NDArray[np.int32]:
        """The links that the data of the flow in this row cross, in order."""
        return self.data_links[self.data_ptr[row] : self.data_ptr[row + 1]]

    def ack_route(self, row: int) -> NDArray[np.int32]:
        """The links that the ACKs of the flow in this row cross, in order."""
        return self.ack_links[self.ack_ptr[row] : self.ack_ptr[row + 1]]

    def of_flows(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> Routes:
        """The routes of only some flows, or of all in another order.

        Args:
            rows (np.ndarray): Their rows; or whether each one is kept, bool ``[num_flows]``.
        """
        rows = np.arange(self.num_flows)[rows]
        columns: list[NDArray[Any]] = []
        for ptr, links in (self.data_ptr, self.data_links), (self.ack_ptr, self.ack_links):
            length = np.diff(ptr)[rows]
            new_ptr = np.concatenate(([0], np.cumsum(length)))
            hops = np.arange(new_ptr[-1]) + np.repeat(ptr[rows] - new_ptr[:-1], length)
            columns += [new_ptr, links[hops]]
        return Routes(self.source_port[rows], *columns)
