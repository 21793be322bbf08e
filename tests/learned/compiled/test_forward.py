"""One event at a time: the compiled forward against the model itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from m4graph.graph import FlowTracker
from m4graph.graph.step import no_events
from m4graph.learned.compiled import CompiledEngine, export_weights
from m4graph.learned.compiled.weights import CONVS
from m4graph.runs import FlowNetwork

from ..conftest import generated, random_model


@pytest.mark.parametrize("conv", CONVS)
@pytest.mark.parametrize(("hidden", "num_layers"), [(8, 1), (64, 2), (13, 3)])
def test_states_and_predictions_of_every_event(hidden, num_layers, conv):
    model = random_model(hidden, hidden=hidden, num_layers=num_layers, conv=conv)
    network = FlowNetwork.from_scenario(generated(num_flows=80))
    engine = CompiledEngine(export_weights(model), network)
    tracker, events = FlowTracker([network]), no_events(1)
    flow_state = torch.zeros(network.num_flows, hidden)
    link_state = torch.zeros(network.num_links, hidden)
    num_events, num_touched = 0, 0
    while engine.run(1) and engine.num_events > num_events:
        num_events = engine.num_events
        state = engine._state
        events[:] = state.events
        step = tracker.step(events)
        with torch.no_grad():
            output = model(step, flow_state[step.flow_ids], link_state[step.link_ids])
        flow_state[step.flow_ids] = output.flow_state
        link_state[step.link_ids[: step.num_updated]] = output.link_state
        count = len(step.flow_ids)
        num_touched += count
        rows = state.memory.row_of_flow[step.flow_ids.numpy()]
        assert len(set(rows)) == count
        predicted = state.scratch.log_slowdown[:count]
        assert predicted == pytest.approx(output.log_slowdown.numpy(), abs=1e-5)
        assert state.memory.flow_state[rows] == pytest.approx(output.flow_state.numpy(), abs=1e-5)
        assert state.memory.link_state == pytest.approx(link_state.numpy(), abs=1e-5)
    assert num_events == 160
    assert num_touched > 160
    assert np.abs(flow_state.numpy()).max() > 0.1
