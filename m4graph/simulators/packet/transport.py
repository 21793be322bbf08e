"""What a transport does for the engine: the window, the receiver, timeouts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from m4graph.scenario import Scenario


@dataclass(frozen=True)
class Transport:
    """The part of a host that algorithms share; the NIC itself is the same for all.

    The hooks are ``register_jitable`` functions of the state ``s``
    (:class:`~m4graph.simulators.packet.state.State`); the engine is compiled around them.

    Args:
        receive: ``receive(s, flow_id, packet_id) -> link``: a data packet is complete at its host.
            Frees the packet or makes an answer of it; gives the uplink if there is an answer to
            send, else ``NONE``.
        acknowledge: ``acknowledge(s, flow_id, packet_id)``: an ACK or NACK is back at the sender;
            the algorithm acts after this.
        on_deadline: ``on_deadline(s, flow_id, which) -> link``: the time of a ``DEADLINE`` event
            has come. Gives the link that now has something to send, or ``NONE``.
        first_window_bytes: From a scenario to the window of a new flow: a packet may leave while
            fewer bytes than this are in flight. 0: no window.
        takes_any_order: Where flows are spread over paths
            (:func:`~m4graph.simulators.packet.variants.has_spraying`), packets that come before
            others are no sign of a loss to it.
    """

    receive: Callable[..., int]
    acknowledge: Callable[..., None]
    on_deadline: Callable[..., int]
    first_window_bytes: Callable[[Scenario], int]
    takes_any_order: bool = False
