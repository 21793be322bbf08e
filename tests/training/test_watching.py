"""What a training says, and that it keeps to its time."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import torch

from m4graph.checkpoint import load_checkpoint, read_config
from m4graph.cli.app import main
from m4graph.core.yaml_file import Override
from m4graph.training import load_train_config, train

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "configs" / "train" / "tiny.yaml"
ERRORS = r"mean error [\d.]+ %, p90 [\d.]+ %, p99 tail [\d.]+ %"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "tiny"
    shutil.copytree(ROOT / "datasets" / "tiny", folder)
    return folder


def test_a_line_at_every_validation(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a terminal; the last one has the errors of what is published."""
    out = tmp_path / "out"
    assert main(["train", str(CONFIG), "--set", f"data={data}", "--out", str(out)]) == 0
    printed = capsys.readouterr()
    lines = printed.err.splitlines()
    whens = ["step 0 of 12", "step 8 of 12", "after 12 steps, the best"]
    assert [line.split(":")[0] for line in lines] == whens
    for line in lines:
        assert re.fullmatch(f"[^:]+: {ERRORS}; fluid: {ERRORS}", line), line
    assert len({line.split("fluid")[1] for line in lines}) == 1
    published = read_config(out / "checkpoint").metrics["val_mean_error"]
    assert f"mean error {100 * published:.1f} %" in lines[-1].split("fluid")[0]
    assert printed.out == f"checkpoint in {out / 'checkpoint'}\n"


def test_time_that_is_over(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Ends after an episode, publishes, and goes on to the weights of an uninterrupted training."""
    config, _ = load_train_config(CONFIG)
    hurried, _ = load_train_config(CONFIG, [Override.parse("max_time=0s")])
    expected = load_checkpoint(train(config, data, tmp_path / "whole")).state_dict()
    out = tmp_path / "hurried"
    checkpoint = train(hurried, data, out)
    assert read_config(checkpoint).training.steps == 8
    assert "after 8 steps, the best" in capsys.readouterr().err.splitlines()[-1]
    train(hurried, data, out, resume=True)
    assert read_config(checkpoint).training.steps == 12
    assert "step 0 of" not in capsys.readouterr().err
    for name, value in load_checkpoint(checkpoint).state_dict().items():
        assert torch.equal(value, expected[name]), name


@pytest.mark.parametrize("value", ["20", "20 years", "-1min"])
def test_a_time_has_a_unit(value: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--set", f"max_time={value}", "--out", str(tmp_path / "out")]
    assert main(["train", str(CONFIG), *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"max_time={value}: max_time: expected" in line
