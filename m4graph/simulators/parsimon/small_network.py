"""A link and its flows as a network of its own, for the packet simulator.

Each NIC hangs on a cable before the link, and behind it there is a host for all flows whose ways
take equally long. Times of other links on a way, sending included, are lengths of cables here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from m4graph.core.units import BITS_PER_BYTE, NS_PER_S
from m4graph.routing import Routes
from m4graph.scenario.ideal import serialization_ticks
from m4graph.topology import NetworkArrays
from m4graph.topology.arrays import MAX_RATE_BPS


@dataclass(frozen=True, eq=False)
class SmallNetwork:
    """The network of a link. Hosts ``0 .. num_nics - 1`` send, the others receive.

    Args:
        arrays (NetworkArrays): Cable ``i`` is that of host ``i``; behind these comes the link,
            unless it is an uplink. All links are as fast as may be: a full packet takes a
            nanosecond, an ACK none.
        routes (Routes): Of the flows.
        uplink (np.ndarray): The link of each NIC, int64 ``[num_nics]``.
        target (int): The link; if it is an uplink, that of its NIC.
        payload_bytes (int): Of a full packet.
        overhead_bytes (int): Of each packet.
    """

    arrays: NetworkArrays
    routes: Routes
    uplink: NDArray[np.int64]
    target: int
    payload_bytes: int
    overhead_bytes: int

    @classmethod
    def of(cls, link: Any, flows: NDArray[Any], payload_bytes: int, overhead_bytes: int) -> Self:
        """The network of a link.

        Args:
            link: A record of LINK_INPUT.
            flows (np.ndarray): FLOW_AT_LINK ``[num_flows]``.
            payload_bytes (int): Of a full packet.
            overhead_bytes (int): Of each packet.
        """
        full_bytes = payload_bytes + overhead_bytes
        rate_bps = min(full_bytes * BITS_PER_BYTE * NS_PER_S, MAX_RATE_BPS)
        nic = flows["nic"]
        num_nics = int(link["after_nic"] - link["first_nic"])
        to_ns = np.full(num_nics, np.iinfo(np.int64).max)
        np.minimum.at(to_ns, nic, flows["to_full_ticks"])
        # What a flow needs longer than others of its NIC is added behind the link.
        from_ns = flows["from_full_ticks"] + flows["to_full_ticks"] - to_ns[nic]
        from_ns -= serialization_ticks(full_bytes, rate_bps)
        # An ACK's last hop is queued as early as it would be: that decides ties at the NIC.
        hop_ns = np.zeros(num_nics, np.int64)
        hop_ns[nic] = flows["ack_hop_ticks"]
        ack_ns = flows["ack_ticks"] - hop_ns[nic] - link["is_downlink"] * link["ack_tx_ticks"]
        ways = np.maximum(np.stack([ack_ns, from_ns], axis=1), 0)
        ways, receiver = np.unique(ways, axis=0, return_inverse=True)
        num_hosts, is_apart = num_nics + len(ways), int(not link["is_uplink"])
        near, far = num_hosts, num_hosts + is_apart
        cable_ends = np.stack(
            [
                np.arange(num_hosts + is_apart),
                np.repeat([near, far, far], [num_nics, len(ways), is_apart]),
            ],
            axis=1,
        )
        delay_ns = np.zeros_like(cable_ends)
        delay_ns[:num_nics] = np.stack([to_ns, hop_ns], axis=1)
        delay_ns[num_nics:num_hosts] = ways
        uplink, target = 2 * np.arange(num_nics), 2 * num_hosts * is_apart
        arrays = NetworkArrays(
            num_hosts=num_hosts,
            num_nodes=far + 1,
            link_src=cable_ends.reshape(-1).astype(np.int32),
            link_dst=cable_ends[:, ::-1].reshape(-1).astype(np.int32),
            link_rate_bps=np.full(cable_ends.size, rate_bps),
            link_delay_ns=delay_ns.reshape(-1),
        )
        routes = _routes(uplink[nic], target, 2 * (num_nics + receiver.reshape(-1)) + 1)
        return cls(arrays, routes, uplink, target, payload_bytes, overhead_bytes)

    def late_ns(
        self, link: Any, flows: NDArray[Any], nic_bps: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """By how much the last packet of a flow alone comes later here than it should.

        Cables are as long as full packets need. A last packet is short: over other links it is
        faster, as far as the packet before it lets it.

        Args:
            link: As of :meth:`of`.
            flows (np.ndarray): As of :meth:`of`.
            nic_bps (np.ndarray): The rate of each NIC, int64 ``[num_nics]``.

        Shapes:
            - output int64 ``[num_flows]``
        """
        last_bytes = (flows["size_bytes"] - 1) % self.payload_bytes + 1 + self.overhead_bytes
        full_bytes = self.payload_bytes + self.overhead_bytes

        def last_and_full_ns(rate_bps: NDArray[np.int64]) -> tuple[Any, Any]:
            full_ns = serialization_ticks(np.full_like(rate_bps, full_bytes), rate_bps)
            return serialization_ticks(last_bytes, rate_bps), full_ns

        # When it is through its NIC, and through the link, after the packet before it.
        here_ns, _ = last_and_full_ns(nic_bps[flows["nic"]])
        to_ns = flows["to_last_ticks"] - flows["to_full_ticks"]
        really_ns = np.maximum(here_ns + to_ns, flows["to_gap_last_ticks"])
        if not link["is_uplink"]:
            last_ns, full_ns = last_and_full_ns(np.full_like(last_bytes, link["rate_bps"]))
            here_ns = np.maximum(here_ns, full_ns) + last_ns - full_ns
            really_ns = np.maximum(really_ns, full_ns) + last_ns - full_ns
        from_ns = flows["from_last_ticks"] - flows["from_full_ticks"]
        really_ns = np.maximum(really_ns + from_ns, flows["from_gap_last_ticks"])
        last_ns, full_ns = last_and_full_ns(np.full_like(last_bytes, self.arrays.link_rate_bps[0]))
        is_only = flows["size_bytes"] <= self.payload_bytes
        late_ns = np.where(is_only, -to_ns - from_ns, here_ns - really_ns)
        return np.asarray(late_ns + last_ns - full_ns)


def _routes(uplink: NDArray[np.int64], target: int, to_receiver: NDArray[np.int64]) -> Routes:
    """From NICs over the link to receivers; if the NIC's link is it, over nothing between."""
    between = np.full((len(uplink), int(target > 0)), target)
    data = np.hstack([uplink[:, None], between, to_receiver[:, None]])
    # ACKs take the same cables back.
    ack = (data ^ 1)[:, ::-1]
    ptr = np.arange(len(data) + 1) * data.shape[1]
    return Routes(np.zeros(len(data), np.int32), ptr, data.reshape(-1), ptr, ack.reshape(-1))
