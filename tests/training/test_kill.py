"""A training that is killed at random moments: nothing is lost, and the weights are the same."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

import pytest

from m4graph.rng import generator
from tests.kills import Kills, kill_until_done

ROOT = Path(__file__).parents[2]
TRAIN = [sys.executable, "-m", "m4graph.cli.app", "train", str(ROOT / "configs/train/tiny.yaml")]
SETTINGS = ["max_steps=40", "val_every_episodes=2"]


def command(folder: Path) -> str:
    """What trains in ``folder/out``, or goes on there."""
    call = [*TRAIN, "--out", str(folder / "out"), "--set", f"data={folder / 'data'}"]
    for setting in SETTINGS:
        call += ["--set", setting]
    last = shlex.quote(str(folder / "out" / "last.ckpt"))
    return f"{shlex.join(call)} $(test -e {last} && echo --resume)"


def train(folder: Path, max_kills: int, work_s: float, seed: int) -> tuple[bytes, Kills]:
    """Trains on a data set that nothing was made of yet; gives the weights in the end."""
    data = ROOT / "datasets" / "tiny"
    shutil.copytree(data, folder / "data", ignore=shutil.ignore_patterns("processed"))
    moments = generator(seed, "kills of training")
    kills = kill_until_done(command(folder), folder / "out", "*.ckpt", moments, work_s, max_kills)
    (weights,) = (folder / "out" / "checkpoint").glob("*.safetensors")
    halves = [path for path in folder.rglob(".*") if path.is_file()]
    assert halves == []
    return weights.read_bytes(), kills


@pytest.mark.parametrize(
    ("num_kills", "in_one_training"), [(3, 3), pytest.param(50, 7, marks=pytest.mark.slow)]
)
def test_random_kills(num_kills: int, in_one_training: int, tmp_path: Path) -> None:
    """Every start finds a whole ``last.ckpt``, or none."""
    expected, kills = train(tmp_path / "uninterrupted", 0, 0, 0)
    while kills.count < num_kills:
        few = min(in_one_training, num_kills - kills.count)
        found, more = train(tmp_path / str(kills.count), few, 1.5, kills.count)
        assert found == expected
        kills.add(more)
    print(f"\n{kills}")
