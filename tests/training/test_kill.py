"""A training that is killed at random moments: nothing is lost, and the weights are the same."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

import pytest

from m4graph.checkpoint.config import WEIGHTS
from m4graph.core.rng import generator
from m4graph.core.yaml_file import Override
from m4graph.training.config import load_train_config
from m4graph.training.fit import train
from tests.kills import Kills, kill_until_done

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "configs" / "train" / "tiny.yaml"
SETTINGS = ["max_steps=40", "val_every_episodes=2"]


def command(folder: Path) -> str:
    """What trains in ``folder/out``, or goes on there."""
    call = [sys.executable, "-m", "m4graph.cli.app", "train", str(CONFIG)]
    call += ["--out", str(folder / "out")]
    for setting in (*SETTINGS, f"data={folder / 'data'}"):
        call += ["--set", setting]
    last = shlex.quote(str(folder / "out" / "last.ckpt"))
    return f"{shlex.join(call)} $(test -e {last} && echo --resume)"


def new_folder(folder: Path) -> Path:
    """A folder with a data set that nothing was made of yet."""
    data = ROOT / "datasets" / "tiny"
    shutil.copytree(data, folder / "data", ignore=shutil.ignore_patterns("processed"))
    return folder


def weights(folder: Path) -> bytes:
    return (folder / "out" / "checkpoint" / WEIGHTS).read_bytes()


@pytest.mark.parametrize(
    ("num_kills", "in_one_training"), [(2, 2), pytest.param(50, 7, marks=pytest.mark.slow)]
)
def test_random_kills(num_kills: int, in_one_training: int, tmp_path: Path) -> None:
    """Every start finds a whole ``last.ckpt`` or none, and the same weights come out."""
    config, _ = load_train_config(CONFIG, [Override.parse(setting) for setting in SETTINGS])
    uninterrupted = new_folder(tmp_path / "uninterrupted")
    train(config, uninterrupted / "data", uninterrupted / "out")
    kills, moments = Kills(), generator(0, "kills of training")
    while kills.count < num_kills:
        folder = new_folder(tmp_path / str(kills.count))
        few = min(in_one_training, num_kills - kills.count)
        call = command(folder)
        kills.add(kill_until_done(call, folder / "out", "*.ckpt", moments, 1.5, few))
        assert weights(folder) == weights(uninterrupted)
    print(f"\n{kills}")
    assert kills.at_work >= kills.count / 2
