"""The README: its commands stand there, its Python runs, its links and tables are complete."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

from m4graph.cli.app import COMMANDS
from m4graph.registry import Registry

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = ["README.md", "examples/README.md"]
REGISTRIES = {
    "Simulator": "m4graph.simulators:SIMULATORS",
    "Congestion control": "m4graph.congestion:CONGESTION_CONTROLS",
    "Topology": "m4graph.topology:TOPOLOGIES",
    "Workload": "m4graph.workload:WORKLOADS",
    "Flow sizes": "m4graph.workload:SIZE_LAWS",
    "Conv": "m4graph.nn:CONVS",
}


def blocks(language):
    """The fenced blocks of a language; ``""``: of none."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    return [text for name, text in found if name == language]


def registry(dotted) -> Registry:
    module, _, name = dotted.partition(":")
    return getattr(import_module(module), name)


@pytest.mark.parametrize(
    "command",
    [
        "pip install -e . && python examples/fattree_eval.py",
        'pip install -e ".[test]" && pytest',
    ],
)
def test_the_two_commands(command):
    assert f"```\n{command}\n```" in README


def test_the_quick_tour(tmp_path, monkeypatch):
    """The contract's lines, run with fewer flows."""
    monkeypatch.chdir(tmp_path)
    [tour] = [block for block in blocks("python") if "simulate" in block]
    assert len(tour.splitlines()) <= 15
    few = tour.replace("num_flows=2000", "num_flows=30")
    assert few != tour
    names = {}
    exec(few, names)
    assert names["truth"].num_finished == names["guess"].num_finished == 30
    assert (tmp_path / "slowdown.png").stat().st_size > 10_000


def test_the_other_python_runs(monkeypatch):
    import m4graph as m4

    for place in (m4.topology.TOPOLOGIES, m4.nn.CONVS):
        monkeypatch.setattr(place, "_objects", dict(place._objects))
        monkeypatch.setattr(place, "_display", dict(place._display))
    others = [block for block in blocks("python") if "simulate" not in block]
    assert len(others) == 3
    for block in others:
        exec(block, {})
    network = m4.topology.from_config({"kind": "two_racks", "hosts_per_rack": 3})
    assert m4.topology.validate(network).num_hosts == 6


def test_every_command_is_shown():
    shown = set(re.findall(r"^m4graph (\w+)", "".join(blocks("")), re.MULTILINE))
    assert set(COMMANDS) <= shown


@pytest.mark.parametrize("page", PAGES)
def test_links_and_paths_exist(page):
    folder = (ROOT / page).parent
    text = (ROOT / page).read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
    assert links
    for link in links:
        assert (folder / link).exists(), link
    for path in re.findall(r"\b(?:configs|examples|tests)/[\w/.-]+\.(?:py|yaml)\b", text):
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("header", REGISTRIES)
def test_tables_name_all_that_is_built_in(header):
    table = re.search(rf"^\| {header} \|.*?(?=\n\n)", README, re.DOTALL | re.MULTILINE)
    cells = [row.split("|")[1] for row in table[0].splitlines()[2:]]
    named = set(re.findall(r"`(\w+)`", " ".join(cells)))
    assert named == set(registry(REGISTRIES[header]).names())
