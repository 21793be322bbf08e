"""Perturbed departures keep to what a simulator could say."""

from __future__ import annotations

import numpy as np
import pytest

from m4graph.runs import LabelledRun
from m4graph.training.streams import KINDS, draw_kind, perturbed_fct_ns


@pytest.mark.parametrize("kind", ["noise", "scaled"])
def test_perturbed_times_are_possible_and_repeatable(runs: list[LabelledRun], kind: str) -> None:
    run = runs[0]
    fct_ns = perturbed_fct_ns(run, kind, np.random.default_rng(1))
    assert (fct_ns >= run.network.ideal_fct_ns).all()
    assert (fct_ns != run.fct_ns).mean() > 0.5
    np.testing.assert_array_equal(fct_ns, perturbed_fct_ns(run, kind, np.random.default_rng(1)))


def test_scaled_times_share_one_factor(runs: list[LabelledRun]) -> None:
    run = runs[0]
    fct_ns = perturbed_fct_ns(run, "scaled", np.random.default_rng(2))
    free = fct_ns > run.network.ideal_fct_ns
    factors = (fct_ns / run.fct_ns)[free]
    np.testing.assert_allclose(factors, factors[0], rtol=1e-3)


def test_an_unfinished_flow_stays_unfinished(runs: list[LabelledRun]) -> None:
    fct_ns = runs[0].fct_ns.copy()
    fct_ns[5] = -1
    run = LabelledRun(**{**vars(runs[0]), "fct_ns": fct_ns})
    assert perturbed_fct_ns(run, "noise", np.random.default_rng(0))[5] == -1


def test_kinds_are_drawn_by_their_shares() -> None:
    random = np.random.default_rng(0)
    drawn = [draw_kind(random, {"exact": 3.0, "fluid": 1.0}) for _ in range(4000)]
    assert set(drawn) == {"exact", "fluid"}
    assert drawn.count("exact") / len(drawn) == pytest.approx(0.75, abs=0.03)
    assert set(KINDS) > set(drawn)
