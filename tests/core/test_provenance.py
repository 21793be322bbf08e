from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from m4graph.core.provenance import git_commit, peak_rss_bytes, provenance

CHECKOUT = Path(__file__).parents[2]

ELSEWHERE = """
import sys
sys.modules["fcntl"] = sys.modules["resource"] = None  # As on Windows: importing them fails.
from m4graph.cli.app import main
sys.exit(main(["simulate", sys.argv[1], "--simulator", "fluid", "--out", sys.argv[2]]))
"""
SCENARIO = """
topology: {kind: star, num_hosts: 3, gbps: 10, delay_ns: 1000}
workload: {kind: generated, num_flows: 3, load: 0.3}
congestion_control: {kind: dctcp}
"""


def test_memory_and_origin():
    assert peak_rss_bytes() > 10**6
    json.dumps(provenance())


@pytest.mark.skipif(not (CHECKOUT / ".git").exists(), reason="a source distribution has no commit")
def test_the_commit_is_that_of_the_checkout():
    command = ["git", "-C", str(CHECKOUT), "rev-parse", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert provenance()["git_commit"] == git_commit() == done.stdout.strip()


def test_a_command_where_there_are_no_locks_and_no_count_of_memory(tmp_path):
    scenario, out = tmp_path / "scenario.yaml", tmp_path / "out"
    scenario.write_text(SCENARIO)
    subprocess.run([sys.executable, "-c", ELSEWHERE, scenario, out], check=True)
    assert json.loads((out / "summary.json").read_text())["peak_rss_bytes"] is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "scenario.yaml"]
