"""Quantile heads that are wrong on purpose are mended."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from m4graph.checkpoint import load_checkpoint
from m4graph.nn import FlowLinkModel
from m4graph.results.quantiles import ordered_quantiles
from m4graph.runs import LabelledRun
from m4graph.training.calibration import _weighted_quantile, calibrate
from m4graph.training.rollout import free_runs, true_slowdown

LEVELS = {"p90": 0.9, "p99": 0.99}


def biased(bias: float, **options: object) -> FlowLinkModel:
    """A model whose heads add a bias to what differs from flow to flow."""
    heads = {name: {"kind": "slowdown_quantile", "level": each} for name, each in LEVELS.items()}
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = FlowLinkModel(hidden_channels=8, num_layers=1, extra_heads=heads, **options)
    for name in LEVELS:
        torch.nn.init.constant_(model.extra_heads[name].mlp[-1].bias, bias)
    return model.eval()


def coverage(model: FlowLinkModel, runs: list[LabelledRun]) -> dict[float, float]:
    """Of each level, the mean over runs of the share of flows at or below the quantile."""
    shares: dict[float, list[float]] = {level: [] for level in LEVELS.values()}
    for run, said in zip(runs, free_runs(model, [run.network for run in runs]), strict=True):
        found = ordered_quantiles(said.fct_ns / run.network.ideal_fct_ns, said.quantiles)
        for level, each in shares.items():
            each.append(float((true_slowdown(run) <= found[level]).mean()))
    return {level: float(np.mean(each)) for level, each in shares.items()}


@pytest.mark.parametrize("bias", [-0.5, 2.0])
def test_a_biased_head_is_mended(runs: list[LabelledRun], bias: float) -> None:
    model = biased(bias)
    before = coverage(model, runs)
    one_flow = 1 / sum(run.network.num_flows for run in runs)
    assert abs(before[0.9] - 0.9) > 3 * one_flow
    told = calibrate(model, runs)
    after = coverage(model, runs)
    for each in told:
        assert each.before == pytest.approx(before[each.level], abs=1e-9)
        assert each.after == pytest.approx(after[each.level], abs=1e-9)
        assert abs(after[each.level] - each.level) <= one_flow
    assert [each.name for each in told] == ["val_p90_coverage", "val_p99_coverage"]


def test_a_mended_head_stays_as_it_is(runs: list[LabelledRun]) -> None:
    model = biased(0.5)
    calibrate(model, runs)
    shifts = [float(head.shift) for head in model.extra_heads.values()]
    again = calibrate(model, runs)
    assert [float(head.shift) for head in model.extra_heads.values()] == pytest.approx(
        shifts, abs=2e-3
    )
    assert all(each.before == pytest.approx(each.after, abs=0.01) for each in again)


def test_shifts_are_halves_and_weights_stay(runs: list[LabelledRun]) -> None:
    model = biased(0.5)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    calibrate(model, runs)
    for name, value in model.state_dict().items():
        if name.endswith(".shift"):
            assert value != 0
            assert value.half().float() == value
        else:
            assert torch.equal(value, before[name])


def test_each_run_weighs_the_same() -> None:
    values, weight = np.array([0.0, 1.0, 2.0, 3.0]), np.array([1.0, 1.0, 1.0, 3.0]) / 6
    assert _weighted_quantile(values, weight, 0.5) == 2.0
    assert _weighted_quantile(values, weight, 0.51) == 3.0


def test_a_model_without_such_heads_stays(runs: list[LabelledRun]) -> None:
    assert calibrate(FlowLinkModel(hidden_channels=8, num_layers=1), runs) == []


def test_training_ends_with_it(tmp_path: Path) -> None:
    import shutil

    from m4graph.training.config import load_train_config
    from m4graph.training.fit import train

    root = Path(__file__).parents[2]
    shutil.copytree(root / "datasets" / "tiny", tmp_path / "tiny")
    config, _ = load_train_config(root / "configs" / "train" / "tiny.yaml")
    heads = {name: {"kind": "slowdown_quantile", "level": each} for name, each in LEVELS.items()}
    model = config.model.model_copy(update={"extra_heads": heads})
    config = config.model_copy(update={"model": model, "max_steps": 2})
    folder = train(config, tmp_path / "tiny", tmp_path / "out")
    metrics = json.loads((folder / "config.json").read_text())["metrics"]
    assert metrics["val_p90_coverage"] == pytest.approx(0.9, abs=0.05)
    assert "val_p99_coverage" in metrics
    card = (folder / "card.md").read_text()
    assert "- **Quantiles** are calibrated" in card
    assert f"p90 {100 * metrics['val_p90_coverage']:.1f} %" in card
    assert load_checkpoint(folder).extra_heads["p90"].shift != 0
