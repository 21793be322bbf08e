"""Tuning on whole runs, in a tiny search."""

from __future__ import annotations

import sys

import pytest

from m4graph.core.errors import ConfigError, InputError
from m4graph.mimic.models.recurrent.config import RecurrentConfig
from m4graph.mimic.models.recurrent.model import Recurrent
from m4graph.mimic.tuning import EndToEnd, published_space, tune
from tests.mimic.drawn_trace import drawn_trace
from tests.mimic.scenes import scene

FIXED = {
    "hidden_channels": 4, "num_layers": 1, "epochs": 1, "window": 16, "batch_size": 8,
    "training": "stateful", "feeder": "none",
}  # fmt: skip


def space(trial):
    return {**FIXED, "lr": trial.suggest_float("lr", 1e-4, 1e-1, log=True)}


@pytest.mark.parametrize("metric", ["fct", "rtt", "throughput"])
def test_end_to_end(metric):
    """The error of a trained model, in the unit of the metric, is that of its runs."""
    model = Recurrent.fit(drawn_trace(500), 0, **FIXED)
    one, two = (
        EndToEnd([scene(3, num_flows=30, seed=seed)], metric, margin_ns=0) for seed in (0, 1)
    )
    both = EndToEnd([*one.scenarios, *two.scenarios], metric, margin_ns=0)
    assert one(model) > 0
    assert both(model) == pytest.approx(one(model) + two(model))


def test_search(tmp_path):
    """The best of the trials wins; a seed gives the same ones; trials that were kept count."""
    trace, seen = drawn_trace(500), []

    def objective(model):
        seen.append(model.config.lr)
        return abs(model.config.lr - 0.01)

    first = tune(trace, objective, num_trials=4, seed=3, space=space)
    assert [options["lr"] for options, _ in first.trials] == seen
    assert first.options == min(first.trials, key=lambda trial: trial[1])[0]
    assert first.error == abs(first.options["lr"] - 0.01)
    assert tune(trace, objective, num_trials=4, seed=3, space=space) == first
    storage = f"sqlite:///{tmp_path / 'tune.db'}"
    half = tune(trace, objective, num_trials=2, seed=3, space=space, storage=storage)
    del seen[:]
    whole = tune(trace, objective, num_trials=4, seed=3, space=space, storage=storage)
    assert len(seen) == 2
    assert whole.trials[:2] == half.trials
    assert len({options["lr"] for options, _ in whole.trials}) == 4


def test_published_space():
    """Each choice is one that the model takes."""
    import optuna

    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(20):
        RecurrentConfig.parse(published_space(study.ask()))


def test_without_optuna(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(InputError, match=r'expected the package optuna \(pip install "m4graph\['):
        tune(drawn_trace(100), lambda model: 0.0)


def test_bad_objectives():
    with pytest.raises(ConfigError, match=r"scenarios: expected one or more \(got none\)"):
        EndToEnd([])
    with pytest.raises(ConfigError, match="metric: expected one of fct, rtt, throughput"):
        EndToEnd([scene(2, num_flows=2)], "latency")
