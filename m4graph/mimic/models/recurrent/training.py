"""Trains the network of one direction; goes on where a killed training was, to the same bits."""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from m4graph.core.errors import InputError
from m4graph.core.files import whole_file
from m4graph.mimic.losses import LATENCY_LOSSES, combined, weighted_bce
from m4graph.mimic.models.recurrent.config import RecurrentConfig
from m4graph.mimic.models.recurrent.network import RecurrentNetwork
from m4graph.mimic.models.recurrent.outputs import DROP, LATENCY, MARK
from m4graph.mimic.targets import Targets

_SAVE_EVERY_S = 30.0


class Training:
    """The training of a network, step by step.

    Args:
        config (RecurrentConfig): How.
        features (numpy.ndarray): float32 ``[num_steps, num_features]``.
        targets (Targets): Of the same steps.
        seed (int): Of the initial weights; nothing else is random.
        path (Path, optional): Where the training's state is kept, every half minute; a training of
            the same things that is found there goes on. (default: nowhere)

    Raises:
        InputError: If another training is found there.
    """

    def __init__(
        self,
        config: RecurrentConfig,
        features: NDArray[np.float32],
        targets: Targets,
        seed: int,
        path: Path | None = None,
    ) -> None:
        self._config, self._path = config, path
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.network = RecurrentNetwork(config, features.shape[1])
        self._optimizer = torch.optim.Adam(self.network.parameters(), lr=config.lr)
        data = _StretchData if config.training == "stateful" else _WindowData
        self._batches = data(config, features, targets)
        self._state: Any = None
        self._done = 0
        self._losses: list[float] = []
        self._fingerprint = _fingerprint(config, seed, features, targets)
        self._load()

    def run(self) -> list[float]:
        """Trains to the end.

        Returns:
            The mean loss of each epoch.
        """
        config, per_epoch = self._config, len(self._batches)
        saved_s = time.monotonic()
        with _one_thread():
            while self._done < config.epochs * per_epoch:
                batch = self._done % per_epoch
                if batch == 0:
                    self._state = None
                    self._losses.append(0.0)
                self._losses[-1] += self._step(batch) / per_epoch
                self._done += 1
                if time.monotonic() - saved_s > _SAVE_EVERY_S:
                    self._save()
                    saved_s = time.monotonic()
        self._save()
        return self._losses

    def _step(self, batch: int) -> float:
        x, *wanted = self._batches[batch]
        out, state = self.network(x, self._state)
        if self._config.training == "stateful":
            self._state = _detached(state)
        else:
            out = out[-1:]
        loss = loss_of(self._config, out, *wanted)
        self._optimizer.zero_grad()
        torch.autograd.backward(loss)
        self._optimizer.step()
        return float(loss.detach())

    def _save(self) -> None:
        if self._path is None:
            return
        content = io.BytesIO()
        torch.save(
            {
                "fingerprint": self._fingerprint,
                "network": self.network.state_dict(),
                "optimizer": self._optimizer.state_dict(),
                "state": self._state,
                "done": self._done,
                "losses": self._losses,
            },
            content,
        )
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(self._path) as half:
            half.write_bytes(content.getbuffer())

    def _load(self) -> None:
        if self._path is None or not self._path.exists():
            return
        try:
            saved: dict[str, Any] = torch.load(self._path, weights_only=True)
            fingerprint = saved["fingerprint"]
        except Exception as error:  # Whatever torch says of a file that is none of its own.
            raise InputError(f"{self._path}: expected a training's state (got {error})") from None
        if fingerprint != self._fingerprint:
            raise InputError(f"{self._path}: expected this training's state (got another one's)")
        self.network.load_state_dict(saved["network"])
        self._optimizer.load_state_dict(saved["optimizer"])
        self._state, self._done, self._losses = saved["state"], saved["done"], saved["losses"]


def loss_of(config: RecurrentConfig, out: Tensor, targets: Tensor, counts: Tensor) -> Tensor:
    """The combined loss.

    Args:
        config (RecurrentConfig): Losses and weights.
        out (Tensor): float32 ``[..., 3]``, as the network gives it.
        targets (Tensor): float32 of the same shape: latency, drop, mark.
        counts (Tensor): bool of the same shape: where each counts.
    """
    latency, drop, mark = ((out[counts[..., k], k], targets[counts[..., k], k]) for k in range(3))
    return combined(
        LATENCY_LOSSES[config.latency_loss](latency[0] - latency[1], config.delta),
        weighted_bce(*drop, config.drop_weight),
        weighted_bce(*mark, config.mark_weight),
        config.alpha,
        config.drop_share,
    )


class _StretchData:
    """Pieces of stretches of the trace that stand side by side; a rest at its end is left out."""

    def __init__(
        self, config: RecurrentConfig, features: NDArray[np.float32], targets: Targets
    ) -> None:
        length = len(features) // config.batch_size
        self._window = config.window
        self._tensors = [
            tensor[: length * config.batch_size]
            .reshape(config.batch_size, length, -1)
            .transpose(0, 1)
            for tensor in _tensors(features, targets)
        ]
        self._length = length

    def __len__(self) -> int:
        return -(-self._length // self._window)

    def __getitem__(self, batch: int) -> list[Tensor]:
        piece = slice(batch * self._window, (batch + 1) * self._window)
        return [tensor[piece] for tensor in self._tensors]


class _WindowData:
    """The packets up to each one, in time; before the first there are rows of zeros."""

    def __init__(
        self, config: RecurrentConfig, features: NDArray[np.float32], targets: Targets
    ) -> None:
        x, self._targets, self._counts = _tensors(features, targets)
        padded = torch.cat([x.new_zeros(config.window - 1, x.shape[1]), x])
        self._windows = padded.unfold(0, config.window, 1)  # [num_steps, num_features, window]
        self._batch_size = config.batch_size

    def __len__(self) -> int:
        return -(-len(self._windows) // self._batch_size)

    def __getitem__(self, batch: int) -> list[Tensor]:
        chosen = slice(batch * self._batch_size, (batch + 1) * self._batch_size)
        windows = self._windows[chosen].permute(2, 0, 1).contiguous()
        return [windows, self._targets[None, chosen], self._counts[None, chosen]]


def _tensors(features: NDArray[np.float32], targets: Targets) -> tuple[Tensor, Tensor, Tensor]:
    """Features, targets and where they count, a row for each step."""
    wanted = np.empty((len(features), 3), np.float32)
    counts = np.ones((len(features), 3), np.bool_)
    for column, values in ((LATENCY, targets.latency), (DROP, targets.drop), (MARK, targets.mark)):
        wanted[:, column] = values
    counts[:, LATENCY], counts[:, MARK] = targets.is_delivered, targets.can_be_marked
    return torch.from_numpy(features), torch.from_numpy(wanted), torch.from_numpy(counts)


def _detached(state: Any) -> Any:
    if isinstance(state, tuple):
        return tuple(part.detach() for part in state)
    return state.detach()


def _fingerprint(
    config: RecurrentConfig, seed: int, features: NDArray[np.float32], targets: Targets
) -> str:
    digest = hashlib.sha256(f"{config.model_dump_json()} {seed}".encode())
    for array in (features, *vars(targets).values()):
        digest.update(array.tobytes())
    return digest.hexdigest()


@contextmanager
def _one_thread() -> Iterator[None]:
    """One thread of torch: sums of several may come in another order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
