"""For all tests: a toy model, its checkpoint, a zoo of one's own, and which process runs what.

Most of the time of a first run goes to compiling. So the whole suite runs in several processes, by
files, and the files that compile the same variants of the packet engine run in the same one.
"""

from __future__ import annotations

import copy
import os
from pathlib import Path

import pytest

import m4graph as m4

TESTS = Path(__file__).parent
MAX_PROCESSES = 4
PACKET = "simulators/packet"
# Those that compile most go first.
TOGETHER = (
    (f"{PACKET}/test_faults.py", f"{PACKET}/test_link_hook.py", f"{PACKET}/test_recording.py"),
    (
        "simulators/session/test_session.py",
        "rl/test_env.py",
        f"{PACKET}/test_kernels.py",
        f"{PACKET}/test_properties.py",
        f"{PACKET}/test_reference.py",
    ),
    (f"{PACKET}/test_queues.py", f"{PACKET}/test_tcp.py", f"{PACKET}/test_tcp_runs.py"),
    (f"{PACKET}/test_tick.py", f"{PACKET}/test_watchers.py"),
    (f"{PACKET}/test_retransmit_timeout.py",),
    ("test_custom_congestion_control.py",),
    ("test_examples.py", "test_explain_and_export.py"),
    ("test_notebook.py", "test_readme.py"),
)
GROUP_OF = {file: group for group, files in enumerate(TOGETHER) for file in files}

METADATA = {
    "training": {"config_hash": "c0", "data_hash": "d0", "seed": 3, "steps": 10, "wall_s": 1.5},
    "training_domain": {"topologies": ["star"], "load": [0.2, 0.8]},
    "licence": "MIT",
    "metrics": {"validation/mean_error": 0.1},
}
CARD = "# Toy\n\nMade in a test, on no data.\n"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config):
    """One file runs in this process, so that it starts at once and a debugger works."""
    paths = [Path(argument.partition("::")[0]) for argument in config.args]
    if len(paths) == 1 and not paths[0].is_dir():
        return 0
    return min(os.cpu_count() or 1, MAX_PROCESSES)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Gives each process whole files, or all files of a group."""
    from xdist.scheduler import LoadFileScheduling

    class LoadGroupsOfFiles(LoadFileScheduling):
        def _split_scope(self, nodeid):
            file = super()._split_scope(nodeid)
            group = GROUP_OF.get(file.removeprefix("tests/"))
            return file if group is None else f"group {group}"

    return LoadGroupsOfFiles(config, log)


def pytest_collection_modifyitems(items):
    """Puts the files that take long to compile first."""
    items.sort(key=lambda item: _group(item.path))


def _group(path):
    file = path.relative_to(TESTS).as_posix() if path.is_relative_to(TESTS) else ""
    return GROUP_OF.get(file, len(TOGETHER))


@pytest.fixture
def metadata():
    """What is known of the toy's training."""
    return copy.deepcopy(METADATA)


@pytest.fixture
def toy(monkeypatch):
    """A model of two tensors and an integer buffer, registered for one test; gives its class."""
    import torch
    from torch import nn

    from m4graph.checkpoint import MODELS

    class ToyModel(nn.Module):
        def __init__(self, width=3, label="x"):
            super().__init__()
            self.config = {"width": width, "label": label}
            self.lin = nn.Linear(width, 2)
            self.register_buffer("count", torch.tensor([1, 2]))

    monkeypatch.setattr(MODELS, "_objects", dict(MODELS._objects))
    monkeypatch.setattr(MODELS, "_display", dict(MODELS._display))
    return MODELS.register("toy", ToyModel)


@pytest.fixture
def checkpoint(toy, metadata, tmp_path):
    """The folder of a toy's checkpoint."""
    from m4graph.checkpoint import save_checkpoint

    folder = tmp_path / "checkpoint"
    save_checkpoint(folder, toy(width=4), metadata, CARD)
    return folder


@pytest.fixture
def zoo(monkeypatch, tmp_path):
    """An empty zoo in place of the package's own."""
    folder = tmp_path / "zoo"
    folder.mkdir()
    (folder / "weights").mkdir()
    (folder / "manifest.json").write_text('{"format_version": 1, "models": []}')
    monkeypatch.setattr("m4graph.zoo.manifest.ZOO_FOLDER", folder)
    monkeypatch.setattr("m4graph.mimic.shipped.WEIGHTS_FOLDER", folder / "mimics")
    return folder


@pytest.fixture(scope="session")
def fat_tree_run():
    """A packet simulation of 150 flows on a k=4 fat tree, with labels."""
    network = m4.topology.fat_tree(k=4, host_gbps=10, fabric_gbps=40, delay_ns=1000)
    workload = m4.workload.generate(network, sizes="web_server", load=0.7, num_flows=150, seed=3)
    scenario = m4.Scenario(network, workload, "dctcp", name="fat tree")
    return m4.simulate(scenario, "packet", labels=True)
