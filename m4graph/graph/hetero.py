"""Events of a run as ``HeteroData`` of PyTorch Geometric, and back to what the model reads."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch_geometric.data import HeteroData

from m4graph.core.calls import plain_call
from m4graph.core.errors import ConfigError, one_of
from m4graph.graph.schema import CROSSED_BY, CROSSES, FLOW, LINK
from m4graph.graph.step import EventStep
from m4graph.graph.survey import Surveyor, warm_up
from m4graph.results import RUN_FCT_NS, SimulationResult
from m4graph.runs.events import event_stream, true_stream
from m4graph.runs.flow_network import FlowNetwork
from m4graph.runs.labelled_run import LabelledRun
from m4graph.scenario import Scenario
from m4graph.simulators import simulate

Scope = Literal["event", "network"]


@plain_call
def to_hetero_data(
    scenario: Scenario,
    at_event: int,
    result: SimulationResult | None = None,
    scope: Scope = "event",
) -> HeteroData:
    """The flows and links of a network just after an event, as a graph.

    Events are the flow arrivals and departures of a run, in the order of time. Snapshots of any
    scenarios can be put into one ``torch_geometric.data.Batch``.

    Args:
        scenario (Scenario): The scenario.
        at_event (int): Which event, from 0.
        result (SimulationResult, optional): Whose departures; any simulator's. (default: those of
            the fluid simulator)
        scope (str, optional): ``"event"``: exactly what the model reads at this event. These are
            the flows that share a link with the event's flow, and all links of theirs.
            ``"network"``: all active flows, and all links. (default: ``"event"``)

    Shapes:
        - ``flow.x`` ``[num_flows, num_flow_features]``, ``link.x``
          ``[num_links, num_link_features]``: columns as named in :mod:`m4graph.graph.schema`
        - ``flow.gap``, ``link.gap`` float32: log of the time since the last event that touched it
        - ``flow.touched``, ``link.touched`` bool: whose state the event updates; flows that share a
          link with the event's flow, links of its route
        - ``flow.n_id``, ``link.n_id`` int64: row of the workload, and of the network's links
        - ``flow.flow_id`` int64: ids of the workload
        - ``("flow", "crosses", "link")``: with scope ``"event"``, onto touched links only
        - both with ``edge_attr`` ``[num_edges, num_edge_features]``: the place on the route
        - ``("link", "rev_crosses", "flow")``: the whole route of every flow, hop by hop
        - of the graph: ``event_time_ns``, ``event_kind`` (0 arrival, 1 departure), ``event_flow``
          (an id of the workload), ``at_event``: integers

    Raises:
        ConfigError: If there is no such event (the message names the valid range) or scope, or the
            result is another scenario's.
    """
    if scope not in get_args(Scope):
        raise ConfigError(f"scope: expected {one_of(get_args(Scope))} (got {scope!r})")
    events = _events(scenario, result)
    index = _checked_index(at_event, len(events))
    tracker = Surveyor([FlowNetwork.from_scenario(scenario)])
    for i in range(index):
        tracker.step(events[i : i + 1])
    event = events[index : index + 1]
    step = tracker.survey(event) if scope == "network" else tracker.step(event)
    data = _to_data(scenario, step, event[0], index)
    if scope == "network":
        data[CROSSES].edge_index = step.crossed_by.flip(0)
        data[CROSSES].edge_attr = step.crossed_by_x
    return data


@plain_call
def event_snapshots(
    scenario: Scenario, result: SimulationResult | None = None
) -> Iterator[HeteroData]:
    """The graphs of all events of a run, one after the other: what a model reads as it goes along.

    Args:
        scenario (Scenario): The scenario.
        result (SimulationResult, optional): Whose departures. (default: the fluid simulator's)

    Yields:
        HeteroData: As :func:`to_hetero_data` with scope ``"event"``.

    Raises:
        ConfigError: If the result is another scenario's.
    """
    events = _events(scenario, result)
    if len(events):
        tracker = Surveyor([FlowNetwork.from_scenario(scenario)])
        for i in range(len(events)):
            step = tracker.step(events[i : i + 1])
            yield _to_data(scenario, step, events[i], i)


@plain_call
def to_event_step(data: HeteroData) -> EventStep:
    """What the model reads, from a snapshot or from a ``Batch`` of them.

    The rows of a batch are those of its flows; touched links come first, so that ``link_ids`` gives
    the order of the step's links. With scope ``"network"`` too, only touched nodes count.

    Args:
        data (HeteroData): From :func:`to_hetero_data`, on any device.
    """
    flow, link = data[FLOW], data[LINK]
    routes, routes_x = data[CROSSED_BY].edge_index, data[CROSSED_BY].edge_attr
    of_touched = flow.touched[routes[1]]
    routes, routes_x = routes[:, of_touched], routes_x[of_touched]
    is_read = torch.zeros_like(link.touched).index_fill_(0, routes[0], True) | link.touched
    # Touched links first, then those that are only read; both in the order of the rows.
    link_rows = torch.cat((_rows(link.touched), _rows(is_read & ~link.touched)))
    flow_rows = _rows(flow.touched)
    step_row_of_link = _inverse(link_rows, len(is_read))
    step_row_of_flow = _inverse(flow_rows, len(flow.touched))
    crossed_by = torch.stack((step_row_of_link[routes[0]], step_row_of_flow[routes[1]]))
    num_updated = int(link.touched.sum())
    onto_updated = crossed_by[0] < num_updated
    return EventStep(
        flow_ids=flow.n_id[flow_rows],
        flow_x=flow.x[flow_rows],
        flow_gap=flow.gap[flow_rows],
        link_ids=link.n_id[link_rows],
        link_x=link.x[link_rows],
        link_gap=link.gap[link_rows],
        num_updated=num_updated,
        crosses=crossed_by[:, onto_updated].flip(0),
        crosses_x=routes_x[onto_updated],
        crossed_by=crossed_by,
        crossed_by_x=routes_x,
    )


def _events(scenario: Scenario, result: SimulationResult | None) -> NDArray[np.void]:
    warm_up()
    if result is None:
        result = simulate(scenario, "fluid")
    _check_result(scenario, result)
    if result.extra.get("labels") is not None:
        return true_stream(LabelledRun.from_result(result))
    fct_ns = result.extra.get(RUN_FCT_NS, result.fct_ns)
    return event_stream(FlowNetwork.from_scenario(scenario), fct_ns)


def _check_result(scenario: Scenario, result: SimulationResult) -> None:
    own, other = scenario.workload, result.scenario.workload
    if result.scenario is scenario:
        return
    pairs = [
        (own.id, other.id),
        (own.start_ns, other.start_ns),
        (own.size_bytes, other.size_bytes),
        (scenario.ideal_fct_ns, result.ideal_fct_ns),
    ]
    if not all(np.array_equal(a, b) for a, b in pairs):
        raise ConfigError(
            f"result: expected a result of scenario {scenario.name!r} "
            f"(got one with other flows, of {result.scenario.name!r})"
        )


def _checked_index(at_event: int, num_events: int) -> int:
    try:
        index = operator.index(at_event)
    except TypeError:
        raise ConfigError(f"at_event: expected an integer (got {at_event!r})") from None
    if not 0 <= index < num_events:
        valid = f"0 to {num_events - 1}" if num_events else "a scenario with flows"
        raise ConfigError(f"at_event: expected {valid} (got {index})")
    return index


def _to_data(scenario: Scenario, step: EventStep, event: np.void, index: int) -> HeteroData:
    flow_ids = scenario.workload.id
    data = HeteroData()
    flow, link = data[FLOW], data[LINK]
    flow.x, flow.gap, flow.n_id = step.flow_x, step.flow_gap, step.flow_ids
    flow.flow_id = torch.from_numpy(flow_ids[step.flow_ids.numpy()])
    flow.touched = torch.zeros(len(step.flow_ids), dtype=torch.bool)
    flow.touched[step.crosses[0]] = True
    link.x, link.gap, link.n_id = step.link_x, step.link_gap, step.link_ids
    link.touched = torch.arange(len(step.link_ids)) < step.num_updated
    data[CROSSES].edge_index, data[CROSSES].edge_attr = step.crosses, step.crosses_x
    data[CROSSED_BY].edge_index = step.crossed_by
    data[CROSSED_BY].edge_attr = step.crossed_by_x
    data.event_time_ns = int(event["time_ns"])
    data.event_kind = int(event["kind"])
    data.event_flow = int(flow_ids[event["flow"]])
    data.at_event = index
    return data


def _rows(mask: Tensor) -> Tensor:
    return mask.nonzero().squeeze(1)


def _inverse(rows: Tensor, length: int) -> Tensor:
    inverse = torch.full((length,), -1, dtype=torch.int64, device=rows.device)
    inverse[rows] = torch.arange(len(rows), device=rows.device)
    return inverse
