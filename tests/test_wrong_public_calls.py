"""A wrong call of anything public ends in one line; what is new and forgets it is found here."""

from __future__ import annotations

import copy
import inspect
import pickle
import sys
from importlib import import_module
from pathlib import Path

import pytest
import torch

import m4graph as m4
from m4graph.core.errors import InputError

sys.path.insert(0, str(Path(__file__).parents[1] / "docs" / "_ext"))
import public

TAKES_ANYTHING = {"RunData", "stateful_snapshots"}
"""A keyword of PyG's ``Data`` is an attribute; a generator looks at nothing before it is read."""
MADE_INSIDE = {"States", "StepOutput", "PaperOutput", "EventStep", "FlowTracker"}
"""What torch traces when it exports a model, and what goes with it: people only read these."""
NOT_FOR_PEOPLE = {
    "m4graph.core.errors",  # errors, and what they are spelled with
    "m4graph.core.schema",
    "m4graph.simulators.packet.link_hook",  # compiled code calls these
    "m4graph.nn.heads",  # a model makes them of its block, whose keys it checks
}


def public_calls():
    for module, name in public.homes():
        value = getattr(import_module(module), name, None)
        if module in NOT_FOR_PEOPLE or name in TAKES_ANYTHING | MADE_INSIDE:
            continue
        if inspect.isfunction(value) or (inspect.isclass(value) and can_be_made(value)):
            yield pytest.param(value, id=f"{module}.{name}")


def can_be_made(value):
    is_protocol = getattr(value, "_is_protocol", False)
    return not (inspect.isabstract(value) or is_protocol or issubclass(value, BaseException))


@pytest.mark.parametrize("target", list(public_calls()))
def test_an_argument_that_there_is_not(target):
    with pytest.raises(InputError) as caught:
        target(surely_unknown=1)
    assert "\n" not in str(caught.value)
    assert "surely_unknown" in str(caught.value) or "expected" in str(caught.value)


@pytest.mark.parametrize(
    "target", [each for each in public_calls() if inspect.isclass(each.values[0])]
)
def test_an_argument_that_a_method_has_not(target):
    for name, method in inspect.getmembers(target, inspect.isfunction):
        kinds = {each.kind for each in inspect.signature(method).parameters.values()}
        is_ours = method.__module__.startswith("m4graph.") and not name.startswith("_")
        if is_ours and name != "forward" and inspect.Parameter.VAR_KEYWORD not in kinds:
            with pytest.raises(InputError, match="surely_unknown") as caught:
                method(None, surely_unknown=1)
            assert "\n" not in str(caught.value)


def test_classes_stay_what_they_are():
    law = m4.workload.FixedSizes(1000)
    done = m4.Completion(0, 1, 2, 3, 4, 5, 6)
    model = m4.nn.SnapshotModel(m4.nn.FlowLinkModel())
    for made in law, done, m4.NetworkConfig(pfc=False):
        assert type(pickle.loads(pickle.dumps(made))) is type(made)
    assert pickle.loads(pickle.dumps(done)) == done == copy.deepcopy(done)
    assert done._replace(src=9).src == 9
    assert [*copy.deepcopy(model).state_dict()] == [*model.state_dict()]
    assert str(inspect.signature(m4.workload.FixedSizes)).startswith("(size_bytes: ")
    assert "payload_bytes" in inspect.signature(m4.NetworkConfig).parameters
    assert not inspect.signature(m4.workload.PoissonArrivals).parameters


def test_a_class_that_calls_its_base_wrongly():
    class Mine(m4.nn.SnapshotModel):
        def __init__(self):
            super().__init__(modle=torch.nn.Identity())

    with pytest.raises(InputError, match=r"^SnapshotModel: unknown argument.*mean 'model'"):
        Mine()
