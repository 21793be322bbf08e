"""Recurrent layers for one step of one sequence, in float32 (numba)."""

from __future__ import annotations

from m4graph.core.kernels import inline_kernel, kernel
from m4graph.learned.compiled.layers import gru_rows, sigmoid, tanh


@kernel
def step_network(plan, weights, state, inputs, gates, out):
    """Moves the state of all layers by a step and fills in the head's three numbers.

    Args:
        plan: Record of :data:`~m4graph.mimic.models.recurrent.rollout.PLAN`.
        weights: float32, as :func:`~m4graph.mimic.models.recurrent.network.flat_weights` gives
            them.
        state: float32 ``[num_layers, 2, width]``: a layer's output, and its cell if it has one.
        inputs: float32 ``[num_features]``.
        gates: float32 ``[1, 4 * width]``, for scratch.
        out: float32 ``[3]``.
    """
    width, num_in = plan.width, plan.num_features
    num_gates = 3 if plan.is_gru else 4
    at = 0
    for layer in range(plan.num_layers):
        for j in range(4 * width):
            gates[0, j] = weights[at + j]
        at += 4 * width
        x = inputs if layer == 0 else state[layer - 1, 0]
        size = num_in * num_gates * width
        _add_product(x, weights[at : at + size], gates[0, : num_gates * width])
        at += size
        size = width * num_gates * width
        of_state = gates[0, (4 - num_gates) * width :]
        _add_product(state[layer, 0], weights[at : at + size], of_state)
        at += size
        if plan.is_gru:
            gru_rows(gates, state[layer], 1)
        else:
            _lstm(gates[0], state[layer, 0], state[layer, 1])
        num_in = width
    for j in range(3):
        out[j] = weights[at + 3 * width + j]
    _add_product(state[plan.num_layers - 1, 0], weights[at : at + 3 * width], out)


@kernel
def _add_product(x, weight, out):
    """Adds ``x @ weight`` to ``out``, four inputs at a time; weight lies ``[in, out]``, flat."""
    width, k = len(out), 0
    while k + 4 <= len(x):
        x0, x1, x2, x3 = x[k], x[k + 1], x[k + 2], x[k + 3]
        w0, w1 = weight[k * width :], weight[(k + 1) * width :]
        w2, w3 = weight[(k + 2) * width :], weight[(k + 3) * width :]
        for j in range(width):
            out[j] = out[j] + x0 * w0[j] + x1 * w1[j] + x2 * w2[j] + x3 * w3[j]
        k += 4
    while k < len(x):
        for j in range(width):
            out[j] += x[k] * weight[k * width + j]
        k += 1


@inline_kernel
def _lstm(gates, hidden, cell):
    """Gates: input, forget, cell, output, before their activation."""
    width = len(hidden)
    for j in range(width):
        kept = sigmoid(gates[width + j]) * cell[j]
        cell[j] = kept + sigmoid(gates[j]) * tanh(gates[2 * width + j])
        hidden[j] = sigmoid(gates[3 * width + j]) * tanh(cell[j])
