"""What the checks of layers and heads share: seeds, gradients, checkpoints."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from m4graph.checkpoint import load_checkpoint, save_checkpoint
from m4graph.nn import FlowLinkModel
from m4graph.testing.rules import expect
from m4graph.testing.steps import tiny_step

_METADATA = {
    "training": {"config_hash": "none", "data_hash": "none", "seed": 0, "steps": 0, "wall_s": 0.0},
    "training_domain": {"congestion_control": "dctcp"},
    "licence": "none",
}


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Inside, torch draws what the seed says; outside, what it would have drawn."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def check_gradients(module: nn.Module, total: Tensor) -> None:
    """Expects a finite gradient of a scalar at every parameter of a module."""
    module.zero_grad()
    total.backward()  # type: ignore[no-untyped-call]
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            expect(parameter.grad is not None, f"a gradient at parameter {name}", "none")
            finite = bool(cast(Tensor, parameter.grad).isfinite().all())
            expect(finite, f"a finite gradient at parameter {name}", parameter.grad)


def check_checkpoint(model: FlowLinkModel) -> None:
    """Expects a model to come back from a checkpoint, with the same predictions."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "checkpoint"
        save_checkpoint(folder, model, _METADATA, "A conformance check.")
        loaded = load_checkpoint(folder)
    states = torch.ones(4, model.hidden_channels), torch.ones(5, model.hidden_channels)
    with torch.no_grad():
        wanted, got = model.eval()(tiny_step(), *states), loaded(tiny_step(), *states)
    # A new model's slowdowns are the physical estimates, whatever its layers say.
    parts = ("flow_state", "link_state", "log_slowdown")
    pairs = {name: (getattr(got, name), getattr(wanted, name)) for name in parts}
    pairs |= {name: (got.extra[name], value) for name, value in wanted.extra.items()}
    for name, (ours, theirs) in pairs.items():
        expect(torch.equal(ours, theirs), f"the same {name} from a checkpoint", ours.tolist())
