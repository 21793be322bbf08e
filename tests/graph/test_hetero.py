from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch_geometric.data import Batch, HeteroData

import m4graph as m4
from m4graph.core.errors import ConfigError
from m4graph.graph import FlowTracker, event_snapshots, to_event_step
from m4graph.graph.schema import CROSSED_BY, CROSSES, FLOW, LINK
from m4graph.nn import FlowLinkModel
from m4graph.runs import FlowNetwork, LabelledRun, event_stream
from m4graph.runs.events import ARRIVAL, DEPARTURE

from .conftest import LARGE, star_scenario


@pytest.fixture
def star():
    """Flows 7 and 5 into host 3, and flow 6 from 2 to 1; ids are not in the order of the starts."""
    flows = [(0, 3, LARGE, 0), (1, 3, LARGE, 10_000), (2, 1, LARGE, 5000)]
    return star_scenario(flows, ids=[7, 5, 6])


def steps_of(scenario, fct_ns):
    network = FlowNetwork.from_scenario(scenario)
    tracker, events = FlowTracker([network]), event_stream(network, fct_ns)
    return [tracker.step(events[i : i + 1]) for i in range(len(events))]


def assert_same_step(step, other):
    for field in dataclasses.fields(step):
        ours, theirs = getattr(step, field.name), getattr(other, field.name)
        if isinstance(ours, torch.Tensor):
            assert torch.equal(ours, theirs), field.name
        else:
            assert ours == theirs, field.name


def test_a_snapshot_at_an_arrival(star):
    data = m4.to_hetero_data(star, at_event=2)
    assert isinstance(data, HeteroData)
    assert data.validate()
    assert data.node_types == [FLOW, LINK]
    assert data.edge_types == [CROSSES, CROSSED_BY]
    assert (data.event_time_ns, data.event_kind, data.event_flow) == (10_000, ARRIVAL, 5)
    assert sorted(data[FLOW].flow_id.tolist()) == [5, 7]
    assert data[FLOW].n_id.tolist() == [{7: 0, 5: 2}[i] for i in data[FLOW].flow_id.tolist()]
    arrays = star.arrays
    route = [arrays.host_uplink[1], arrays.host_downlink[3]]
    assert data[LINK].n_id[data[LINK].touched].tolist() == route
    assert data[LINK].n_id[~data[LINK].touched].tolist() == [arrays.host_uplink[0]]
    assert data[FLOW].touched.tolist() == [True, True]
    assert data[CROSSES].edge_index.size(1) == 3
    assert data[CROSSED_BY].edge_index.size(1) == 4


def test_departures_are_those_of_the_result(star):
    slow = dataclasses.replace(m4.simulate(star, "fluid"), fct_ns=np.array([10**6, 10**7, 10**8]))
    data = m4.to_hetero_data(star, at_event=3, result=slow)
    assert (data.event_time_ns, data.event_kind, data.event_flow) == (10**6, DEPARTURE, 7)
    default = m4.to_hetero_data(star, at_event=3)
    assert default.event_time_ns == 5000 + star.ideal_fct_ns[1]


def test_scope_network_has_every_active_flow_and_every_link(star):
    data = m4.to_hetero_data(star, at_event=2, scope="network")
    assert data.validate()
    assert sorted(data[FLOW].flow_id.tolist()) == [5, 6, 7]
    assert dict(zip(data[FLOW].flow_id.tolist(), data[FLOW].touched.tolist(), strict=True)) == {
        5: True,
        6: False,
        7: True,
    }
    assert sorted(data[LINK].n_id.tolist()) == list(range(star.arrays.num_links))
    assert torch.equal(data[CROSSES].edge_index, data[CROSSED_BY].edge_index.flip(0))
    assert data[CROSSES].edge_index.size(1) == 6
    # Nobody is left after the last departure; the links still are.
    last = m4.to_hetero_data(star, at_event=5, scope="network")
    assert last.validate()
    assert last[FLOW].num_nodes == 0
    assert last[LINK].num_nodes == star.arrays.num_links


def test_snapshots_hold_what_the_model_reads(fat_tree_run):
    scenario = fat_tree_run.scenario
    steps = steps_of(scenario, m4.simulate(scenario, "fluid").fct_ns)
    snapshots = list(event_snapshots(scenario))
    assert [data.at_event for data in snapshots] == list(range(2 * scenario.num_flows))
    for step, data in zip(steps, snapshots, strict=True):
        assert data.validate()
        assert_same_step(to_event_step(data), step)
    assert_same_step(to_event_step(m4.to_hetero_data(scenario, at_event=200)), steps[200])


def test_scope_network_holds_what_the_model_reads_too(fat_tree_run):
    scenario = fat_tree_run.scenario
    event = m4.to_hetero_data(scenario, at_event=200)
    network = m4.to_hetero_data(scenario, at_event=200, scope="network")
    assert network[FLOW].num_nodes > event[FLOW].num_nodes
    ours, theirs = to_event_step(network), to_event_step(event)
    assert sorted(ours.link_ids.tolist()) == sorted(theirs.link_ids.tolist())
    for step in (ours, theirs):  # the order of links that are only read is open
        order = step.link_ids.argsort()
        step.link_x.copy_(step.link_x[order])
    assert torch.equal(ours.link_x, theirs.link_x)
    assert torch.equal(ours.flow_x, theirs.flow_x)
    assert torch.equal(ours.flow_gap, theirs.flow_gap)


def test_a_labelled_run_keeps_its_own_order_of_events(fat_tree_run):
    run = LabelledRun.from_result(fat_tree_run)
    snapshots = event_snapshots(fat_tree_run.scenario, fat_tree_run)
    for i, data in enumerate(snapshots):
        event = (data.event_time_ns, data.event_flow, data.event_kind)
        assert event == (run.event_time_ns[i], run.event_flow[i], run.event_kind[i])


def test_model_on_a_batch_is_the_model_on_each(fat_tree_run, star):
    scenario = fat_tree_run.scenario
    snapshots = [m4.to_hetero_data(scenario, at_event=i) for i in (0, 120, 200)]
    snapshots += [m4.to_hetero_data(star, at_event=i) for i in (2, 5)]  # 5: nobody is left
    batch = Batch.from_data_list(snapshots)
    assert batch.validate()
    assert batch.event_time_ns.tolist() == [data.event_time_ns for data in snapshots]
    model = randomized(FlowLinkModel(hidden_channels=16))
    states = [
        (torch.randn(data[FLOW].num_nodes, 16), torch.randn(data[LINK].num_nodes, 16))
        for data in snapshots
    ]
    alone = [predict(model, data, *state) for data, state in zip(snapshots, states, strict=True)]
    together = predict(model, batch, *(torch.cat(parts) for parts in zip(*states, strict=True)))
    assert together.extra == {}
    for name in set(together._fields) - {"extra"}:
        expected = torch.cat([getattr(output, name) for output in alone])
        torch.testing.assert_close(getattr(together, name), expected)


def randomized(model):
    torch.manual_seed(0)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return model


def predict(model, data, flow_state, link_state):
    """Runs the model on states in the order of the data's rows."""
    link = data[LINK]
    touched_first = torch.cat((link.touched.nonzero(), (~link.touched).nonzero())).squeeze(1)
    with torch.no_grad():
        return model(to_event_step(data), flow_state, link_state[touched_first])


@pytest.mark.parametrize(
    ("at_event", "message"),
    [
        (-1, r"at_event: expected 0 to 5 \(got -1\)"),
        (6, r"at_event: expected 0 to 5 \(got 6\)"),
        (1.5, r"at_event: expected an integer \(got 1.5\)"),
        (None, r"at_event: expected an integer \(got None\)"),
    ],
)
def test_events_that_do_not_exist(star, at_event, message):
    with pytest.raises(ConfigError, match=message):
        m4.to_hetero_data(star, at_event=at_event)


def test_bad_arguments(star):
    with pytest.raises(ConfigError, match=r"scope: expected one of .*network.* \(got 'all'\)"):
        m4.to_hetero_data(star, at_event=0, scope="all")
    other = star_scenario([(0, 3, LARGE, 0), (1, 3, LARGE, 1), (2, 1, LARGE, 2)])
    with pytest.raises(ConfigError, match="result: expected a result of scenario 'star'"):
        m4.to_hetero_data(star, at_event=0, result=m4.simulate(other, "fluid"))
    empty = star_scenario([])
    with pytest.raises(ConfigError, match=r"at_event: expected a scenario with flows \(got 0\)"):
        m4.to_hetero_data(empty, at_event=0)
    assert list(event_snapshots(empty)) == []


def test_a_result_of_an_equal_scenario_will_do(star):
    result = m4.simulate(star.replace(name="other"), "fluid")
    assert m4.to_hetero_data(star, at_event=0, result=result).event_flow == 7
