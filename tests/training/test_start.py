"""Trainings that start from the weights of a trained model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from m4graph.checkpoint import load_checkpoint, read_config
from m4graph.cli.app import main
from m4graph.core.errors import InputError
from m4graph.core.schema import KeyProblem
from m4graph.core.yaml_file import Override, read_yaml
from m4graph.learned.domain import trained_controls
from m4graph.training import FlowLinkTraining, TrainConfig, load_train_config, train
from m4graph.training.base import _blend
from m4graph.training.publish import training_domain
from m4graph.zoo import default_model_name

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "configs" / "train" / "tiny.yaml"
SHAPE = {"hidden_channels": 8, "num_layers": 1, "conv": "sage", "conv_options": {"aggr": "sum"}}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "tiny"
    shutil.copytree(ROOT / "datasets" / "tiny", folder)
    return folder


def config(**keys: object) -> TrainConfig:
    """A few steps, which say nothing of the model's shape."""
    defaults = {"name": "small", "data": "-", "max_steps": 12, "warmup_steps": 0, "lr": 1e-6}
    sizes = {"val_fraction": 0.34, "runs_per_episode": 2, "steps_per_window": 16}
    return TrainConfig(**{**defaults, **sizes, "val_every_episodes": 1, **keys})


@pytest.fixture(scope="module")
def first(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(config(model=SHAPE, lr=1e-2), data, tmp_path_factory.mktemp("first") / "out")


@pytest.fixture(scope="module")
def tuned(data: Path, first: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(config(), data, tmp_path_factory.mktemp("tuned") / "out", start_from=first)


def states(checkpoint: Path) -> dict[str, torch.Tensor]:
    return dict(load_checkpoint(checkpoint).state_dict())


def test_it_goes_on_from_the_weights(first: Path, tuned: Path) -> None:
    """A training of tiny steps stays near them, and has moved."""
    before, after = states(first), states(tuned)
    assert before.keys() == after.keys()
    distances = [(after[name] - before[name]).abs().max() for name in before]
    assert 0 < max(distances) < 1e-4
    assert load_checkpoint(tuned).config == load_checkpoint(first).config


def test_a_share_of_the_start_is_published(data: Path, first: Path, tmp_path: Path) -> None:
    """Whatever the training is, what comes out lies on the way from the start to its end."""
    whole, half = (
        train(config(lr=1e-2, start_share=share), data, tmp_path / str(share), start_from=first)
        for share in (0.0, 0.5)
    )
    before, end, between = states(first), states(whole), states(half)
    assert max((end[name] - before[name]).abs().max() for name in before) > 1e-3
    for name, weights in between.items():
        torch.testing.assert_close(weights, (before[name] + end[name]) / 2)
    assert "which are 50 % of those published" in (half / "card.md").read_text()
    with pytest.raises(KeyProblem, match="start_share: expected a model to start from"):
        train(config(start_share=0.5), data, tmp_path / "none")


def test_heads_come_to_a_start(data: Path, first: Path, tmp_path: Path) -> None:
    heads = {"p90": {"kind": "slowdown_quantile", "level": 0.9}}
    made = train(config(model={"extra_heads": heads}), data, tmp_path / "out", start_from=first)
    before, after = states(first), states(made)
    assert max((after[name] - before[name]).abs().max() for name in before) < 1e-4
    assert {name for name in after if name not in before} >= {"extra_heads.p90.mlp.0.weight"}
    with pytest.raises(KeyProblem, match=r"model\.extra_heads: expected .*\(got null"):
        train(config(model={"extra_heads": {}}), data, tmp_path / "none", start_from=made)


def test_averaged_weights_are_published(data: Path, first: Path, tmp_path: Path) -> None:
    keys = {"lr": 1e-4, "average_steps": 5}
    made = train(config(**keys), data, tmp_path / "average", start_from=first)
    # The last ones, or those of the best validation.
    for file in ("last.ckpt", "best.ckpt"):
        saved = torch.load(tmp_path / "average" / file, weights_only=True)["state_dict"]
        average = {name: saved[f"_average.module.{name}"] for name in states(made)}
        if all(torch.equal(value, average[name]) for name, value in states(made).items()):
            break
    else:
        pytest.fail("what is published is no average of weights")
    last = {name: saved[f"model.{name}"] for name in states(made)}
    assert any(not torch.equal(value, last[name]) for name, value in states(made).items())


def test_the_average_of_weights_forgets_exponentially() -> None:
    averages, values = [torch.zeros(1)], [torch.ones(1)]
    for count in range(3):
        _blend(0.2, averages, values, torch.tensor(count))
    assert averages[0].item() == pytest.approx(1 - 0.8**3)


def test_it_says_where_it_started(first: Path, tuned: Path) -> None:
    record = {"model": str(first), "weights_sha256": read_config(first).model.weights_sha256}
    written = json.loads((tuned.parent / "provenance.json").read_text())
    assert written["started_from"] == record
    assert json.loads((tuned / "config.json").read_text())["training"]["started_from"] == record
    assert f"started from the weights of `{first}`" in (tuned / "card.md").read_text()
    assert read_yaml(tuned.parent / "config.yaml")["model"]["hidden_channels"] == 8
    assert json.loads((first.parent / "provenance.json").read_text())["started_from"] is None


def test_it_has_seen_what_both_trainings_have(data: Path, first: Path, tuned: Path) -> None:
    scenario = read_yaml(data / "config.yaml")["scenario"]
    before = read_config(first).training_domain
    assert read_config(tuned).training_domain == before  # of the same data
    other = training_domain({**scenario, "network": {}}, before)
    assert other["before"] == before
    both = training_domain(scenario, {"congestion_control": ["hpcc", "dctcp"]})
    assert training_domain(scenario, both) == both
    assert both["congestion_control"] == ["dctcp", "hpcc"]
    assert trained_controls(tuned) == {"dctcp"}


def test_the_same_from_the_command_line_and_resumed(
    data: Path, first: Path, tuned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "train.yaml"
    keys = config().model_dump(exclude={"model", "streams", "max_time"})
    path.write_text(json.dumps({**keys, "data": str(data)}))
    step = FlowLinkTraining.training_step

    def interrupted(self, window, batch_idx):
        if self.global_step >= 10:
            raise KeyboardInterrupt
        return step(self, window, batch_idx)

    command = ["train", str(path), "--out", str(tmp_path / "out")]
    with monkeypatch.context() as patch:
        patch.setattr(FlowLinkTraining, "training_step", interrupted)
        assert main([*command, "--from", str(first)]) == 130
    assert main([*command, "--resume"]) == 0
    expected = states(tuned)
    for name, value in states(tmp_path / "out" / "checkpoint").items():
        assert torch.equal(value, expected[name]), name
    before = json.loads((tmp_path / "out" / "checkpoint" / "config.json").read_text())
    assert before["training"]["started_from"]["model"] == str(first)


def test_another_start_is_not_gone_on_with(
    data: Path, first: Path, tuned: Path, tmp_path: Path
) -> None:
    with pytest.raises(
        InputError, match=r"expected to go on with a training from .*first.*m4graph"
    ):
        train(config(), data, tuned.parent, resume=True, start_from=default_model_name())
    with pytest.raises(InputError, match="a training from new weights"):
        train(config(), data, first.parent, resume=True, start_from=first)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"hidden_channels": 64}, "model.hidden_channels: expected 8, as .* has .got 64"),
        ({"conv_options": {}}, "model.aggr: expected 'sum', as .* has .got null"),
        ({"num_layers": 2}, "model.num_layers: expected 1, as .* has .got 2"),
    ],
)
def test_another_model_is_refused(
    data: Path, first: Path, tmp_path: Path, model: dict[str, object], message: str
) -> None:
    with pytest.raises(KeyProblem, match=message):
        train(config(model=model), data, tmp_path / "out", start_from=first)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--from", "m4-paper"], "tiny.yaml: model.kind: expected 'm4_paper'"),
        (
            ["--from", "m4graph", "--set", "model.hidden_channels=7"],
            "s=7: model.hidden_channels: exp",
        ),
        (["--from", "m4grph"], "did you mean 'm4graph'?"),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", str(CONFIG), *arguments, "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.strip().splitlines()) == 1


@pytest.mark.parametrize("name", ["m4graph", "m4-paper"])
def test_every_model_of_the_zoo_is_a_start(name: str, data: Path, tmp_path: Path) -> None:
    """With no more in the configuration than its kind."""
    kind = read_config(ROOT / "m4graph/zoo/weights" / name).model.name
    steps = "max_steps=1" if kind == "flow_link" else "batches_per_episode=1"
    path = tmp_path / "train.yaml"
    path.write_text(
        f"name: small\ndata: {data}\nmax_steps: 1\nval_fraction: 0.34\nmodel: {{kind: {kind}}}\n"
    )
    loaded, folder = load_train_config(path, [Override.parse(steps)])
    tuned = train(loaded, folder, tmp_path / "out", start_from=name)
    assert load_checkpoint(tuned).config == load_checkpoint(f"m4graph/zoo/weights/{name}").config
