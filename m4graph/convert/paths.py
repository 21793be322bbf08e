"""``path_1.txt`` of m4: ``num_flows,num_paths``, then ``id:src-dst,a-b,b-c,...,`` for each flow.

These are the routes of data. ACKs have none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

import numpy as np

from m4graph.convert.text import write_lines
from m4graph.core.errors import RoutingError
from m4graph.core.text import Line, read_lines
from m4graph.routing import Routes, check_routes, ecmp_routes
from m4graph.topology import NetworkArrays
from m4graph.workload import Workload

_PATH = re.compile(r"([0-9]{1,18}):[0-9]{1,9}-[0-9]{1,9}((?:,[0-9]{1,9}-[0-9]{1,9})+),?")


def read_paths(
    path: Path, arrays: NetworkArrays, workload: Workload, id_of_node: Mapping[int, int]
) -> Routes | None:
    """Reads the routes of all flows; ``None`` if they are those of ns-3's hash.

    Then those of ACKs are, too. Else ACKs go their data's way back: the format holds no other.

    Args:
        path (Path): The file.
        arrays (NetworkArrays): The network.
        workload (Workload): The flows.
        id_of_node (Mapping[int, int]): Node ids by the ids of the topology's file.

    Raises:
        RoutingError: If the file is no such text, a flow is unknown, missing or there twice, or a
            route is not one of the network between the flow's hosts; names line or flow.
    """
    lines = read_lines(path)
    _check_count(path, lines, workload.num_flows)
    ends = zip(arrays.link_src.tolist(), arrays.link_dst.tolist(), strict=True)
    link_of = {pair: link for link, pair in enumerate(ends)}
    route_of: dict[int, list[int]] = {}
    for line in lines[1:]:
        flow, route = _route(line, id_of_node, link_of)
        if flow in route_of:
            raise RoutingError(f"{line.where}: expected each flow once (got {flow} again)")
        route_of[flow] = route
    for flow in workload.id.tolist():
        if flow not in route_of:
            raise RoutingError(f"{path}: expected a line for each flow (got none for flow {flow})")
    routes = [route_of[flow] for flow in workload.id.tolist()]
    ptr = np.cumsum([0, *map(len, routes)])
    links = np.array([link for route in routes for link in route], dtype=np.int32)
    hashed = ecmp_routes(arrays, workload.src, workload.dst)
    if np.array_equal(ptr, hashed.data_ptr) and np.array_equal(links, hashed.data_links):
        return None
    # A cable's two links differ in the last bit.
    back = np.array([link ^ 1 for route in routes for link in reversed(route)], dtype=np.int32)
    given = Routes(hashed.source_port, ptr, links, ptr, back)
    check_routes(given, arrays, workload.id, workload.src, workload.dst, source=str(path))
    return given


def write_paths(path: Path, arrays: NetworkArrays, workload: Workload, routes: Routes) -> None:
    """Writes the routes of data as :func:`read_paths` reads them."""
    hops = [
        f"{a}-{b}," for a, b in zip(arrays.link_src.tolist(), arrays.link_dst.tolist(), strict=True)
    ]
    texts = [
        "".join(hops[link] for link in routes.data_route(row).tolist())
        for row in range(workload.num_flows)
    ]
    columns = (workload.id.tolist(), workload.src.tolist(), workload.dst.tolist(), texts)
    lines = [f"{flow}:{src}-{dst},{text}" for flow, src, dst, text in zip(*columns, strict=True)]
    write_lines(path, [f"{workload.num_flows},{len(set(texts))}", *lines])


def are_kept(routes: Routes, hashed: Routes) -> bool:
    """Tells whether :func:`read_paths` makes the same ports and ACK routes for these data routes.

    Args:
        routes (Routes): The routes of a workload.
        hashed (Routes): Those of ns-3's hash.
    """
    if are_equal(routes, hashed):
        return True
    same_data = np.array_equal(routes.data_ptr, hashed.data_ptr) and np.array_equal(
        routes.data_links, hashed.data_links
    )
    ports = np.array_equal(routes.source_port, hashed.source_port)
    rows = range(routes.num_flows)
    return (
        ports
        and not same_data
        and all(
            np.array_equal(routes.ack_route(row), routes.data_route(row)[::-1] ^ 1) for row in rows
        )
    )


def are_equal(one: Routes, other: Routes) -> bool:
    """Tells whether two workloads' routes and ports are the same."""
    return all(
        np.array_equal(getattr(one, field.name), getattr(other, field.name))
        for field in fields(Routes)
    )


def _check_count(path: Path, lines: list[Line], num_flows: int) -> None:
    first = "".join(lines[0].cells) if lines else "an empty file"
    if re.fullmatch(r"[0-9]+,[0-9]+,?", first) is None:
        raise RoutingError(f"{path}, line 1: expected num_flows,num_paths (got {first})")
    count = int(first.split(",")[0])
    if count != num_flows or len(lines) - 1 != num_flows:
        raise RoutingError(
            f"{path}: expected the routes of {num_flows} flows, as in the file of flows "
            f"(got {count} in line 1, and {len(lines) - 1} lines)"
        )


def _route(
    line: Line, id_of_node: Mapping[int, int], link_of: Mapping[tuple[int, int], int]
) -> tuple[int, list[int]]:
    text = "".join(line.cells)
    match = _PATH.fullmatch(text)
    if match is None:
        raise RoutingError(f"{line.where}: expected id:src-dst,a-b,b-c, (got {text[:60]!r})")
    links = []
    for hop in match[2][1:].split(","):
        a, b = (id_of_node.get(int(node), -1) for node in hop.split("-"))
        if (a, b) not in link_of:
            raise RoutingError(f"{line.where}: expected links of the topology (got {hop})")
        links.append(link_of[a, b])
    return int(match[1]), links
