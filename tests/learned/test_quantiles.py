"""Quantiles of each flow: the same of both engines, in order, and kept with results."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch

import m4graph as m4
from m4graph.checkpoint import load_checkpoint, save_checkpoint
from m4graph.core.errors import ConfigError
from m4graph.evaluation.suites.store import load_result, save_result
from m4graph.learned import LearnedSimulator
from m4graph.results import QUANTILES
from m4graph.workload import closed_loop

from .conftest import generated, random_model, scenario_of

LEVELS = {"high": 0.9, "tail": 0.99}
HEADS = {name: {"kind": "slowdown_quantile", "level": level} for name, level in LEVELS.items()}


def with_heads(seed=0, heads=HEADS, **options):
    """A random model whose heads differ."""
    model = random_model(seed, extra_heads=heads, **options)
    for place, head in enumerate(model.extra_heads.values()):
        head.shift.fill_(0.3 + 0.2 * place)
    return model


def both(model, scenario):
    """What the compiled and the torch engine say, by level."""
    ours, theirs = (
        LearnedSimulator(model, engine=engine).run(scenario).extra
        for engine in ("compiled", "torch")
    )
    assert (ours["engine"], theirs["engine"]) == ("compiled", "torch")
    return ours[QUANTILES], theirs[QUANTILES]


def assert_equal(ours, theirs):
    assert list(ours) == list(theirs)
    for level, values in ours.items():
        assert values.dtype == np.float64
        assert values == pytest.approx(theirs[level], rel=1e-4)


@pytest.mark.parametrize("sizes", [{}, {"hidden": 13, "num_layers": 3}])
def test_the_engines_are_equal(sizes):
    ours, theirs = both(with_heads(1, **sizes), generated(3, num_flows=200))
    assert list(ours) == [0.9, 0.99]
    assert_equal(ours, theirs)
    assert len({*ours[0.9].round(6)}) > 50
    assert not np.allclose(ours[0.9], ours[0.99])


def test_the_engines_are_equal_in_closed_loops():
    scenario = generated(num_flows=700)
    workload = closed_loop(scenario.workload, limit_per_rack=2, backlog=True)
    closed = m4.Scenario(scenario.network, workload, "dctcp")
    ours, theirs = both(with_heads(2), closed)
    for level in LEVELS.values():  # a nanosecond's rounding adds up from flow to flow
        assert ours[level] == pytest.approx(theirs[level], rel=1e-3)
    assert np.isfinite(ours[0.9]).all()


def test_a_checkpoint_is_read_without_torch_and_with(tmp_path, metadata, scenario):
    model = with_heads()
    save_checkpoint(tmp_path / "model", model, metadata, "A card.", half=True)
    read, loaded = tmp_path / "model", load_checkpoint(tmp_path / "model")
    ours, theirs = (
        LearnedSimulator(each).run(scenario).extra[QUANTILES] for each in (read, loaded)
    )
    for level in LEVELS.values():
        assert (ours[level] == theirs[level]).all()


def test_older_checkpoints_have_no_shift(tmp_path, metadata, scenario, monkeypatch):
    model = random_model(0, extra_heads=HEADS)
    state = model.state_dict
    monkeypatch.setattr(
        model, "state_dict", lambda: {k: v for k, v in state().items() if not k.endswith("shift")}
    )
    save_checkpoint(tmp_path / "model", model, metadata, "A card.")
    loaded = load_checkpoint(tmp_path / "model")
    assert loaded.extra_heads["tail"].shift == 0
    ours, theirs = (
        LearnedSimulator(each, engine="compiled").run(scenario)
        for each in (tmp_path / "model", loaded)
    )
    assert (ours.quantiles == theirs.quantiles).all(axis=None)


def test_quantiles_rise_and_are_never_below_one(scenario):
    low = {"low": {"kind": "slowdown_quantile", "level": 0.1}, **HEADS}
    model = with_heads(heads=low)
    model.extra_heads["low"].shift.fill_(-5.0)  # below an ideal FCT
    model.extra_heads["tail"].shift.fill_(-0.5)  # far below the one for 0.9
    result = LearnedSimulator(model).run(scenario)
    frame = result.quantiles
    assert list(frame.columns) == ["p10", "p50", "p90", "p99"]
    assert (frame["p50"].to_numpy() == result.slowdown).all()
    assert (np.diff(frame.to_numpy(), axis=1) >= 0).all()
    assert (frame.to_numpy() >= 1).all()
    said = result.extra[QUANTILES]
    assert (said[0.1] < 1).all()
    assert (frame["p10"] == 1).all()
    assert (frame["p90"].to_numpy() == said[0.9]).mean() > 0.5
    assert (said[0.99] < said[0.9]).all()
    assert (frame["p99"] == frame["p90"]).all()


def test_rows_are_flows_by_id():
    flows = [(0, 1, 40_000, 0), (2, 1, 90_000, 10), (3, 1, 1000, 20)]
    scenario = scenario_of(flows, ids=[7, 3, 5])
    result = LearnedSimulator(with_heads()).run(scenario)
    assert result.quantiles.index.tolist() == [3, 5, 7]
    assert (result.quantiles["p50"].to_numpy() == result.slowdown[[1, 2, 0]]).all()


def test_an_unfinished_flow_has_none(scenario):
    whole = LearnedSimulator(with_heads()).run(scenario)
    ends_ns = whole.start_ns + whole.fct_ns
    stopped = scenario.replace(stop_ns=int(np.median(ends_ns)))
    result = LearnedSimulator(with_heads()).run(stopped)
    assert 0 < result.num_finished < result.num_flows
    missing = result.quantiles.isna()
    assert (missing.to_numpy() == ~result.finished[:, None]).all()


def test_results_keep_them(tmp_path, scenario):
    result = LearnedSimulator(with_heads()).run(scenario)
    save_result(tmp_path / "a.npz", "key", result)
    loaded = load_result([tmp_path / "a.npz"], "key", "learned", scenario)
    pd.testing.assert_frame_equal(loaded.quantiles, result.quantiles)
    result.to_file(tmp_path / "fct.csv")
    written = pd.read_csv(tmp_path / "fct.csv", index_col="id")
    assert list(written.columns[-2:]) == ["p90", "p99"]
    assert written[["p90", "p99"]].to_numpy() == pytest.approx(
        result.quantiles[["p90", "p99"]].to_numpy()
    )


def test_damaged_ones_are_made_anew(tmp_path, scenario):
    path = tmp_path / "a.npz"
    save_result(path, "key", LearnedSimulator(with_heads()).run(scenario))
    with np.load(path) as stored:
        arrays = dict(stored)
    np.savez_compressed(path, **arrays | {"quantiles": arrays["quantiles"][:, :-1]})
    assert load_result([path], "key", "learned", scenario) is None


def test_some_flows_have_theirs(scenario):
    result = LearnedSimulator(with_heads()).run(scenario)
    kept = np.arange(scenario.num_flows) % 3 == 0
    fewer = dataclasses.replace(
        result,
        scenario=scenario.of_flows(kept),
        extra={"num_not_simulated": int((~kept).sum())},
        **{name: getattr(result, name)[kept] for name in ("flow_id", "fct_ns", "ideal_fct_ns")},
        start_ns=result.start_ns[kept],
    )
    own = result.of_flows_of(fewer).quantiles
    pd.testing.assert_frame_equal(own, result.quantiles.loc[own.index])
    assert len(own) == kept.sum()


def test_other_results_have_none(scenario):
    expected = (
        "quantiles: expected a result of the learned simulator with a model that has quantile"
    )
    for result in (m4.simulate(scenario, "fluid"), LearnedSimulator(random_model(0)).run(scenario)):
        assert QUANTILES not in result.extra
        with pytest.raises(ConfigError, match=expected) as caught:
            _ = result.quantiles
        assert "\n" not in str(caught.value)


def test_a_subclass_is_no_quantile(scenario):
    from m4graph.nn.heads import SlowdownQuantileHead

    class Other(SlowdownQuantileHead):
        def forward(self, state, x):
            return torch.zeros(len(state))

    model = random_model(0, extra_heads={"other": Other})
    for engine in ("compiled", "torch"):
        assert QUANTILES not in LearnedSimulator(model, engine=engine).run(scenario).extra
