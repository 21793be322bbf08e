from __future__ import annotations

import pytest

from m4graph.simulators import base
from m4graph.zoo import load_model
from m4graph.zoo.release import add_to_zoo

from .ideal_simulator import IdealSimulator


@pytest.fixture
def filled(zoo, checkpoint):
    add_to_zoo(checkpoint, "toy-1", "The [first].")
    return zoo


def test_list(run, filled):
    status, out, err = run("zoo", "list")
    assert (status, err) == (0, "")
    assert "toy-1 *" in out
    assert "The [first]." in out


def test_list_of_an_empty_zoo(run, zoo):
    assert run("zoo", "list") == (0, "The zoo is empty.\n", "")


def test_show(run, filled):
    status, out, err = run("zoo", "show", "toy-1")
    assert (status, err) == (0, "")
    for text in ("toy-1", "The [first].", "Made in a test, on no data.", "model.safetensors"):
        assert text in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "toy-2"], "unknown model: expected one of toy-1 (got 'toy-2'); did you mean"),
        (["show"], "Missing argument 'NAME'"),
        (["lst"], "No such command 'lst'"),
        ([], "Missing command"),
    ],
)
def test_bad_arguments(run, filled, arguments, message):
    status, out, err = run("zoo", *arguments)
    assert (status, out) == (2, "")
    assert err.startswith(f"error: {message}")
    assert err.count("\n") == 1


def test_show_in_an_empty_zoo(run, zoo):
    expected = "error: model 'toy': expected a name of the zoo (the zoo is empty)\n"
    assert run("zoo", "show", "toy") == (2, "", expected)


class ModelSimulator(IdealSimulator):
    """Loads a model, as the learned simulator does."""

    def __init__(self, model=None, device="cpu"):
        super().__init__()
        self.model = load_model(model, device)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--model", "toy-1"], None),
        ([], None),
        (["--model", "toy"], "unknown model: expected one of toy-1 (got 'toy')"),
        (["--model", "nowhere/toy"], "nowhere/toy: expected the folder of a checkpoint (got none)"),
        (["--model", "hf:/me/toy"], "hf:/me/toy: expected the folder of a checkpoint (got none)"),
        (["--model", "hf://me"], "model: expected hf://user/repository"),
        (["--device", "tpu"], "device: expected cpu, or cuda where there is one (got 'tpu')"),
    ],
)
def test_simulate_with_a_model(run, tiny, filled, options, message):
    base.SIMULATORS.register("model", ModelSimulator)
    status, _, err = run("simulate", tiny, "--simulator", "model", *options)
    if message is None:
        assert (status, err) == (0, "")
    else:
        assert status == 2
        assert err.startswith(f"error: {message}")
        assert err.count("\n") == 1
