"""A distribution with a plug-in in every group: each registry finds its own, by name."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

import m4graph
from m4graph.core.registry import Registry

ROOT = Path(__file__).parents[2]
PLACES = {
    "arrival_law": "m4graph.workload:ARRIVAL_LAWS",
    "collective_algorithm": "m4graph.workload.collectives.kinds:COLLECTIVE_ALGORITHMS",
    "congestion_control": "m4graph.congestion:CONGESTION_CONTROLS",
    "congestion_kernel": "m4graph.simulators.packet.congestion:CONGESTION_KERNELS",
    "conv": "m4graph.nn:CONVS",
    "dataset": "m4graph.datasets:DATASETS",
    "fault": "m4graph.scenario.faults:FAULTS",
    "head": "m4graph.nn:HEADS",
    "job_workload": "m4graph.workload.programs.config:JOB_WORKLOADS",
    "mimic_model": "m4graph.mimic.models:MIMIC_MODELS",
    "model": "m4graph.checkpoint:MODELS",
    "plot": "m4graph.evaluation.drawing:PLOTS",
    "queue_discipline": "m4graph.scenario.queueing:QUEUE_DISCIPLINES",
    "routing": "m4graph.routing:ROUTINGS",
    "simulator": "m4graph.simulators:SIMULATORS",
    "size_law": "m4graph.workload:SIZE_LAWS",
    "suite": "m4graph.evaluation.suites:SUITES",
    "topology": "m4graph.topology:TOPOLOGIES",
    "traffic_matrix": "m4graph.workload:TRAFFIC_MATRICES",
    "workload": "m4graph.workload:WORKLOADS",
}


def registry(group) -> Registry:
    module, _, name = PLACES[group].partition(":")
    return getattr(import_module(module), name)


@pytest.fixture
def distribution(tmp_path, monkeypatch):
    """What pip leaves behind: a module, and a folder that says what is in it."""
    groups = [f"[m4graph.{group}]\nmine = everything:{group.upper()}\n" for group in PLACES]
    (tmp_path / "everything.py").write_text(
        "".join(f"{group.upper()} = {group!r}\n" for group in PLACES)
    )
    info = tmp_path / "everything-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: everything\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("\n".join([*groups, "[m4graph.conv]", "broken = no:no"]))
    monkeypatch.syspath_prepend(str(tmp_path))
    for group in PLACES:
        monkeypatch.setattr(registry(group), "_plugins", None)
        monkeypatch.setattr(registry(group), "_objects", dict(registry(group)._objects))


@pytest.mark.parametrize("group", PLACES)
def test_every_group_is_read(group, distribution):
    place = registry(group)
    assert f"m4graph.{place.kind.replace(' ', '_')}" == f"m4graph.{group}"
    assert place.resolve("mine") == group
    assert "mine" in place.names()


def test_every_registry_is_here():
    """But the one by which a lower layer finds the suites."""
    found = set()
    for path in Path(m4graph.__path__[0]).rglob("*.py"):
        kinds = re.findall(r"^[A-Z]\w*: .*= Registry\(\s*\"([\w ]+)\"", path.read_text(), re.M)
        found |= {kind.replace(" ", "_") for kind in kinds}
    assert found == set(PLACES)


def test_the_page_names_every_group():
    page = (ROOT / "docs" / "how-to" / "package.md").read_text(encoding="utf-8")
    assert set(re.findall(r"`m4graph\.(\w+)`[ ,]", page)) >= set(PLACES)
