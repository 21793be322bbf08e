"""Any networkx graph of hosts and switches, renumbered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import networkx as nx

from m4graph.core.calls import plain_call
from m4graph.core.errors import InputError, TopologyError
from m4graph.core.integers import is_integer, whole_as_integers
from m4graph.core.schema import KeyProblem
from m4graph.core.units import parse_delay_ns, parse_rate_bps
from m4graph.topology.arrays import NetworkArrays
from m4graph.topology.build import add_cable, check_rate, plain
from m4graph.topology.validation import check_graph, node_kind, validate


@plain_call
def from_networkx(graph: nx.Graph) -> nx.Graph:
    """Makes a valid network out of a graph whose nodes have labels of any type.

    Hosts get the ids ``0 .. num_hosts - 1`` and switches the ids after them, each in the order of
    their labels if all labels are integers, else in the order of the graph. So a graph that is
    valid already keeps its ids. Edges of a multigraph are parallel cables. The old label is kept in
    the node attribute ``label`` (one that is there already is left alone). Other attributes are
    copied. The graph given is not changed.

    Args:
        graph (nx.Graph): Nodes have ``kind`` (``"host"`` or ``"switch"``); edges have
            ``rate_bps`` (or else ``gbps``) and ``delay_ns``, each a number, or text with its unit,
            as in ``rate_bps="10Gbps"`` and ``delay_ns="1us"``.

    Raises:
        TopologyError: If the network is not valid, see :func:`~m4graph.topology.validate`.
    """
    check_graph(graph)
    labels = list(graph)
    if all(is_integer(label) for label in labels):
        labels.sort()
    kinds = {label: node_kind(label, graph.nodes[label]) for label in labels}
    labels.sort(key=lambda label: kinds[label] != "host")
    ids = {label: index for index, label in enumerate(labels)}
    canonical = nx.MultiGraph(name="network")
    canonical.graph.update(graph.graph)
    for label, index in ids.items():
        canonical.add_node(index, label=label)
        canonical.nodes[index].update(graph.nodes[label])
    for a, b, data in graph.edges(data=True):
        add_cable(canonical, ids[a], ids[b], _cable(a, b, data))
    canonical = plain(canonical)
    validate(canonical)
    return canonical


@plain_call
def host_labels(network: nx.Graph | NetworkArrays) -> list[Any] | None:
    """What the hosts of a network are called, in the order of their ids; a host without a label by
    its id. ``None`` if all are.
    """
    if isinstance(network, NetworkArrays):
        return None
    hosts = range(validate(network).num_hosts)
    labels = [network.nodes[host].get("label", host) for host in hosts]
    return None if labels == list(hosts) else labels


_UNITS = {"rate_bps": parse_rate_bps, "delay_ns": parse_delay_ns}


def _cable(a: Any, b: Any, data: Mapping[str, Any]) -> dict[str, Any]:
    cable = dict(data)
    for name, parse in _UNITS.items():
        value = cable.get(name)
        try:
            if name in cable:
                cable[name] = parse(value) if isinstance(value, str) else whole_as_integers(value)
        except InputError as error:
            raise TopologyError(f"cable {a}-{b}, {name}: {error}") from None
    if "gbps" not in cable:
        return cable
    if "rate_bps" in cable:
        raise TopologyError(f"cable {a}-{b}: expected one of rate_bps and gbps (got both)")
    try:
        cable["rate_bps"] = check_rate("gbps", cable.pop("gbps"))
    except KeyProblem as error:
        raise TopologyError(f"cable {a}-{b}, {error}") from None
    return cable
