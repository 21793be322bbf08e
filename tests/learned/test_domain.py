"""Every parameter of every algorithm reaches a model, or a warning names it."""

from __future__ import annotations

import warnings
from typing import Literal

import numpy as np
import pytest

import m4graph as m4
from m4graph.core.errors import M4GraphError
from m4graph.core.schema import KeyProblem
from m4graph.graph import FlowTracker
from m4graph.graph.paper.component import ComponentTracker
from m4graph.learned import LearnedSimulator
from m4graph.learned.domain import unseen_parameters
from m4graph.runs import FlowNetwork
from m4graph.runs.events import ARRIVAL, DEPARTURE, EVENT_RECORD
from m4graph.runs.paper_settings import seen_by_paper
from m4graph.runs.settings import seen_settings
from m4graph.scenario.congestion import CONGESTION_CONTROLS
from m4graph.scenario.rdma import DCTCP
from m4graph.workload import Workload

MODELS = {"standard": (FlowTracker, seen_settings), "paper": (ComponentTracker, seen_by_paper)}
PARAMETERS = [
    (kind, name)
    for kind in CONGESTION_CONTROLS.names()
    for name in CONGESTION_CONTROLS.resolve(kind).model_fields
    if name != "kind"
]
NUM_FLOWS = 24


def scenario_of(control):
    """Flows of all sizes into one host, with windows that queue for 50 us together."""
    rng = np.random.default_rng(5)
    network = m4.topology.star(num_hosts=6, gbps=8, delay_ns=1000)
    src, size_bytes = rng.integers(0, 5, NUM_FLOWS), rng.choice([800, 9000, 10**7], NUM_FLOWS)
    start_ns = np.sort(rng.integers(0, 1_000_000, NUM_FLOWS))
    ids = np.arange(NUM_FLOWS)
    workload = Workload.from_arrays(ids, src, np.full(NUM_FLOWS, 5), size_bytes, start_ns)
    return m4.Scenario(network, workload, {"init_window_bytes": 15_000, **control})


def inputs(tracker, scenario):
    """All that a model reads while these flows come, and go in the order in which they came."""
    network = FlowNetwork.from_scenario(scenario)
    follows, seen = tracker([network]), []
    start_ns = network.start_ns
    leave_ns = start_ns + 300_000 + 7_000 * np.arange(NUM_FLOWS)
    events = np.zeros(2 * NUM_FLOWS, EVENT_RECORD)
    events["time_ns"] = np.concatenate((start_ns, leave_ns))
    events["flow"] = np.tile(np.arange(NUM_FLOWS), 2)
    events["kind"] = np.repeat([ARRIVAL, DEPARTURE], NUM_FLOWS)
    events = events[np.argsort(events["time_ns"], kind="stable")]
    for i in range(len(events)):
        step = follows.step(events[i : i + 1])
        seen.append(step.flow_x.numpy().ravel())
        seen += [step.link_x.numpy().ravel()] if tracker is FlowTracker else []
    return np.concatenate(seen)


def other_scenario(kind, name):
    """The scenario with another value of a parameter, whichever is valid."""
    before = getattr(scenario_of({"kind": kind}).congestion_control, name)
    if isinstance(before, bool):
        return scenario_of({"kind": kind, name: not before})
    for value in (3 * before, before / 3) if before else (2, 2_000, 20_000, 0.5):
        try:
            return scenario_of({"kind": kind, name: type(before or value)(value)})
        except (KeyProblem, M4GraphError):
            continue
    raise AssertionError(f"{kind}: {name}: no other valid value found; add one here")


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(("kind", "name"), PARAMETERS)
def test_a_parameter_changes_the_inputs_or_is_named(model, kind, name):
    tracker, seen = MODELS[model]
    scenario, other = scenario_of({"kind": kind}), other_scenario(kind, name)
    value, default = (getattr(s.congestion_control, name) for s in (other, scenario))
    assert value != default
    assert list(unseen_parameters(scenario, seen)) == []
    reaches = not np.array_equal(inputs(tracker, scenario), inputs(tracker, other))
    named = list(unseen_parameters(other, seen))
    assert named == ([] if reaches else [(name, value, default)])


class Impatient(DCTCP):
    kind: Literal["impatient"] = "impatient"
    patience: float = 2.0


def test_a_parameter_of_somebody_elses_algorithm_is_named():
    scenario = scenario_of({"kind": "dctcp"})
    own = scenario.replace(congestion_control=Impatient(patience=3.0, init_window_bytes=15_000))
    assert list(unseen_parameters(own, seen_settings)) == [("patience", 3.0, 2.0)]


def test_what_training_never_varied_is_named():
    """The default model reads DCTCP's gain, and has seen one value of it."""
    simulator = LearnedSimulator()
    expected = r"do not name congestion_control.gain; .* for 0.5 of dctcp, .* 0.0625, are a guess"
    with pytest.warns(UserWarning, match=expected) as found:
        simulator.run(scenario_of({"kind": "dctcp", "gain": 0.5}))
    assert len(found) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        simulator.run(scenario_of({"kind": "dctcp", "additive_increase_mbps": 1000.0}))


def test_the_warning_names_value_and_default_once(model):
    simulator = LearnedSimulator(model)
    scenario = scenario_of({"kind": "dcqcn", "alpha_timer_us": 20.0})
    expected = r"control.alpha_timer_us of dcqcn is no input .* for 20.0 are .* default, 50.0"
    with pytest.warns(UserWarning, match=expected) as found:
        simulator.run_batch([scenario, scenario])
    assert len(found) == 1
    with pytest.warns(UserWarning, match=expected):
        simulator.open_session(scenario)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        simulator.run(scenario_of({"kind": "dctcp", "additive_increase_mbps": 100.0}))
