from __future__ import annotations

import re
import shutil

import pytest

from m4graph.datasets.making.config import GenerateConfig
from m4graph.datasets.making.generation import generate

TINY = {
    "name": "tiny",
    "seed": 3,
    "num_scenarios": 4,
    "scenario": {
        "topology": {"kind": "star", "num_hosts": {"int_uniform": [3, 5]}},
        "workload": {
            "kind": "generated",
            "sizes": {"kind": "fixed", "size_bytes": {"choice": [900, 5000]}},
            "load": {"uniform": [0.3, 0.8]},
            "num_flows": 20,
        },
        "congestion_control": "dctcp",
    },
}


@pytest.fixture(scope="session")
def config():
    return GenerateConfig.parse(TINY)


@pytest.fixture(scope="session")
def _made(tmp_path_factory, config):
    root = tmp_path_factory.mktemp("tiny")
    generate(config, root, jobs=1)
    return root


@pytest.fixture
def root(_made, tmp_path):
    """A fresh copy of the generated runs of ``config``."""
    return shutil.copytree(_made, tmp_path / "root")


def folder_bytes(folder):
    """The bytes of every file below a folder, by its path in it.

    The commit in a manifest is left out: somebody may be committing while tests run.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): re.sub(
            rb'"git_commit": [^,]*,', b"", path.read_bytes()
        )
        for path in files
    }
