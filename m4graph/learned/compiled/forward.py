"""The model's forward for one event, layer by layer as in :class:`m4graph.nn.FlowLinkModel`.

Only the heads for the remaining share and the queue are left out, as they serve training alone, and
extra heads but those of quantiles.
"""

from __future__ import annotations

import math

from m4graph.core.kernels import kernel
from m4graph.graph.schema import FLOW_FEATURES, MOST_LOG_RATIO
from m4graph.graph.tracker_state import NUM_EDGES, NUM_FLOWS, NUM_LINKS, NUM_UPDATED
from m4graph.learned.compiled.layers import (
    add_normalised,
    add_product,
    dot,
    fill_rows,
    gru_rows,
    mean_rows,
    open_gates,
    relu_rows,
)

_LOG_PRIOR, _LOG_NOW = (FLOW_FEATURES.index(name) for name in ("log_prior", "log_now"))


@kernel
def forward(weights, step, memory, scratch):
    """Updates the states of an event's flows and links and predicts the flows' slowdowns.

    Args:
        weights (Weights): The model.
        step (TrackerState): Holds the event's graph.
        memory (Memory): The states, and the quantiles.
        scratch (Scratch): With room for the event; gets ``log_slowdown``.
    """
    num_flows, num_updated = step.counts[NUM_FLOWS], step.counts[NUM_UPDATED]
    num_links, num_edges = step.counts[NUM_LINKS], step.counts[NUM_EDGES]
    flow, link = scratch.flow, scratch.link
    for i in range(num_flows):
        _copy_row(memory.flow_state, memory.row_of_flow[step.flow_ids[i]], flow.state, i)
    for i in range(num_links):
        _copy_row(memory.link_state, step.link_ids[i], link.state, i)

    # Links that are only read are not brought up to now.
    _pass_time(weights.flow.time_cell, step.flow_gap, flow, num_flows)
    _pass_time(weights.link.time_cell, step.link_gap, link, num_updated)
    _dense(weights.flow.encoder, flow.state, step.flow_x, num_flows, flow.message)
    _dense(weights.link.encoder, link.state, step.link_x, num_links, link.message)
    relu_rows(flow.message, num_flows)
    relu_rows(link.message, num_links)

    for k in range(len(weights.link.rounds.bias)):
        mean_rows(
            flow.message,
            step.edge_flow,
            step.edge_link,
            num_edges,
            link.mean,
            num_updated,
            link.degree,
        )
        _hear(weights.link.rounds, k, link, num_updated)
        mean_rows(
            link.message,
            step.edge_link,
            step.edge_flow,
            num_edges,
            flow.mean,
            num_flows,
            flow.degree,
        )
        _hear(weights.flow.rounds, k, flow, num_flows)

    _update(weights.flow.rate_cell, step.flow_x, flow, num_flows)
    _update(weights.link.rate_cell, step.link_x, link, num_updated)
    _dense(weights.head, flow.state, step.flow_x, num_flows, flow.result)
    relu_rows(flow.result, num_flows)
    for i in range(num_flows):
        log_prior, log_now = step.flow_x[i, _LOG_PRIOR], step.flow_x[i, _LOG_NOW]
        share = math.exp(min(log_now - log_prior, 0.0))
        left, passed = _factor(weights, flow.result[i], 0), _factor(weights, flow.result[i], 1)
        ratio = (1.0 - share) * left + share * passed
        scratch.log_slowdown[i] = log_prior + math.log(ratio)
    _keep_quantiles(weights.quantiles, step, flow, num_flows, memory.log_quantile)

    if not weights.memory:
        return
    for i in range(num_flows):
        _copy_row(flow.state, i, memory.flow_state, memory.row_of_flow[step.flow_ids[i]])
    for i in range(num_updated):
        _copy_row(link.state, i, memory.link_state, step.link_ids[i])


@kernel
def _factor(weights, hidden, row):
    """What the slowdown head corrects a part of the estimate by."""
    raw = weights.last_bias[row] + dot(weights.last_weight[row], hidden)
    return math.exp(MOST_LOG_RATIO * math.tanh(raw / MOST_LOG_RATIO))


@kernel
def _keep_quantiles(heads, step, flow, num_flows, log_quantile):
    """What each quantile head says of the touched flows."""
    for k in range(len(heads.level)):
        fill_rows(flow.result, num_flows, heads.bias[k])
        add_product(flow.state, num_flows, heads.from_state[k], flow.result, 0)
        add_product(step.flow_x, num_flows, heads.from_x[k], flow.result, 0)
        relu_rows(flow.result, num_flows)
        for i in range(num_flows):
            log_ratio = heads.last_bias[k] + dot(heads.last_weight[k], flow.result[i])
            log_quantile[step.flow_ids[i], k] = step.flow_x[i, _LOG_PRIOR] + log_ratio


@kernel
def _copy_row(source, source_row, target, target_row):
    for j in range(source.shape[1]):
        target[target_row, j] = source[source_row, j]


@kernel
def _dense(layer, state, x, num_rows, out):
    """A linear map of ``[state, x]``."""
    fill_rows(out, num_rows, layer.bias)
    add_product(state, num_rows, layer.from_state, out, 0)
    add_product(x, num_rows, layer.from_x, out, 0)


@kernel
def _pass_time(cell, gap, rows, num_rows):
    """Brings states up to now: a GRU cell whose input is the time since the last update."""
    for row in range(num_rows):
        for j in range(len(cell.bias)):
            rows.gates[row, j] = cell.bias[j]
        for j in range(cell.from_input.shape[1]):
            rows.gates[row, j] += gap[row] * cell.from_input[0, j]
    add_product(rows.state, num_rows, cell.from_state, rows.gates, rows.state.shape[1])
    gru_rows(rows.gates, rows.state, num_rows)


@kernel
def _update(cell, x, rows, num_rows):
    """The states after the event: a GRU cell whose input is what was heard, and the features."""
    fill_rows(rows.gates, num_rows, cell.bias)
    add_product(rows.message, num_rows, cell.from_input, rows.gates, 0)
    add_product(x, num_rows, cell.from_x, rows.gates, 0)
    add_product(rows.state, num_rows, cell.from_state, rows.gates, rows.state.shape[1])
    gru_rows(rows.gates, rows.state, num_rows)


@kernel
def _hear(rounds, k, rows, num_rows):
    """Adds what a node hears from the mean of its neighbours, and from itself."""
    fill_rows(rows.result, num_rows, rounds.bias[k])
    add_product(rows.mean, num_rows, rounds.from_mean[k], rows.result, 0)
    if len(rounds.gate):
        fill_rows(rows.gates, num_rows, rounds.gate_bias[k])
        add_product(rows.message, num_rows, rounds.gate[k], rows.gates, 0)
        open_gates(rows.result, rows.gates, num_rows)
    add_product(rows.message, num_rows, rounds.from_own[k], rows.result, 0)
    norm_weight, norm_bias = rounds.norm_weight[k], rounds.norm_bias[k]
    add_normalised(rows.message, rows.result, num_rows, norm_weight, norm_bias, rounds.epsilon[k])
