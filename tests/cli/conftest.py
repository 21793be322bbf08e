from __future__ import annotations

import pytest

from m4graph.cli.app import main
from m4graph.core.registry import Registry

from .ideal_simulator import IdealSimulator

SCENARIO = """\
name: tiny
topology: {file: topology.csv, num_hosts: 3}
workload: {file: flows.csv}
routing: {file: routes.csv}
network: {payload_bytes: 1000, pfc: true, ecn: {kmin_bytes: 20000}}
congestion_control: {kind: dctcp, gain: 0.0625}
seed: 0
"""
TOPOLOGY = "a,b,gbps,delay_ns\n0,3,10,1000\n1,3,10,1000\n2,3,10,1000\n"
FLOWS = "id,src,dst,bytes,start_ns\n0,0,1,1000,0\n1,1,2,5000,10\n2,0,1,300,20\n"
ROUTES = (
    "id,source_port,data_route,ack_route\n"
    "0,10000,0-3-1,1-3-0\n1,10000,1-3-2,2-3-1\n2,10001,0-3-1,1-3-0\n"
)
EXPECTED = "id,fct_ns,ideal_fct_ns\n0,4000,3676\n1,,6000\n2,3000,2556\n"
FILES = {
    "scenario.yaml": SCENARIO,
    "topology.csv": TOPOLOGY,
    "flows.csv": FLOWS,
    "routes.csv": ROUTES,
    "expected.csv": EXPECTED,
}


@pytest.fixture
def tiny(tmp_path):
    """A scenario folder of three flows on a star of three hosts."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs the command line in this process; gives status, stdout and stderr."""
    registry = Registry("simulator", {"packet": "none:none", "fluid": "none:none"})
    registry._objects["packet"] = registry._objects["fluid"] = IdealSimulator
    monkeypatch.setattr("m4graph.simulators.base.SIMULATORS", registry)

    def call(*arguments):
        status = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call
