"""Clients that ask servers, and ask again when they have been answered."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from m4graph.core.blocks import Spec, build
from m4graph.core.calls import plain_call
from m4graph.core.checks import check_count
from m4graph.core.rng import generator
from m4graph.core.schema import KeyProblem
from m4graph.workload.closed_loop import ClosedLoopWorkload
from m4graph.workload.sizes import SIZE_LAWS, SizeLaw

_LAST_START_NS = 2**61


@plain_call
def request_response(
    clients: Sequence[int],
    servers: Sequence[int],
    request_sizes: Spec | SizeLaw,
    response_sizes: Spec | SizeLaw,
    num_exchanges: int = 100,
    concurrency: int = 1,
    think_ns: int = 0,
    service_ns: int = 0,
    seed: int = 0,
    start_ns: int = 0,
) -> ClosedLoopWorkload:
    """Each client sends requests to random servers; each response comes back to it.

    A client has ``concurrency`` exchanges open: exchange ``k`` begins ``think_ns`` after exchange
    ``k - concurrency`` of the same client has ended. A response starts ``service_ns`` after its
    request has arrived. There are ``2 num_exchanges`` flows for each client: the request of
    exchange ``k`` of the ``c``-th client is flow ``2 (k num_clients + c)``, its response the next.

    Args:
        clients (Sequence[int]): Hosts that ask.
        servers (Sequence[int]): Hosts that answer; a client that is one too never asks itself.
        request_sizes (str, dict or SizeLaw): One of :data:`SIZE_LAWS`, as in
            ``{"kind": "fixed", "size_bytes": 200}``.
        response_sizes (str, dict or SizeLaw): Likewise.
        num_exchanges (int, optional): Of each client. (default: ``100``)
        concurrency (int, optional): Exchanges that a client has open at a time. (default: ``1``)
        think_ns (int, optional): From a response to the next request. (default: ``0``)
        service_ns (int, optional): From a request to its response. (default: ``0``)
        seed (int, optional): Of servers and sizes. (default: ``0``)
        start_ns (int, optional): When the first requests start. (default: ``0``)

    Raises:
        InputError: If a parameter is bad, or a client has nobody to ask; names it.
    """
    asking, answering = _hosts("clients", clients), _hosts("servers", servers)
    exchanges = check_count("num_exchanges", num_exchanges)
    lag = check_count("concurrency", concurrency)
    think = check_count("think_ns", think_ns, 0, _LAST_START_NS)
    service = check_count("service_ns", service_ns, 0, _LAST_START_NS)
    start = check_count("start_ns", start_ns, 0, _LAST_START_NS)
    request_law = build(SIZE_LAWS, request_sizes, "request_sizes", SizeLaw)
    response_law = build(SIZE_LAWS, response_sizes, "response_sizes", SizeLaw)

    total = exchanges * len(asking)
    client = np.tile(asking, exchanges)
    server = _draw_servers(generator(seed, "request_response", "servers"), client, answering)
    sizes = (
        generator(seed, "request_response", "requests"),
        generator(seed, "request_response", "responses"),
    )
    first = np.arange(total) < lag * len(asking)
    waits = np.stack((~first, np.ones(total, bool)), 1).reshape(-1)
    request = 2 * np.arange(total)
    after = np.stack((request + 1 - 2 * lag * len(asking), request), 1).reshape(-1)
    delay = np.stack((np.where(first, 0, think), np.full(total, service)), 1).reshape(-1)
    return ClosedLoopWorkload.from_arrays(
        id=np.arange(2 * total),
        src=np.stack((client, server), 1).reshape(-1),
        dst=np.stack((server, client), 1).reshape(-1),
        size_bytes=np.stack(
            (request_law.sample(sizes[0], total), response_law.sample(sizes[1], total)), 1
        ).reshape(-1),
        ready_ns=np.full(2 * total, start),
        after_ptr=np.concatenate(([0], np.cumsum(waits))),
        after=after[waits],
        delay_ns=delay,
    )


def _draw_servers(
    random: np.random.Generator, client: NDArray[np.int64], servers: NDArray[np.int64]
) -> NDArray[np.int64]:
    """A server for each request, all of them as likely, but never the client itself."""
    index = np.full(int(max(client.max(), servers.max())) + 1, -1)
    index[servers] = np.arange(len(servers))
    own = index[client]
    choices = len(servers) - (own >= 0)
    if (choices < 1).any():
        lonely = int(client[np.argmin(choices)])
        raise KeyProblem(
            "servers",
            f"expected a server other than the client for each client (got none for host {lonely})",
        )
    drawn = random.integers(choices)
    return np.asarray(servers[drawn + ((own >= 0) & (drawn >= own))])


def _hosts(name: str, hosts: Sequence[int]) -> NDArray[np.int64]:
    checked = [check_count(name, host, minimum=0) for host in hosts]
    if not checked or len(set(checked)) < len(checked):
        raise KeyProblem(name, f"expected one or more different hosts (got {checked})")
    return np.array(checked, np.int64)
