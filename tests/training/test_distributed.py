"""Two processes that train one model, one of which is killed and both resumed."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest
import torch
from torch.multiprocessing import ProcessExitedException

from m4graph.checkpoint import load_checkpoint
from m4graph.core.yaml_file import Override
from m4graph.datasets import FlowEventDataset
from m4graph.training import fit
from m4graph.training.config import TrainConfig, load_train_config
from m4graph.training.data import EpisodeDataset
from m4graph.training.distributed import Process
from m4graph.training.losses import StepLosses
from m4graph.training.module import FlowLinkTraining
from m4graph.training.tape import Tape, backward_through

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "configs" / "train" / "tiny.yaml"
KILLED_AT_STEP = 10  # in the second episode


class WatchedTraining(FlowLinkTraining):
    """Kills the second process once, and leaves the weights of each process at the end."""

    def training_step(self, window, batch_idx):
        marker = self.folder / "killed"
        is_second = self.global_rank == 1
        if is_second and self.global_step == KILLED_AT_STEP and not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().training_step(window, batch_idx)

    def on_fit_end(self) -> None:
        torch.save(self.model.state_dict(), self.folder / f"rank{self.global_rank}.pt")

    @property
    def folder(self) -> Path:
        return Path(self.trainer.loggers[0].save_dir)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "tiny"
    shutil.copytree(ROOT / "datasets" / "tiny", folder)
    return folder


def tiny_config(*settings: str) -> TrainConfig:
    config, _ = load_train_config(CONFIG, [Override.parse(setting) for setting in settings])
    assert isinstance(config, TrainConfig)
    return config


def in_one_process(config: TrainConfig, data: Path) -> tuple[dict[str, torch.Tensor], list[float]]:
    """The training of ``devices: 2`` without Lightning: weights at the end, loss of each step."""
    train_set, _ = FlowEventDataset(data).split(config.val_fraction, config.seed)
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        episodes = EpisodeDataset([train_set.run(i) for i in range(len(train_set))], config)
        training = FlowLinkTraining(config, episodes)
    model = training.model
    configured = training.configure_optimizers()
    optimizer, schedule = configured["optimizer"], configured["lr_scheduler"]["scheduler"]
    losses, step_losses = [], StepLosses(config.remaining_weight, config.queue_weight)
    while len(losses) < config.max_steps:
        processes = [Process(rank, config.devices) for rank in range(config.devices)]
        windows = [list(episodes.windows(process)) for process in processes]
        tapes = [Tape(model, first.episode) for first, *_ in windows]
        for both in list(zip(*windows, strict=True))[: config.max_steps - len(losses)]:
            sums = torch.zeros(2)
            for window, tape in zip(both, tapes, strict=True):
                sums += torch.stack(backward_through(model, window, tape, step_losses))
            for parameter in model.parameters():
                parameter.grad /= sums[1]
            torch.nn.utils.clip_grad_norm_(model.parameters(), config.max_grad_norm)
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
            losses.append(float(sums[0] / sums[1]))
        episodes.next_episode += 1
    return model.state_dict(), losses


def test_two_processes_equal_one_that_adds_up(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # True streams: what happens in them does not hang on the last bit of a prediction.
    settings = "warmup_steps=1", "val_every_episodes=2", "average_steps=1"
    config = tiny_config("devices=2", "streams.free=0", *settings)
    monkeypatch.setattr(fit, "FlowLinkTraining", WatchedTraining)
    out = tmp_path / "run"
    with pytest.raises(ProcessExitedException, match="process 1 terminated with signal SIGKILL"):
        fit.train(config, data, out)
    assert (out / "last.ckpt").exists()
    checkpoint = fit.train(config, data, out, resume=True)

    first, second = (torch.load(out / f"rank{rank}.pt", weights_only=True) for rank in (0, 1))
    expected, losses = in_one_process(config, data)
    assert first.keys() == second.keys() == expected.keys()
    for name, value in first.items():
        assert torch.equal(value, second[name]), name
        torch.testing.assert_close(value, expected[name], rtol=1e-3, atol=1e-5, msg=name)
    assert sum(losses[-4:]) < sum(losses[:4])
    published = load_checkpoint(checkpoint).state_dict()
    assert any(torch.equal(published[name], value) for name, value in first.items())
    assert load_checkpoint(checkpoint).hidden_channels == 16
    assert [path.name for path in out.glob("*.ckpt")].count("last.ckpt") == 1
    assert len(list((out / "csv").glob("*"))) == 2  # one for each start, by the first process


def test_processes_take_equally_many_windows_of_other_episodes(data: Path) -> None:
    config = tiny_config("runs_per_episode=1", "streams.free=0")
    runs = FlowEventDataset(data)
    episodes = EpisodeDataset([runs.run(index) for index in range(len(runs))], config)
    windows = [list(episodes.windows(Process(rank, 3))) for rank in range(3)]
    assert len({len(each) for each in windows}) == 1
    alone = []
    for number in range(3):
        episodes.next_episode = number
        alone.append(next(iter(episodes)).episode.next_step().log_slowdown)
    for mine, expected in zip(windows, alone, strict=True):
        assert torch.equal(mine[0].episode.next_step().log_slowdown, expected)
    assert not torch.equal(alone[0], alone[1]) or not torch.equal(alone[1], alone[2])
