"""Every example runs at a small scale, from a folder of its own, as a user would run it."""

from __future__ import annotations

import csv
import json
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from m4graph.core.rng import is_evaluation_seed
from m4graph.datasets import scenario_hash
from m4graph.datasets.making.leakage import RESERVED_FILE

EXAMPLES = Path(__file__).parents[1] / "examples"
FATTREE = EXAMPLES / "fattree_eval.py"
GRAY_FAILURE = EXAMPLES / "gray_failure.py"
WHAT_IF = EXAMPLES / "what_if.py"


def run(script, *arguments, cwd):
    return subprocess.run(
        [sys.executable, script, *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def test_fattree_eval(tmp_path):
    out = tmp_path / "out"
    done = run(FATTREE, "--flows", 40, "--out", out, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in out.iterdir()) == [
        "errors.csv",
        "slowdown_by_size.png",
        "slowdown_cdf.png",
        "summary.md",
        "true_vs_predicted.png",
    ]
    with (out / "errors.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["simulator"] for row in rows] == ["packet", "fluid", "learned", "parsimon"] * 4
    assert len({row["scenario"] for row in rows}) == 4
    for case in {row["scenario"] for row in rows}:
        assert done.stdout.count(case) == 2
    assert done.stdout.count("learned / fluid") == 4
    assert {row["num_compared"] for row in rows} == {"40"}
    assert list(tmp_path.iterdir()) == [out]


def test_mimic_scale(tmp_path):
    out = tmp_path / "out"
    done = run(EXAMPLES / "mimic_scale.py", "--pods", 3, "--seconds", 0.6, "--seeds", 1,
               "--models", "constant", "--out", out, cwd=tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    for name in ("errors.png", "cpu.png", "rtt_cdf.png"):
        assert (out / name).stat().st_size > 5_000
    metrics = json.loads((out / "metrics.json").read_text())
    assert set(metrics) == {"packet", "small-scale", "matched share", "constant", "noise of seeds"}
    assert metrics["constant"]["3"]["rtt_w1_ms"] > 0
    assert "3 pods" in done.stdout


def test_closed_loop(tmp_path):
    done = run(EXAMPLES / "closed_loop.py", "--steps", 2, "--pages", 12, "--out", "steps.png",
               cwd=tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    for name in ("packet", "fluid", "learned"):
        (row,) = [line for line in done.stdout.splitlines() if name in line]
        cells = [cell.strip() for cell in row.split("│")]
        assert cells[4] == str(2 * 4 * 6 + 2 * 12)  # flows
        assert 0.8 < float(cells[2]) < 100  # two steps of compute and 6 chunks of 1 MB
    assert (tmp_path / "steps.png").stat().st_size > 5_000


def test_learned_routing(tmp_path):
    done = run(EXAMPLES / "learned_routing.py", "--episodes", 12, "--flows", 60, "--tests", 3,
               "--out", "learning.png", cwd=tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = [line.split("│") for line in done.stdout.splitlines() if line.startswith("│")]
    fluid, packet = ({row[1].strip(): float(row[column]) for row in rows} for column in (2, 3))
    assert fluid["agent"] < 0.9 * min(fluid["ECMP"], fluid["random"])
    assert packet["agent"] < 0.9 * min(packet["ECMP"], packet["random"])
    assert (tmp_path / "learning.png").stat().st_size > 5_000


def test_training_job(tmp_path):
    done = run(EXAMPLES / "training_job.py", "--out", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("racks") == 2
    assert len(list((tmp_path / "out").glob("*.png"))) == 4
    trace = json.loads((tmp_path / "out" / "rails_slow_spines.json").read_text())
    assert trace["otherData"]["num_ranks"] == 64


def test_spraying(tmp_path):
    done = run(EXAMPLES / "spraying.py", "--part", 256, "--out", "spraying.png", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = [line.split("│") for line in done.stdout.splitlines() if "│" in line]
    iteration_ms = {row[1].strip(): float(row[2]) for row in rows}
    assert iteration_ms["rails, ECMP"] < iteration_ms["racks, random spray"]
    assert iteration_ms["racks, random spray"] < iteration_ms["racks, ECMP"]
    assert (tmp_path / "spraying.png").stat().st_size > 5_000


def test_custom_layer(tmp_path):
    done = run(EXAMPLES / "custom_layer.py", "--quick", "--out", "errors.png", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for name in ("fluid", "untrained", "sage", "hop_gated"):
        assert sum(f"│ {name} " in line for line in done.stdout.splitlines()) == 1
    assert (tmp_path / "errors.png").stat().st_size > 5_000
    assert [path.name for path in tmp_path.iterdir()] == ["errors.png"]


def test_fine_tune(tmp_path):
    done = run(EXAMPLES / "fine_tune.py", "--flows", 20, "--steps", 2, "--out", "tuned",
               cwd=tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    for name in ("fluid", "m4graph", "tuned"):
        assert sum(f"│ {name} " in line for line in done.stdout.splitlines()) == 1
    assert "step 0 of 2: mean error" in done.stderr
    record = json.loads((tmp_path / "tuned" / "config.json").read_text())
    assert record["training"]["started_from"]["model"] == "m4graph"
    assert [path.name for path in tmp_path.iterdir()] == ["tuned"]


def test_gray_failure(tmp_path):
    out = tmp_path / "out"
    done = run(GRAY_FAILURE, "--flows", 60, "--out", out, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in out.iterdir()) == ["links.png", "slowdown_cdf.png"]
    assert done.stdout.count(" of 60") == 4


def test_what_if(tmp_path):
    """A second call knows every link; the table is the same."""
    out = tmp_path / "out"
    arguments = ("--flows", 300, "--cables", 3, "--out", out)
    first, second = (run(WHAT_IF, *arguments, cwd=tmp_path) for _ in range(2))
    for done in first, second:
        assert done.returncode == 0, done.stderr
        assert "warning" not in done.stderr.lower()
    assert sorted(path.name for path in out.iterdir()) == [
        "cache",
        "links.png",
        "links_worst.png",
        "p99.png",
    ]
    rows = [
        [[cell.strip() for cell in line.split("│")[1:-1]] for line in done.stdout.splitlines()
         if line.startswith("│")]
        for done in (first, second)
    ]  # fmt: skip
    assert [row[:3] for row in rows[0]] == [row[:3] for row in rows[1]]
    assert rows[0][0][0] == "none"
    assert len(rows[0]) == 4
    assert rows[0][0][4] == "100.00 %"
    assert {row[4] for row in rows[1]} == {"0.00 %"}
    assert second.stdout.count("0.00 % of packet-links on average, 0.00 % at most") == 1
    most = float(first.stdout.split("average, ")[1].split(" %")[0])
    assert 0 < most < 10


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--flows", "0"], "num_flows: expected"),
        (["--out", f"{FATTREE}/out"], "fattree_eval.py to be a folder"),
    ],
)
def test_fattree_eval_refuses_bad_options_in_one_line(tmp_path, arguments, message):
    done = run(FATTREE, *arguments, *(["--out", "o"] * ("--out" not in arguments)), cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert message in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_what_fattree_eval_runs_is_kept_from_training():
    module = runpy.run_path(str(FATTREE))
    reserved = json.loads(RESERVED_FILE.read_text())
    scenarios = list(module["scenarios"](2000))
    assert len(scenarios) == 4
    for scenario, seed in zip(scenarios, module["EVALUATION_SEEDS"], strict=False):
        assert is_evaluation_seed(seed)
        sizes, load = scenario.name.split(", ")
        assert reserved[scenario_hash(scenario)] == f"fattree_eval, {sizes}, {load}, seed {seed}"
