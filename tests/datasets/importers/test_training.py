"""Training on imported runs, which have no labels of remaining bytes and of queues."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from m4graph.core.yaml_file import Override
from m4graph.datasets import import_runs
from m4graph.learned.domain import trained_controls
from m4graph.runs import LabelledRun
from m4graph.training.config import load_train_config
from m4graph.training.episode import Episode
from m4graph.training.fit import train

from . import ns3

ROOT = Path(__file__).parents[3]
SMALL = {
    "tiny": {"max_steps": 6},
    "m4-paper": {
        "max_steps": 2,
        "warmup_steps": 1,
        "periods_per_batch": 2,
        "batches_per_episode": 2,
        "events_per_window": 20,
        "val_fraction": 0.34,
        "model.hidden_channels": 8,
        "model.gnn_channels": 8,
    },
}


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    root = tmp_path_factory.mktemp("imported")
    ns3.write(root / "texts", "hpcc")
    import_runs([root / "texts"], root / "data", "hpcc")
    return root / "data"


@pytest.mark.parametrize("name", SMALL)
def test_training(imported, tmp_path, name):
    overrides = [Override(key, str(value)) for key, value in SMALL[name].items()]
    config, _ = load_train_config(ROOT / "configs" / "train" / f"{name}.yaml", overrides)
    checkpoint = train(config, imported, tmp_path / "out")
    metrics = json.loads((checkpoint / "config.json").read_text())["metrics"]
    assert 0 < metrics["val_mean_error"] < 10
    assert trained_controls(checkpoint) == {"dctcp"}
    card = " ".join((checkpoint / "card.md").read_text().split())
    assert "labelled by ns-3 (hpcc)" in card
    assert "against ns-3 (hpcc)" in card


def test_what_is_not_known_is_nan(imported):
    """Beside a run with labels, an unlabelled one changes nothing of the other's."""
    bare = LabelledRun.load(imported / "raw" / "run_000000.npz")
    labelled = LabelledRun.load(ROOT / "datasets" / "tiny" / "raw" / "run_000000.npz")
    runs = [bare, labelled]
    together = steps(Episode(runs, [run.fct_ns for run in runs]))
    alone = [steps(Episode([run], [run.fct_ns])) for run in runs]
    assert all(np.isnan(step.remaining).all() for step in alone[0])
    assert all(np.isnan(step.log_queue).all() for step in alone[0])
    assert not any(np.isnan(step.log_queue).any() for step in alone[1])
    for k, step in enumerate(together):
        parts = [each[k] for each in alone if k < len(each)]
        for field in ("log_slowdown", "weight", "remaining", "log_queue"):
            expected = np.concatenate([getattr(part, field) for part in parts])
            np.testing.assert_array_equal(getattr(step, field), expected)


def test_slowdowns_count_as_with_labels():
    """Their weights do not depend on labels."""
    run = LabelledRun.load(ROOT / "datasets" / "tiny" / "raw" / "run_000001.npz")
    none = np.zeros(0, np.int64)
    no_ptr = np.zeros(run.num_events + 1, np.int64)
    bare = replace(
        run,
        label_flow_ptr=no_ptr,
        label_flows=none.astype(np.int32),
        remaining_bytes=none,
        label_link_ptr=no_ptr,
        queue_bytes=none,
    )
    for departing in (False, True):
        one, other = (
            steps(Episode([each], [each.fct_ns], only_departing=departing)) for each in (run, bare)
        )
        for step, same in zip(one, other, strict=True):
            np.testing.assert_array_equal(step.weight, same.weight)
            np.testing.assert_array_equal(step.log_slowdown, same.log_slowdown)


def steps(episode):
    return list(iter(episode.next_step, None))
