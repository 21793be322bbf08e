"""A congestion control that a user writes: the example's, and what the cache knows of its file."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

import m4graph as m4
from m4graph.congestion import CONGESTION_CONTROLS
from m4graph.core.compilation import functions_digest
from m4graph.simulators.packet.congestion import CONGESTION_KERNELS
from m4graph.testing import check_congestion_control

EXAMPLES = Path(__file__).parents[1] / "examples"
SCENARIO = """
topology: {kind: star, num_hosts: 5, gbps: 10, delay_ns: 1000}
workload:
  kind: generated
  sizes: {kind: fixed, size_bytes: 200000}
  load: 0.8
  num_flows: 60
  matrix: {kind: incast, fan_in: 4, dst: 0}
congestion_control: {kind: delay_aimd, target_us: %s}
"""


@pytest.fixture
def example(monkeypatch):
    for registry in (CONGESTION_CONTROLS, CONGESTION_KERNELS):
        monkeypatch.setattr(registry, "_objects", dict(registry._objects))
        monkeypatch.setattr(registry, "_display", dict(registry._display))
    monkeypatch.syspath_prepend(str(EXAMPLES))
    module = importlib.import_module("custom_congestion_control")
    module.register()
    return module


def test_a_scenario_names_it(example, tmp_path):
    """A low target keeps the rates, and so the queues, lower than a high one."""
    slowdown = {}
    for target_us in (8, 500):
        path = tmp_path / f"target-{target_us}.yaml"
        path.write_text(SCENARIO % f"{target_us}.0")
        scenario = m4.load_scenario(path)
        assert isinstance(scenario.congestion_control, example.DelayAimd)
        result = m4.simulate(scenario, "packet")
        assert result.num_finished == 60
        slowdown[target_us] = result.slowdown
    assert (slowdown[8] != slowdown[500]).any()
    with pytest.raises(m4.M4GraphError, match=r"congestion_control.beta: expected at most 1"):
        m4.Scenario(scenario.network, scenario.workload, {"kind": "delay_aimd", "beta": 1.5})


def test_it_keeps_the_rules(example):
    check_congestion_control("delay_aimd")


def test_an_edit_of_the_file_changes_the_key_of_the_cache(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    file, package = tmp_path / "my_kernel_a.py", tmp_path / "my_kernels"
    file.write_text("def on_ack(s, flow_id, packet_id): pass\n")
    package.mkdir()
    (package / "__init__.py").write_text("from my_kernels.one import on_ack\n")
    (package / "one.py").write_text("def on_ack(s, flow_id, packet_id): pass\n")
    single = importlib.import_module("my_kernel_a").on_ack
    before = functions_digest([single])
    assert functions_digest([single]) == before
    file.write_text("def on_ack(s, flow_id, packet_id): return 1\n")
    assert functions_digest([single]) != before
    inside = importlib.import_module("my_kernels").on_ack
    assert functions_digest([single, inside]) not in (before, functions_digest([single]))
