"""docs/import.md, word by word, on small data in the formats that it speaks of."""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path

import pytest

from m4graph.cli.app import main
from tests.markdown import blocks

from . import bnn, ns3
from .conftest import SP, chain_files

PAGE = Path(__file__).parents[3] / "docs" / "import.md"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """What the page assumes: runs of ns-3, and a download of archives."""
    ns3.write(tmp_path / "ns3-runs", "hpcc")
    for split in ("train", "test"):
        bnn.write(
            tmp_path / "download" / split,
            chain_files(),
            {"chain.txt": bnn.chain(3, {1: SP})},
            {"routing.txt": bnn.chain_routing(3)},
        )
    with tarfile.open(tmp_path / "all_mixed.tar.gz", "w:gz") as tar:
        for split in ("train", "test"):
            tar.add(tmp_path / "download" / split, split)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_block_runs(folder, capsys):
    names = {}
    for block in blocks(PAGE):
        if block.language == "python":
            names = {"__name__": "page"}
            exec(compile(block.text, f"{PAGE}:{block.line}", "exec"), names)
        elif block.language == "yaml":
            (folder / "train.yaml").write_text(block.text)
        else:
            assert block.language == ""
            for line in block.text.splitlines():
                run(line)
    printed = capsys.readouterr().out
    assert "3 runs, 23 flows, 0 unfinished in data" in printed
    assert (folder / "training" / "checkpoint" / "card.md").exists()
    assert (folder / "comparison" / "errors.csv").exists()
    assert len(names["losses"]) == 20
    assert names["losses"][-1] < names["losses"][0]


def run(line):
    program, *arguments = line.split()
    if program == "m4graph":
        assert main(arguments) == 0, line
    else:
        assert program in ("mkdir", "tar")
        subprocess.run([program, *arguments], check=True)


def test_links_lead_somewhere():
    for part in PAGE.read_text(encoding="utf-8").split("](")[1:]:
        link = part.partition(")")[0].partition("#")[0]
        assert "://" in link or (PAGE.parent / link).exists(), link
