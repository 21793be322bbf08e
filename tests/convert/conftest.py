"""Text folders of three flows on a star of three hosts, written by hand."""

from __future__ import annotations

import pytest

from m4graph.cli.app import main

TOPOLOGY = "4 1 3\n3\n0 3 10Gbps 1000ns 0\n1 3 10000000000bps 0.001ms 0.0\n3 2 10Gbps 1us 0\n"
CONFIG = """\
ENABLE_QCN 1
ENABLE_PFC 1.0

PACKET_PAYLOAD_SIZE 1000 {bytes}

TOPOLOGY_FILE /data/of/somebody/topology.txt
FLOW_FILE /data/of/somebody/flows.txt
FCT_OUTPUT_FILE /data/of/somebody/TIMES

SIMULATOR_STOP_TIME 3

CC_MODE 8
EWMA_GAIN 0.0625
MIN_RATE 1000Mb/s
MAX_RATE 10000Mb/s
DCTCP_RATE_AI 615Mb/s
ERROR_RATE_PER_LINK 0.0000
LINK_DOWN 0 0 0
HAS_WIN 1
VAR_WIN 1
ACK_HIGH_PRIO 1
KMAX_MAP 3 10000000000 30 40000000000 120 100000000000000 300000
KMIN_MAP 3 10000000000 20 40000000000 80 100000000000000 200000
PMAX_MAP 3 10000000000 1.00 40000000000 1.00 100000000000000 1.00
BUFFER_SIZE 3000
FIXED_WIN 12364.0
BASE_RTT 14400
MAX_INFLIGHT_FLOWS 0
"""
HPCC = {
    "config.txt": CONFIG.replace("TIMES", "fct.txt"),
    "topology.txt": TOPOLOGY,
    "flows.txt": "3\n0 1 3 100 1000 1\n1 2 3 100 5000 1.00000001\n0 1 3 100 300 1.00000002\n",
    "fct.txt": (
        "0b000001 0b000101 10001 100 300 1000000020 3000 2556\n"
        "0b000001 0b000101 10000 100 1000 1000000000 4000 3676\n"
    ),
}
M4 = {
    "config_topology_flows.txt": CONFIG.replace("TIMES", "fct_topology_flows.txt"),
    "topology.txt": TOPOLOGY,
    "flows.txt": "3\n4 0 1 3 100 1000 1\n7 1 2 3 100 5000 1.00000001\n9 0 1 3 100 300 1.00000002",
    "fct_topology_flows.txt": (
        "9 0b000001 0b000101 10001 100 300 1000000020 3000 2556\n"
        "4 0b000001 0b000101 10000 100 1000 1000000000 4000 3676\n"
    ),
    "path_1.txt": "3,2\n4:0-1,0-3,3-1,\n9:0-1,0-3,3-1,\n7:1-2,1-3,3-2,\n",
}


def write(folder, files):
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def hpcc(tmp_path):
    return write(tmp_path / "hpcc", HPCC)


@pytest.fixture
def m4_folder(tmp_path):
    return write(tmp_path / "m4", M4)


@pytest.fixture
def run(capsys):
    """Runs the command line in this process; gives status, stdout and stderr."""

    def call(*arguments):
        status = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call


def assert_same(one, other):
    """Equal in every bit that a simulator sees, and in what is recorded."""
    assert one.arrays.num_hosts == other.arrays.num_hosts
    for name in ("link_src", "link_dst", "link_rate_bps", "link_delay_ns"):
        assert (getattr(one.arrays, name) == getattr(other.arrays, name)).all()
    for name in ("id", "src", "dst", "size_bytes", "start_ns"):
        assert (getattr(one.workload, name) == getattr(other.workload, name)).all()
    for name in ("source_port", "data_ptr", "data_links", "ack_ptr", "ack_links"):
        assert (getattr(one.routes, name) == getattr(other.routes, name)).all()
    assert one.congestion_control == other.congestion_control
    assert one.config == other.config
    assert one.seed == other.seed
    assert (one.expected is None) == (other.expected is None)
    if one.expected is not None:
        assert (one.expected.fct_ns == other.expected.fct_ns).all()
        assert (one.expected.ideal_fct_ns == other.expected.ideal_fct_ns).all()
