"""An archive of two simulations of three nodes in a row, with numbers that are easy to follow."""

from __future__ import annotations

import pytest

from . import bnn

SP = {
    "schedulingPolicy": "SP",
    "levelsQoS": 2,
    "bufferSizes": "8000,16000",
    "tosToQoSqueue": "0;1,2",
    "schedulingWeights": "-",
}
TRAFFIC = {
    (0, 1): "0,400.0,0.4,10,2,1000,300,1700,0",
    (0, 2): "1,800.0,0.8,0,1000,1:4,500.0,2.5,5,3,10,3,600,2,200,0.5,1000,0.5,2",
    (2, 0): "7,600.0,generate_autosimilar,0.7,100,2,1000,300,1700,1",
}
RESULTS = {
    (0, 1): "0.5,0.5,0.125,0.25,-1.5,0.1,0.2,0.3,0.4,0.5,0.01",
    (2, 0): "0.25,0.25,0.0,2,0.5,1,1.5,2,2.5,3,0.5",
}
FLOW_RESULTS = {
    **RESULTS,
    (0, 2): "1,1,0.5,3,1,1,2,3,4,5,0.25:0.75,1.5,0.75,4,1.25,2,3,4,5,6,0.75",
}
USAGE = {
    (0, 1): "0.2,0.01,1000:0.2,0.01,0.5,3,1000",
    (1, 0): "0.05,0,990:0.05,0,0.25,1,990:0.0,0,0.0,0,0",
    (1, 2): "0.15,0.02,800:0.1,0.02,0.75,4,900:0.05,0,0.125,1,700",
    (2, 1): "0.03,0,980:0.03,0,0.375,2,980",
}


def chain_files(**changes):
    files = {
        "simulationResults.txt": [bnn.result_line(3, RESULTS)] * 2,
        "flowSimulationResults.txt": [bnn.result_line(3, FLOW_RESULTS).partition("|")[2]] * 2,
        "traffic.txt": [bnn.traffic_line(3, TRAFFIC), bnn.traffic_line(3, TRAFFIC, 500)],
        "stability.txt": ["1234.5;x;OK;", "20;OK;"],
        "input_files.txt": ["0;chain.txt;routing.txt", "1;chain.txt;routing.txt"],
        "linkUsage.txt": [bnn.usage_line(3, USAGE)] * 2,
    }
    return {name: lines for name, lines in (files | changes).items() if lines is not None}


@pytest.fixture
def write_chain(tmp_path):
    """Writes an archive of the row into ``root/raw``; gives ``root``."""

    def write(folder="train", name="results_0", nodes=None, inside=False, routing=None, **changes):
        files = {key.replace("_txt", ".txt"): value for key, value in changes.items()}
        bnn.write(
            tmp_path / "root" / "raw" / folder,
            chain_files(**files),
            {"chain.txt": bnn.chain(3, {1: SP} if nodes is None else nodes)},
            {"routing.txt": routing or bnn.chain_routing(3)},
            name,
            inside,
        )
        return tmp_path / "root"

    return write
