"""Extra heads in the simulator: no FCT depends on them, the torch engine tells what they say."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from m4graph.learned import LearnedSimulator
from m4graph.learned.predictions import FlowPredictions

from .conftest import generated, random_model

P90 = {"p90": "slowdown_quantile"}


@pytest.mark.parametrize("engine", ["torch", "compiled"])
def test_no_fct_depends_on_them(engine, scenario):
    with_head, without = random_model(0, extra_heads=P90), random_model(0)
    without.load_state_dict(with_head.state_dict(), strict=False)
    plain, extended = (
        LearnedSimulator(model, engine=engine).run(scenario) for model in (without, with_head)
    )
    assert (plain.fct_ns == extended.fct_ns).all()


def test_auto_compiles_a_model_with_extra_heads(scenario):
    result = LearnedSimulator(random_model(0, extra_heads=P90)).run(scenario)
    assert result.extra["engine"] == "compiled"
    assert "predictions" not in result.extra


def test_predictions_come_with_the_flows_of_each_scenario():
    model = random_model(0, extra_heads=P90)
    head = model.extra_heads["p90"]
    torch.nn.init.zeros_(head.mlp[-1].weight)
    torch.nn.init.constant_(head.mlp[-1].bias, 20.0)  # far above what the slowdown head says
    scenarios = [generated(seed, num_flows) for seed, num_flows in ((0, 30), (1, 50))]
    simulator = LearnedSimulator(model, engine="torch")
    together = simulator.run_batch(scenarios)
    for scenario, result in zip(scenarios, together, strict=True):
        alone = simulator.run(scenario).extra["predictions"]["p90"]
        assert alone.shape == (scenario.num_flows,)
        assert result.extra["predictions"]["p90"] == pytest.approx(alone, rel=1e-4)
        assert (alone > 19.0).all()
        assert "predictions" not in result.summary()["extra"]


def test_the_last_word_counts():
    kept = FlowPredictions(random_model(0, extra_heads=P90))
    kept.keep(np.array([0, 2]), {"p90": torch.tensor([1.0, 2.0])}, 3)
    kept.keep(np.array([2, 3]), {"p90": torch.tensor([3.0, 4.0])}, 5)
    first, second = kept.by_network([0, 2, 4])
    assert first["p90"][0] == 1.0
    assert np.isnan(first["p90"][1])
    assert second["p90"].tolist() == [3.0, 4.0]
