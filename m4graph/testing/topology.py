"""What every topology must keep."""

from __future__ import annotations

import copy
import inspect
import io
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import networkx as nx
import yaml

from m4graph.core.calls import plain_call
from m4graph.core.errors import ConfigError
from m4graph.scenario import Scenario
from m4graph.scenario.files import load_scenario, save_scenario
from m4graph.testing.rules import Report, Rules, expect, expect_equal, expect_refused
from m4graph.topology import TOPOLOGIES, NetworkArrays, from_config, validate
from m4graph.workload import Workload

Generator = Callable[..., nx.Graph]
_COLUMNS = ("link_src", "link_dst", "link_rate_bps", "link_delay_ns")
_NONSENSE = "nonsense"


@plain_call
def check_topology(topology: str | Generator, **parameters: Any) -> Report:
    """Checks a generator of networks, on one set of parameters.

    Rules: it gives a network that :func:`m4graph.topology.validate` accepts (ids, kinds, rates,
    delays, all hosts reach each other), with two hosts at least; the same parameters give an equal
    network, and a new one each time; a scenario of it comes back from its folder with the same
    routes. A name is also tried as a ``topology`` block of YAML: it gives the same network; a key
    that does not exist, and text in place of any value, are refused with an
    :class:`~m4graph.core.errors.InputError`.

    Args:
        topology (str or callable): A name of :data:`m4graph.topology.TOPOLOGIES`, or a function.
        **parameters: Of the network to try.

    Raises:
        ConformanceError: For the first rule that is broken.
    """
    rules = Rules("topology", topology)
    with rules("made"):
        generator = TOPOLOGIES.resolve(topology)
        graph = generator(**copy.deepcopy(parameters))
        is_graph = isinstance(graph, nx.Graph)
        expect(is_graph, "a networkx.Graph", type(graph).__name__)
    with rules("valid"):
        arrays = validate(graph)
        expect(arrays.num_hosts >= 2, "two hosts at least", arrays.num_hosts)
    with rules("same network"):
        again = generator(**copy.deepcopy(parameters))
        expect(again is not graph, "a new graph at each call", "the same object")
        _expect_same(validate(again), arrays, "the same network for the same parameters")
    with rules("scenario folder"):
        _check_folder(graph)
    if isinstance(topology, str):
        with rules("YAML"):
            block = yaml.safe_load(_as_yaml({"kind": topology, **parameters}))
            _expect_same(validate(from_config(block)), arrays, "the same network from YAML")
        with rules("bad keys"):
            _check_refusals(topology, generator, parameters)
    return rules.report


def _expect_same(got: NetworkArrays, wanted: NetworkArrays, expected: str) -> None:
    counts = [(arrays.num_hosts, arrays.num_nodes) for arrays in (got, wanted)]
    expect(counts[0] == counts[1], f"{expected}: {counts[1]} hosts and nodes", counts[0])
    for name in _COLUMNS:
        expect_equal(getattr(got, name), getattr(wanted, name), f"{expected}: {name}")


def _check_folder(graph: nx.Graph) -> None:
    last = validate(graph).num_hosts - 1
    workload = Workload.from_arrays([0, 1], [0, last], [last, 0], [1000, 1000], [0, 0])
    scenario = Scenario(graph, workload, "dctcp")
    with tempfile.TemporaryDirectory() as scratch:
        save_scenario(scenario, Path(scratch) / "scenario")
        loaded = load_scenario(Path(scratch) / "scenario")
    _expect_same(loaded.arrays, scenario.arrays, "the same network from a scenario folder")
    for name in ("data_links", "ack_links"):
        routes = getattr(loaded.routes, name), getattr(scenario.routes, name)
        expect_equal(*routes, "the same routes from a scenario folder")


def _check_refusals(name: str, generator: Generator, parameters: Mapping[str, Any]) -> None:
    known = inspect.signature(generator).parameters.values()
    if all(parameter.kind is not parameter.VAR_KEYWORD for parameter in known):
        unknown = {"kind": name, **parameters, "no_such_key": 1}
        expect_refused(partial(from_config, unknown), "no_such_key to be refused", ConfigError)
    for key in parameters:
        bad = {"kind": name, **parameters, key: _NONSENSE}
        expect_refused(partial(from_config, bad), f"{key}: {_NONSENSE!r} to be refused")


def _as_yaml(block: Mapping[str, Any]) -> str:
    stream = io.StringIO()
    yaml.safe_dump(dict(block), stream)
    return stream.getvalue()
