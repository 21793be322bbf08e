"""The recurrent model: compiled as trained, the same bits after a kill, in order on each path."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time

import numba
import numpy as np
import pytest
import torch

from m4graph.core.errors import ConfigError, InputError
from m4graph.mimic.border_rows import EGRESS
from m4graph.mimic.clusters import Pods
from m4graph.mimic.feature_layout import MODEL_STEP
from m4graph.mimic.features import StepTable, feature_matrix
from m4graph.mimic.models.recurrent import training
from m4graph.mimic.models.recurrent.cells import step_network
from m4graph.mimic.models.recurrent.config import RecurrentConfig
from m4graph.mimic.models.recurrent.model import Recurrent, training_data
from m4graph.mimic.models.recurrent.network import RecurrentNetwork, flat_weights, num_weights
from m4graph.mimic.models.recurrent.rollout import LOST, PLAN, Rollout, answer
from m4graph.mimic.models.recurrent.training import Training
from tests.mimic.drawn_trace import SHAPE, drawn_trace
from tests.mimic.test_feeder import scenario_of

SMALL = {"hidden_channels": 6, "num_layers": 1, "epochs": 2, "window": 16, "batch_size": 8}
STATEFUL = {**SMALL, "training": "stateful", "lr": 1e-2}


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("num_layers", [1, 3])
@pytest.mark.parametrize("width", [5, 12])
def test_compiled_as_torch(cell, num_layers, width):
    config = RecurrentConfig(cell=cell, num_layers=num_layers, hidden_channels=width)
    torch.manual_seed(0)
    network = RecurrentNetwork(config, 7)
    weights = flat_weights(network, config)
    assert len(weights) == num_weights(config, 7)
    x = np.random.default_rng(0).normal(size=(60, 1, 7)).astype(np.float32)
    with torch.no_grad():
        expected = network(torch.from_numpy(x))[0].numpy()[:, 0]
    plan = np.zeros(1, PLAN)
    plan["num_features"], plan["width"], plan["num_layers"] = 7, width, num_layers
    plan["is_gru"] = cell == "gru"
    state = np.zeros((num_layers, 2, width), np.float32)
    gates, out = np.zeros((1, 4 * width), np.float32), np.zeros(3, np.float32)
    for row in range(60):
        step_network(plan[0], weights, state, x[row, 0], gates, out)
        np.testing.assert_allclose(out, expected[row], atol=1e-6)


def test_logits_are_calibrated_for_chance(models):
    plan = rollout_of(models["none"]).plan[0]
    assert plan["drop_shift"] == pytest.approx(np.log(0.3 / 0.7))
    assert plan["mark_shift"] == plan["drop_shift"]


def test_published_size():
    """18 features times 12 packets; MimicNet's has two biases for each gate, and two heads."""
    config = RecurrentConfig()
    assert num_weights(config, 18) == 579_314 - 2 * 4 * 216 - 2 * (216 + 1) + 3 * (216 + 1)


def test_windows():
    """The last packets up to each one, after zeros."""
    config = RecurrentConfig(**SMALL | {"window": 3, "batch_size": 4})
    _, features, targets = training_data(drawn_trace(100), EGRESS, config, 0)
    batches = training._WindowData(config, features, targets)
    windows = torch.cat([batches[batch][0] for batch in range(len(batches))], dim=1)
    assert windows.shape == (3, len(features), 18)
    assert (windows[:2, 0] == 0).all()
    for row in range(2, len(features)):
        assert (windows[:, row].numpy() == features[row - 2 : row + 1]).all()


def test_stretches():
    """Each goes on where it was in the piece before."""
    config = RecurrentConfig(**STATEFUL)
    _, features, targets = training_data(drawn_trace(1000), EGRESS, config, 0)
    batches = training._StretchData(config, features, targets)
    stretches = torch.cat([batches[batch][0] for batch in range(len(batches))])
    length = len(features) // 8
    assert stretches.shape == (length, 8, 18)
    assert (stretches[:, 3].numpy() == features[3 * length : 4 * length]).all()


@pytest.mark.parametrize("options", [SMALL, STATEFUL, STATEFUL | {"cell": "gru"}])
def test_it_learns(options):
    """And a seed gives the same bits, another one others."""
    trace = drawn_trace(3000)
    first, second, other = (Recurrent.fit(trace, seed, **options) for seed in (1, 1, 2))
    assert first.losses["egress"][1] < first.losses["egress"][0]
    assert (first.arrays()["weights"] == second.arrays()["weights"]).all()
    assert (first.arrays()["weights"] != other.arrays()["weights"]).any()


def _train(path, pause_s):
    """Trains slowly, and saves after every step."""
    training._SAVE_EVERY_S = 0
    config = RecurrentConfig(**STATEFUL)
    _, features, targets = training_data(drawn_trace(3000), EGRESS, config, 0)
    slow = Training(config, features, targets, 0, path)
    step = slow._step
    slow._step = lambda batch: (time.sleep(pause_s), step(batch))[1]
    slow.run()


def test_killed_and_resumed(tmp_path):
    """A training that is killed again and again ends with the bits of one that was not."""
    config = RecurrentConfig(**STATEFUL)
    _, features, targets = training_data(drawn_trace(3000), EGRESS, config, 0)
    whole = Training(config, features, targets, 0)
    losses = whole.run()
    path = tmp_path / "state" / "egress.pt"
    context = multiprocessing.get_context("fork")
    for _ in range(3):
        process = context.Process(target=_train, args=(path, 0.05))
        process.start()
        before = path.stat().st_mtime_ns if path.exists() else 0
        while not path.exists() or path.stat().st_mtime_ns == before:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.join()
    resumed = Training(config, features, targets, 0, path)
    assert 0 < resumed._done < 2 * len(resumed._batches)
    assert resumed.run() == losses
    for one, other in zip(whole.network.parameters(), resumed.network.parameters(), strict=True):
        assert (one == other).all()


def test_another_state_is_refused(tmp_path):
    trace = drawn_trace(500)
    Recurrent.fit(trace, 0, checkpoints=tmp_path, **STATEFUL)
    with pytest.raises(InputError, match=r"egress\.pt: expected this training's state"):
        Recurrent.fit(trace, 1, checkpoints=tmp_path, **STATEFUL)
    (tmp_path / "egress.pt").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"egress\.pt: expected a training's state \(got"):
        Recurrent.fit(trace, 0, checkpoints=tmp_path, **STATEFUL)


FLOWS = [(9 + n % 8, 17 + (3 * n) % 8, 40_000, n * 1_000_000) for n in range(40)]


def rollout_of(model: Recurrent, seed: int = 0) -> Rollout:
    scenario = scenario_of(*FLOWS)
    arrays = model.start(Pods.of(scenario.network, scenario.arrays), scenario, seed).arrays
    return Rollout(*arrays[2:7], arrays[1], *arrays[7:])


@numba.njit
def run_free(r, rows, out, inputs):
    """Answers for packets that come to pod 1."""
    for index in range(len(rows)):
        row = rows[index]
        port = row.agg * 2 + row.spine
        out[index] = answer(r, row.enter_ticks, 1, row.direction, row.host, port, row.wire_bytes)
        inputs[index] = r.inputs


def answers(model: Recurrent, rows: np.ndarray, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    out, inputs = np.zeros(len(rows), np.int64), np.zeros((len(rows), 18), np.float32)
    run_free(rollout_of(model, seed), rows, out, inputs)
    return out, inputs


@pytest.fixture(scope="module")
def models():
    trace = drawn_trace(6000)
    options = {**STATEFUL, "decision": "sample", "slot_us": 1000.0}
    return {
        feeder: Recurrent.fit(trace, 0, feeder=feeder, **options)
        for feeder in ("none", "packet", "binned")
    }


def test_features_in_use_are_those_of_training(models):
    """Bit for bit: what the step sees is what the same packets and outcomes give in training."""
    trace = drawn_trace(2000, seed=5)
    rows = trace.rows[trace.rows["direction"] == EGRESS]
    specs = models["none"].arrays()["specs"].copy()
    specs["high_ticks"] = 600_000
    restless = Recurrent.from_saved(
        models["none"].settings(), models["none"].arrays() | {"specs": specs}
    )
    out, inputs = answers(restless, rows)
    steps = np.zeros(len(rows), MODEL_STEP)
    steps["ticks"], steps["mix"], steps["packets"] = rows["enter_ticks"], -1, 1
    steps["host"], steps["port"] = rows["host"], rows["agg"] * 2 + rows["spine"]
    steps["wire_bytes"] = rows["wire_bytes"]
    steps["drops"] = out == LOST
    steps["latency_ticks"] = np.where(out == LOST, 0, out >> 1)
    table = StepTable(steps, np.zeros((0, 10), np.float32))
    assert 0 < steps["drops"].mean() < 1
    assert len(np.unique(inputs[:, 10:14], axis=0)) > 1
    assert feature_matrix(table, specs[:1]).tobytes() == inputs.tobytes()


@pytest.mark.parametrize("feeder", ["none", "packet", "binned"])
def test_in_order_on_each_path(models, feeder):
    """Never two at once, as far apart as the link inside the pod needs, and not sooner."""
    rows = drawn_trace(4000, seed=7).rows
    out, _ = answers(models[feeder], rows)
    came = rows["enter_ticks"] + (out >> 1)
    wire = rows["wire_bytes"] * 80
    for direction in range(2):
        for host in range(8):
            for port in range(4):
                on_path = (rows["direction"] == direction) & (rows["host"] == host) & (out != LOST)
                on_path &= rows["agg"] * 2 + rows["spine"] == port
                assert (np.diff(came[on_path]) >= wire[on_path][1:]).all()
    delivered = out != LOST
    assert ((out >> 1)[delivered] >= 500_000 + wire[delivered]).all()


@pytest.mark.parametrize("decision", ["threshold", "sample"])
@pytest.mark.parametrize(
    ("weights", "marks"), [({}, False), ({"alpha": 0.7, "beta": 0.3}, False), ({"beta": 0.2}, True)]
)
def test_marks_that_have_no_loss_are_never_set(weights, marks, decision):
    """A head that nothing was told says yes as often as no."""
    options = {**STATEFUL, "decision": decision, **weights}
    model = Recurrent.fit(drawn_trace(500), 0, **options)
    arrays = model.arrays()
    sure = arrays["weights"].copy()
    sure[:, -1] = 100  # the bias of marks
    sure[:, -2] = -100  # and of drops
    sure = Recurrent.from_saved(model.settings(), arrays | {"weights": sure})
    out, _ = answers(sure, drawn_trace(300, seed=3).rows)
    assert ((out & 1) == marks).all()


@pytest.mark.parametrize("feeder", ["none", "packet", "binned"])
def test_a_seed_gives_the_same_bits(models, feeder):
    rows = drawn_trace(1500, seed=8).rows
    first, second, other = (answers(models[feeder], rows, seed)[0] for seed in (1, 1, 2))
    assert (first == second).all()
    assert (first != other).any()


def test_a_feeder_is_felt(models):
    """Packets between mimics are caught up before the next real one, all of them."""
    rows = drawn_trace(1500, seed=8).rows
    last = rows["enter_ticks"][rows["direction"] == EGRESS][-1]
    for feeder in ("packet", "binned"):
        fed, idle = rollout_of(models[feeder]), rollout_of(models[feeder])
        idle.clocks["next_ticks"] = np.inf
        found = []
        for r in (fed, idle):
            out, inputs = np.zeros(len(rows), np.int64), np.zeros((len(rows), 18), np.float32)
            run_free(r, rows, out, inputs)
            found.append(inputs)
        assert (found[0] != found[1]).any()
        clock, plan = fed.clocks[2 + EGRESS], fed.plan[0]
        if feeder == "packet":
            assert clock["next_ticks"] > last
        else:
            assert clock["slot"] == min(last // plan["slot_ticks"], plan["num_slots"])


def test_saved_and_read(models):
    model = models["packet"]
    settings = json.loads(json.dumps(model.settings()))
    again = Recurrent.from_saved(settings, model.arrays())
    rows = drawn_trace(300, seed=3).rows
    assert (answers(again, rows)[0] == answers(model, rows)[0]).all()


@pytest.mark.parametrize(
    ("name", "array", "expected"),
    [
        ("weights", None, r"weights: expected float32, 2 directions \(got none\)"),
        ("weights", np.zeros((2, 9), np.float32), r"weights: expected \d+ finite numbers .*got 9"),
        ("weights", np.zeros((2, 9)), r"weights: expected float32, 2 directions \(got float64"),
        ("laws", np.zeros(2), r"laws: expected .* 2 directions \(got float64 \[2\]\)"),
    ],
)
def test_damaged_arrays_are_refused(models, name, array, expected):
    arrays = models["none"].arrays() | {name: array}
    with pytest.raises(InputError, match=expected):
        Recurrent.from_saved(models["none"].settings(), arrays)


def test_bad_options_are_refused():
    for options, expected in (
        ({"cell": "rnn"}, "cell"),
        ({"alpha": 0.7, "beta": 0.6}, r"expected alpha \+ beta of at most 1 \(got 1.3\)"),
        ({"feeder": "binned"}, r"feeder: expected none or packet for windows"),
        ({"epoch": 3}, "did you mean 'epochs'"),
    ):
        with pytest.raises(ConfigError, match=expected):
            Recurrent.fit(drawn_trace(50), 0, **options)


def test_another_shape_is_refused(models):
    scenario = scenario_of(*FLOWS)
    pods = Pods.of(scenario.network, scenario.arrays)
    specs = models["none"].arrays()["specs"].copy()
    specs["hosts"] = 5
    arrays = models["none"].arrays()
    weights = num_weights(models["none"].config, 19)
    arrays |= {"specs": specs, "weights": np.zeros((2, weights), np.float32)}
    other = Recurrent.from_saved(models["none"].settings(), arrays)
    with pytest.raises(ConfigError, match="pods of 2 racks, 5 hosts, 2 aggs, 2 spines"):
        other.start(pods, scenario, 0)
    assert SHAPE.hosts == 4
