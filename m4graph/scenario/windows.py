"""What a window allows a flow that is alone: so many packets in a round trip, and then it waits."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from m4graph.core.products import MOST, multiply_divide
from m4graph.core.units import BITS_PER_BYTE, NS_PER_S
from m4graph.routing import Routes
from m4graph.scenario.ideal import (
    ACK_BYTES,
    HEADER_BYTES,
    Flows,
    ideal_fct_ns,
    serialization_ticks,
)
from m4graph.topology import NetworkArrays


class Pipes(NamedTuple):
    """The idle routes of flows, as their windows see them.

    Shapes:
        - ``round_trip_ticks`` int64 ``[num_flows]``: from a full packet's first byte on the first
          link until its ACK is back
        - ``packet_ticks`` int64 ``[num_flows]``: of a full packet on the slowest link
        - ``slowest_bps`` int64 ``[num_flows]``: that link's rate
    """

    round_trip_ticks: NDArray[np.int64]
    packet_ticks: NDArray[np.int64]
    slowest_bps: NDArray[np.int64]


def idle_pipes(
    arrays: NetworkArrays,
    routes: Routes,
    payload_bytes: int,
    ticks_per_ns: int = 1,
    header_bytes: int = HEADER_BYTES,
) -> Pipes:
    """The pipes of flows.

    Args:
        arrays (NetworkArrays): The network.
        routes (Routes): One of each flow, of a link or more each way.
        payload_bytes (int): Payload of a full packet.
        ticks_per_ns (int): 1 or 1000. (default: ``1``)
        header_bytes (int): Of a packet. (default: that of DCTCP and DCQCN)
    """
    wire_bytes = payload_bytes + header_bytes
    packet_ticks = serialization_ticks(wire_bytes, arrays.link_rate_bps, ticks_per_ns)
    ack_ticks = serialization_ticks(ACK_BYTES, arrays.link_rate_bps, ticks_per_ns)
    delay_ticks = arrays.link_delay_ns * ticks_per_ns
    there = _sums(packet_ticks + delay_ticks, routes.data_ptr, routes.data_links)
    back = _sums(ack_ticks + delay_ticks, routes.ack_ptr, routes.ack_links)
    starts = routes.data_ptr[:-1]
    return Pipes(
        round_trip_ticks=there + back,
        packet_ticks=np.maximum.reduceat(packet_ticks[routes.data_links], starts),
        slowest_bps=np.minimum.reduceat(arrays.link_rate_bps[routes.data_links], starts),
    )


def pair_window_bytes(
    arrays: NetworkArrays, routes: Routes, payload_bytes: int
) -> NDArray[np.int64]:
    r"""A window for each flow that fills its own route, as in ns-3's RDMA model with ``HAS_WIN 1``
    and ``GLOBAL_T 0``.

    .. math::
        W = \Big\lfloor \min_l r_l \cdot \Big(2 \sum_l d_l +
        \sum_l \lfloor P / r_l \rfloor\Big) \Big\rfloor

    with rates :math:`r_l` and delays :math:`d_l` of the links of the data's route, and the payload
    :math:`P` of a full packet; times are whole nanoseconds.

    Args:
        arrays (NetworkArrays): The network.
        routes (Routes): The routes.
        payload_bytes (int): Payload of a full packet.

    Shapes:
        - output int64 ``[num_flows]``, 1 or above
    """
    if routes.num_flows == 0:
        return np.zeros(0, np.int64)
    packet_ns = serialization_ticks(payload_bytes, arrays.link_rate_bps, 1)
    trip_ns = _sums(2 * arrays.link_delay_ns + packet_ns, routes.data_ptr, routes.data_links)
    slowest_bps = np.minimum.reduceat(arrays.link_rate_bps[routes.data_links], routes.data_ptr[:-1])
    return np.maximum(multiply_divide(slowest_bps, trip_ns, BITS_PER_BYTE * NS_PER_S), 1)


def windowed_fct_ns(
    arrays: NetworkArrays,
    workload: Flows,
    routes: Routes,
    window_bytes: int | None,
    payload_bytes: int,
    ticks_per_ns: int = 1,
    header_bytes: int = HEADER_BYTES,
) -> NDArray[np.int64]:
    r"""What flows take alone on their routes at least, with a window that stays as it is.

    A packet leaves while fewer bytes than the window are in flight: so
    :math:`k = \lceil W / P \rceil` packets of a payload :math:`P` go out, and packet :math:`i`
    waits for the ACK of packet :math:`i - k`. With :math:`N` packets, the last
    :math:`N - q k` of them, :math:`q = \lfloor (N - 1) / k \rfloor`, go out after :math:`q` round
    trips :math:`T`, each of a full packet: what is left is a flow of these packets alone, so that

    .. math::
        \mathrm{FCT} \ge q T + \mathrm{ideal}(N - q k \text{ packets}).

    It is met by DCTCP and DCQCN on idle routes whose links are of one rate, if the last packet is
    full (a smaller one may have to wait for the one before it). A window that holds
    what the slowest link sends in a round trip, :math:`k t \ge T`, does not count: then the ideal
    FCT is larger.

    Args:
        arrays (NetworkArrays): The network.
        workload (Flows): The flows, as a workload.
        routes (Routes): Their routes, in the workload's order.
        window_bytes (int, optional): The window of each; ``None``: none.
        payload_bytes (int): Payload of a full packet.
        ticks_per_ns (int): 1 or 1000. (default: ``1``)
        header_bytes (int): Of a packet. (default: that of DCTCP and DCQCN)

    Shapes:
        - output int64 ``[num_flows]``, at least the ideal FCT, at most
          :data:`~m4graph.core.products.MOST`
    """
    packets = payload_bytes, ticks_per_ns, header_bytes
    ideal_ns = ideal_fct_ns(arrays, workload, routes, *packets)
    if window_bytes is None or not len(ideal_ns):
        return ideal_ns
    pipes = idle_pipes(arrays, routes, *packets)
    round_packets = -(-window_bytes // payload_bytes)
    rounds = (workload.size_bytes - 1) // payload_bytes // round_packets
    rounds = np.where(waits_for_acks(pipes, round_packets), rounds, 0)
    if not rounds.any():
        return ideal_ns
    rest = _Sizes(workload.size_bytes - rounds * (round_packets * payload_bytes))
    waiting_ns = np.zeros_like(ideal_ns)
    some = rounds > 0
    waiting_ns[some] = multiply_divide(rounds[some], pipes.round_trip_ticks[some], ticks_per_ns)
    rest_ns = ideal_fct_ns(arrays, rest, routes, *packets)
    return np.asarray(np.minimum(np.maximum(ideal_ns, waiting_ns + rest_ns), MOST))


def growing_window_fct_ns(
    arrays: NetworkArrays,
    workload: Flows,
    routes: Routes,
    first_window_bytes: int,
    window_bytes: int | None,
    payload_bytes: int,
    ticks_per_ns: int = 1,
    header_bytes: int = HEADER_BYTES,
) -> NDArray[np.int64]:
    r"""What flows take alone on their routes at least, with a window that grows by a packet with
    each ACK at most (slow start), and of which only whole packets are used.

    Of a first window of :math:`k = \lfloor W / P \rfloor` packets, packet :math:`k (2^q - 1)` needs
    the ACK of packet :math:`k (2^{q-1} - 1)` and so leaves after :math:`q` round trips :math:`T` at
    the earliest. With :math:`N` packets, for each :math:`q` with :math:`k (2^q - 1) < N`,

    .. math::
        \mathrm{FCT} \ge q T + \mathrm{least}(N - k (2^q - 1) \text{ packets}),

    with what :func:`windowed_fct_ns` has for the largest window. It is met by flows of full packets
    on idle routes whose links are of one rate.

    Args:
        arrays (NetworkArrays): The network.
        workload (Flows): The flows, as a workload.
        routes (Routes): Their routes, in the workload's order.
        first_window_bytes (int): The first window of each; it holds a packet at least.
        window_bytes (int, optional): The largest window of each, likewise; ``None``: no limit.
        payload_bytes (int): Payload of a full packet.
        ticks_per_ns (int): 1 or 1000. (default: ``1``)
        header_bytes (int): Of a packet. (default: that of DCTCP and DCQCN)

    Shapes:
        - output int64 ``[num_flows]``, as of :func:`windowed_fct_ns`

    Reference:
        RFC 5681, section 3.1.
    """
    if window_bytes is not None:
        window_bytes = max(window_bytes // payload_bytes, 1) * payload_bytes
    packets = payload_bytes, ticks_per_ns, header_bytes
    least_ns = windowed_fct_ns(arrays, workload, routes, window_bytes, *packets)
    if not len(least_ns):
        return least_ns
    pipes = idle_pipes(arrays, routes, *packets)
    # Ideal FCTs are of a byte or more: flows that are through keep their last one.
    left = workload.size_bytes
    window, rounds = max(first_window_bytes // payload_bytes, 1), 0
    while window_bytes is None or window * payload_bytes < window_bytes:
        growing = (left > window * payload_bytes) & waits_for_acks(pipes, window)
        if not growing.any():
            break
        left = np.where(growing, left - window * payload_bytes, left)
        window, rounds = 2 * window, rounds + 1
        rest_ns = windowed_fct_ns(arrays, _Sizes(left), routes, window_bytes, *packets)
        waiting_ns = rounds * pipes.round_trip_ticks // ticks_per_ns
        least_ns = np.where(growing, np.maximum(least_ns, waiting_ns + rest_ns), least_ns)
    return np.asarray(np.minimum(least_ns, MOST))


def waits_for_acks(pipes: Pipes, round_packets: int) -> NDArray[np.bool_]:
    """Whether so many packets in a round trip leave the slowest link idle, bool ``[num_flows]``."""
    # In floating point, as a window may be of any size; a tick more or less does not matter.
    return np.asarray(float(round_packets) * pipes.packet_ticks < pipes.round_trip_ticks)


class _Sizes(NamedTuple):
    size_bytes: NDArray[np.int64]


def _sums(
    of_link: NDArray[np.int64], ptr: NDArray[np.int64], links: NDArray[np.int32]
) -> NDArray[np.int64]:
    return np.asarray(np.add.reduceat(of_link[links], ptr[:-1]))
