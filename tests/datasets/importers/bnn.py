"""Writes small archives as the Barcelona Neural Networking Center's simulator does."""

from __future__ import annotations

import io
import tarfile

import networkx as nx

RESULT = "0,0,0,0,0,0,0,0,0,0,0"


def graph(num_nodes, links, nodes=None):
    """A topology: ``links`` are ``(src, dst, port, bandwidth)``, ``nodes`` keys of some nodes."""
    found = nx.MultiDiGraph()
    for node in range(num_nodes):
        found.add_node(node, **{"bufferSizes": 32000, **(nodes or {}).get(node, {})})
    for src, dst, port, bandwidth in links:
        found.add_edge(src, dst, port=port, bandwidth=bandwidth, weight=1)
    return "\n".join(nx.generate_gml(found)) + "\n"


def chain(num_nodes, nodes=None, bandwidth=10_000):
    """Nodes in a row; port 0 leads to the next one, port 1 back."""
    ahead = [(n, n + 1, 0, bandwidth) for n in range(num_nodes - 1)]
    back = [(n + 1, n, 1, bandwidth) for n in range(num_nodes - 1)]
    return graph(num_nodes, ahead + back, nodes)


def chain_routing(num_nodes):
    """The ports of such a row."""
    rows = range(num_nodes)
    ports = [[-1 if s == d else 0 if d > s else 1 for d in rows] for s in rows]
    return "".join(",".join(map(str, row)) + ",\n" for row in ports)


def traffic_line(num_nodes, flows, largest=1000.0):
    """``flows``: texts of pairs."""
    return f"{largest}|" + ";".join(_of_pairs(num_nodes, flows, "-1"))


def result_line(num_nodes, results, network="9.5,0.25,0.5"):
    return f"{network}|" + ";".join(_of_pairs(num_nodes, results, RESULT)) + ";"


def usage_line(num_nodes, usage):
    return ";".join(_of_pairs(num_nodes, usage, "-1")) + ";"


def write(folder, files, graphs, routings, name="results_0", inside=False):
    """Writes ``folder/<name>.tar.gz``, ``graphs`` and ``routings`` beside it or inside.

    Args:
        files (dict): Lines of each text file.
        graphs, routings (dict): Texts by names.
    """
    folder.mkdir(parents=True, exist_ok=True)
    texts = {file: "".join(f"{line}\n" for line in lines) for file, lines in files.items()}
    beside = {f"graphs/{key}": text for key, text in graphs.items()}
    beside |= {f"routings/{key}": text for key, text in routings.items()}
    if inside:
        texts |= beside
    else:
        for key, text in beside.items():
            (folder / key).parent.mkdir(exist_ok=True)
            (folder / key).write_text(text)
    path = folder / f"{name}.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        top = tarfile.TarInfo(name)
        top.type = tarfile.DIRTYPE
        tar.addfile(top)
        for key, text in texts.items():
            member = tarfile.TarInfo(f"{name}/{key}")
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    return path


def _of_pairs(num_nodes, texts, other):
    return [texts.get((s, d), other) for s in range(num_nodes) for d in range(num_nodes)]
