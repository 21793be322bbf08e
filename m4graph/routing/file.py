"""Route files: ``id,source_port,data_route,ack_route``, a route being node ids joined by ``-``.

A node reached over another than the first of parallel cables has its number: ``0-4.1-2`` takes the
second cable from 0 to 4.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from m4graph.core.calls import plain_call
from m4graph.core.errors import InputError, RoutingError, TopologyError
from m4graph.core.table import Table, read_table, write_table
from m4graph.routing.check import check_routes
from m4graph.routing.routes import Routes
from m4graph.topology.arrays import NetworkArrays

Ints = NDArray[np.integer]

_COLUMNS = {"id": int, "source_port": int, "data_route": str, "ack_route": str}
_ROUTE = re.compile(r"[0-9]{1,9}(-[0-9]{1,9}(\.[0-9]{1,4})?)+")


@plain_call
def read_routes(
    path: str | Path, arrays: NetworkArrays, flow_id: Ints, src: Ints, dst: Ints
) -> Routes:
    """Reads the routes of all flows; the file's rows may be in any order.

    Args:
        path (str or Path): A file that ends in ``.csv`` or ``.parquet``.
        arrays (NetworkArrays): The network.
        flow_id (numpy.ndarray): Flow ids ``[num_flows]``, in workload order.
        src (numpy.ndarray): Sending hosts ``[num_flows]``.
        dst (numpy.ndarray): Receiving hosts ``[num_flows]``.

    Raises:
        RoutingError: If the file is no such table, a flow is unknown, missing or there twice, or
            a route is not one of the network between the flow's hosts; names file and flow.
    """
    table = read_table(path, _COLUMNS, RoutingError)
    rows = rows_of_flows(table, np.asarray(flow_id), RoutingError)
    port = table["source_port"][rows]
    if ((port < 0) | (port > 0xFFFF)).any():
        row = int(np.argmax((port < 0) | (port > 0xFFFF)))
        raise RoutingError(
            f"{path}: flow {flow_id[row]}: expected a source_port in 0 .. 65535 (got {port[row]})"
        )
    data = _parse(str(path), "data_route", table["data_route"][rows], arrays, flow_id)
    ack = _parse(str(path), "ack_route", table["ack_route"][rows], arrays, flow_id)
    routes = Routes(port.astype(np.int32), *data, *ack)
    check_routes(routes, arrays, flow_id, src, dst, source=str(path))
    return routes


@plain_call
def write_routes(path: str | Path, arrays: NetworkArrays, flow_id: Ints, routes: Routes) -> None:
    """Writes routes as :func:`read_routes` reads them, as Parquet if the path ends so.

    Args:
        path (str or Path): The file; its folder must exist.
        arrays (NetworkArrays): The network.
        flow_id (numpy.ndarray): Flow ids ``[num_flows]``, in workload order.
        routes (Routes): The routes.
    """
    write_table(
        path,
        {
            "id": np.asarray(flow_id),
            "source_port": routes.source_port,
            "data_route": _texts(arrays, routes.data_ptr, routes.data_links),
            "ack_route": _texts(arrays, routes.ack_ptr, routes.ack_links),
        },
    )


def rows_of_flows(
    table: Table, flow_id: Ints, error: type[InputError] = InputError
) -> NDArray[np.intp]:
    """The row of each flow in a table that has one row, with an ``id``, for every flow.

    Args:
        table (Table): The table.
        flow_id (numpy.ndarray): Flow ids ``[num_flows]``, in workload order.
        error (type, optional): Class of the errors. (default: :class:`InputError`)

    Raises:
        InputError: If a flow is unknown, missing or there twice; names the file and the flow.
    """
    found = table["id"]
    order = np.argsort(found, kind="stable")
    in_order = found[order]
    again = order[1:][in_order[1:] == in_order[:-1]]
    if len(again):
        row = int(again.min())
        raise error(f"{table.where(row)}: flow {found[row]}: expected one row (got it again)")
    unknown = ~np.isin(found, flow_id)
    if unknown.any():
        row = int(np.argmax(unknown))
        where = table.where(row)
        raise error(f"{where}: expected the id of a flow of the workload (got {found[row]})")
    missing = ~np.isin(flow_id, found)
    if missing.any():
        flow = flow_id[int(np.argmax(missing))]
        raise error(f"{table.source}: flow {flow}: expected a row (got none)")
    return order[np.searchsorted(in_order, flow_id)]


def _parse(
    path: str, column: str, texts: np.ndarray, arrays: NetworkArrays, flow_id: Ints
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Turns routes of node ids into pointers and link ids."""
    for row, text in enumerate(texts):
        if _ROUTE.fullmatch(text) is None:
            raise RoutingError(
                f"{path}: flow {flow_id[row]}: {column}: expected node ids joined by '-' "
                f"(got {text!r})"
            )
    num_nodes = np.array([text.count("-") + 1 for text in texts], dtype=np.int64)
    words = "-".join(texts).split("-") if len(texts) else []
    parts = [word.partition(".") for word in words]
    nodes = np.array([node for node, _, _ in parts], dtype=np.int64)
    which = np.array([number or 0 for _, _, number in parts], dtype=np.int64)
    is_last = np.zeros(len(nodes), dtype=bool)
    is_last[np.cumsum(num_nodes) - 1] = True
    hops = np.stack((nodes[~is_last], nodes[1:][~is_last[:-1]], which[1:][~is_last[:-1]]))
    ptr = np.concatenate(([0], np.cumsum(num_nodes - 1)))
    return ptr, _links(path, column, ptr, hops, arrays, flow_id)


def _links(
    path: str, column: str, ptr: Ints, hops: Ints, arrays: NetworkArrays, flow_id: Ints
) -> NDArray[np.int32]:
    try:
        return arrays.link_ids(*hops)
    except TopologyError:
        ends = zip(arrays.link_src, arrays.link_dst, arrays.parallel_number, strict=True)
        there = {tuple(map(int, link)) for link in ends}
        wanted = enumerate(map(tuple, hops.T.tolist()))
        hop, (a, b, number) = next((i, link) for i, link in wanted if link not in there)
        flow = flow_id[int(np.searchsorted(ptr, hop, side="right")) - 1]
        raise RoutingError(
            f"{path}: flow {flow}: {column}: expected links of the network "
            f"(got {a}-{_node(b, number)})"
        ) from None


def _node(node: int, number: int) -> str:
    return f"{node}.{number}" if number else f"{node}"


def _texts(arrays: NetworkArrays, ptr: Ints, links: Ints) -> list[str]:
    first = arrays.link_src[links[ptr[:-1]]].tolist()
    ends = arrays.link_dst[links].tolist(), arrays.parallel_number[links].tolist()
    reached = list(map(_node, *ends))
    bounds = ptr.tolist()
    return [
        "-".join((f"{node}", *reached[bounds[row] : bounds[row + 1]]))
        for row, node in enumerate(first)
    ]
