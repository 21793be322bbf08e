"""A folder of text files, read as a scenario."""

from __future__ import annotations

from pathlib import Path

import networkx as nx
import numpy as np

from m4graph.convert.config import at_setting, read_config, read_stop_ns
from m4graph.convert.flows import read_flows
from m4graph.convert.formats import FLOWS, TOPOLOGY, text_format
from m4graph.convert.paths import read_paths
from m4graph.convert.settings import Settings
from m4graph.convert.times import read_times
from m4graph.core.calls import plain_call
from m4graph.core.errors import InputError, TopologyError
from m4graph.core.schema import KeyProblem
from m4graph.scenario import Scenario
from m4graph.topology import from_networkx, validate
from m4graph.topology.hpcc import read_hpcc_with_notes


@plain_call
def from_text(source: str | Path, format_name: str) -> tuple[Scenario, list[str]]:
    """Reads the text files of ns-3's RDMA model as a scenario.

    A file that the configuration names is looked for there, relative to the configuration's own
    folder, and else under the same name beside it, as such folders get moved. If the file of
    completion times is there, it becomes the scenario's recorded times; so does a file of routes
    (:func:`~m4graph.convert.paths.read_paths`).

    Args:
        source (str or Path): A folder with one ``config*.txt``, or such a file.
        format_name (str): ``"hpcc"`` or ``"m4"``.

    Returns:
        tuple: The scenario, and a line for each thing that was left out or taken otherwise.

    Raises:
        InputError: For bad input; the message names the file, and the line or the flow.
    """
    style = text_format(format_name)
    settings = Settings(_config_file(Path(source)))
    network, id_of_node, notes = _network(_file(settings, "TOPOLOGY_FILE", TOPOLOGY))
    arrays = validate(network)
    hosts = {label: node for label, node in id_of_node.items() if node < arrays.num_hosts}
    workload, notes_of_flows = read_flows(_file(settings, "FLOW_FILE", FLOWS), style, hosts)
    config, control = read_config(settings, style, arrays)
    notes += notes_of_flows + settings.notes
    routes, paths = None, settings.path.parent / (style.paths or "")
    if style.paths is not None and paths.exists():
        routes = read_paths(paths, arrays, workload, id_of_node)
    if routes is not None:
        notes.append(
            f"{paths}: gives routes that ns-3 does not read; ACKs go their data's way back"
        )
    elif any(node != label for label, node in id_of_node.items()):
        notes.append("nodes are renumbered, hosts first, so that ns-3's hash gives other routes")
    name = settings.path.resolve().parent.name or "scenario"
    try:
        scenario = Scenario(
            network, workload, control, config, routes, name=name, stop_ns=read_stop_ns(settings)
        )
    except KeyProblem as problem:
        raise at_setting(problem, settings, control["kind"]) from None
    times = _file(settings, "FCT_OUTPUT_FILE", style.times)
    if not times.exists():
        return scenario, [*notes, f"{times}: no such file, so no times (NumPy files are not read)"]
    ports, ideal_ns = scenario.routes.source_port, scenario.ideal_fct_ns
    expected = read_times(times, style, workload, ports, hosts, ideal_ns)
    off_ns = np.abs(expected.ideal_fct_ns - ideal_ns)
    if off_ns.any():
        notes.append(
            f"{times}: the ideal times of {np.count_nonzero(off_ns)} flows are not those of "
            f"ns-3.39, by up to {off_ns.max()} ns; the original of HPCC counts times up to the "
            "last ACK, m4graph up to the last byte of data"
        )
    return scenario.replace(expected=expected), notes


def _config_file(source: Path) -> Path:
    if source.is_file():
        return source
    if not source.is_dir():
        raise InputError(f"{source}: expected a folder of text files (got no such folder)")
    found = sorted(source.glob("config*.txt"))
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise InputError(f"{source}: expected one file config*.txt, or its path (got {names})")
    return found[0]


def _file(settings: Settings, key: str, default: str) -> Path:
    """The file that a setting names, relative to the configuration or else beside it."""
    folder = settings.path.parent
    if key not in settings:
        return folder / default
    named = Path(settings.word(key))
    return folder / named if (folder / named).exists() else folder / named.name


def _network(path: Path) -> tuple[nx.Graph, dict[int, int], list[str]]:
    """Reads a topology; gives its nodes by the ids of the file, and what was left out, too."""
    graph, notes = read_hpcc_with_notes(path)
    try:
        network = from_networkx(graph)
    except TopologyError as error:
        raise TopologyError(f"{path}: {error}") from None
    return network, {label: node for node, label in network.nodes(data="label")}, notes
