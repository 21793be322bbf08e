"""Layers of a small network, on the few rows of one event, all rows at once (numba).

Weights lie ``[in, out]``, so that the inner loops run along memory and LLVM vectorises them. A
product goes through its weights once, four inputs at a time, for all rows: they are more than a
core's first cache holds, while the rows stay there. On rows this few that is faster than BLAS.
"""

from __future__ import annotations

import numpy as np

from m4graph.core.kernels import inline_kernel, kernel

_ZERO, _HALF, _ONE = np.float32(0.0), np.float32(0.5), np.float32(1.0)

# tanh(x) = x P(x^2) / Q(x^2) up to 3e-7, from Eigen's generic_fast_tanh_float. By pairs of terms,
# as fewer of them then wait for each other.
_TANH_END = np.float32(7.90531110763549805)
_P0, _Q0 = np.float32(4.89352455891786e-03), np.float32(4.89352518554385e-03)
_P1, _Q1 = np.float32(6.37261928875436e-04), np.float32(2.26843463243900e-03)
_P2, _Q2 = np.float32(1.48572235717979e-05), np.float32(1.18534705686654e-04)
_P3, _Q3 = np.float32(5.12229709037114e-08), np.float32(1.19825839466702e-06)
_P4 = np.float32(-8.60467152213735e-11)
_P5 = np.float32(2.00018790482477e-13)
_P6 = np.float32(-2.76076847742355e-16)


@inline_kernel
def tanh(x):
    """Hyperbolic tangent of a float32; NaN stays NaN."""
    x = _TANH_END if x > _TANH_END else x
    x = -_TANH_END if x < -_TANH_END else x
    y = x * x
    z = y * y
    p = _P0 + y * _P1 + z * (_P2 + y * _P3 + z * (_P4 + y * _P5 + z * _P6))
    return x * p / (_Q0 + y * _Q1 + z * (_Q2 + y * _Q3))


@inline_kernel
def sigmoid(x):
    """Logistic function of a float32."""
    return _HALF + _HALF * tanh(_HALF * x)


@kernel
def fill_rows(out, num_rows, bias):
    """Sets each row to the bias."""
    for row in range(num_rows):
        for j in range(len(bias)):
            out[row, j] = bias[j]


@kernel
def add_product(a, num_rows, weight, out, first):
    """Adds ``a[:num_rows] @ weight`` to the columns of ``out`` from ``first`` on."""
    num_in = weight.shape[0]
    k = 0
    while k + 4 <= num_in:
        row = 0
        while row + 4 <= num_rows:
            _add_4_rows(a, row, weight, k, out, first)
            row += 4
        if row + 2 <= num_rows:
            _add_2_rows(a, row, weight, k, out, first)
            row += 2
        if row < num_rows:
            _add_row(a, row, weight, k, out, first)
        k += 4
    while k < num_in:
        for row in range(num_rows):
            _add_input(a[row, k], weight[k], out[row, first:])
        k += 1


@inline_kernel
def _add_4_rows(a, row, weight, k, out, first):
    a00, a01, a02, a03 = a[row, k], a[row, k + 1], a[row, k + 2], a[row, k + 3]
    a10, a11, a12, a13 = a[row + 1, k], a[row + 1, k + 1], a[row + 1, k + 2], a[row + 1, k + 3]
    a20, a21, a22, a23 = a[row + 2, k], a[row + 2, k + 1], a[row + 2, k + 2], a[row + 2, k + 3]
    a30, a31, a32, a33 = a[row + 3, k], a[row + 3, k + 1], a[row + 3, k + 2], a[row + 3, k + 3]
    out0, out1 = out[row, first:], out[row + 1, first:]
    out2, out3 = out[row + 2, first:], out[row + 3, first:]
    for j in range(weight.shape[1]):
        w0, w1, w2, w3 = weight[k, j], weight[k + 1, j], weight[k + 2, j], weight[k + 3, j]
        out0[j] = out0[j] + a00 * w0 + a01 * w1 + a02 * w2 + a03 * w3
        out1[j] = out1[j] + a10 * w0 + a11 * w1 + a12 * w2 + a13 * w3
        out2[j] = out2[j] + a20 * w0 + a21 * w1 + a22 * w2 + a23 * w3
        out3[j] = out3[j] + a30 * w0 + a31 * w1 + a32 * w2 + a33 * w3


@inline_kernel
def _add_2_rows(a, row, weight, k, out, first):
    a00, a01, a02, a03 = a[row, k], a[row, k + 1], a[row, k + 2], a[row, k + 3]
    a10, a11, a12, a13 = a[row + 1, k], a[row + 1, k + 1], a[row + 1, k + 2], a[row + 1, k + 3]
    out0, out1 = out[row, first:], out[row + 1, first:]
    for j in range(weight.shape[1]):
        w0, w1, w2, w3 = weight[k, j], weight[k + 1, j], weight[k + 2, j], weight[k + 3, j]
        out0[j] = out0[j] + a00 * w0 + a01 * w1 + a02 * w2 + a03 * w3
        out1[j] = out1[j] + a10 * w0 + a11 * w1 + a12 * w2 + a13 * w3


@inline_kernel
def _add_row(a, row, weight, k, out, first):
    a0, a1, a2, a3 = a[row, k], a[row, k + 1], a[row, k + 2], a[row, k + 3]
    out0 = out[row, first:]
    for j in range(weight.shape[1]):
        w0, w1, w2, w3 = weight[k, j], weight[k + 1, j], weight[k + 2, j], weight[k + 3, j]
        out0[j] = out0[j] + a0 * w0 + a1 * w1 + a2 * w2 + a3 * w3


@inline_kernel
def _add_input(value, weight, out):
    for j in range(len(weight)):
        out[j] += value * weight[j]


@kernel
def relu_rows(x, num_rows):
    """Cuts off what is below zero, in place; NaN stays NaN."""
    for row in range(num_rows):
        for j in range(x.shape[1]):
            value = x[row, j]
            x[row, j] = _ZERO if value < _ZERO else value


@kernel
def open_gates(x, gates, num_rows):
    """Multiplies each row by 1 and the first columns of its gates, in place."""
    for row in range(num_rows):
        for j in range(x.shape[1]):
            x[row, j] += gates[row, j] * x[row, j]


@kernel
def gru_rows(gates, state, num_rows):
    """The new state of a GRU cell, in place, from its gates before their activation.

    Shapes:
        - ``state`` ``[num_rows, hidden]``; ``gates`` ``[num_rows, 4 * hidden]``: the candidate's
          share of the input, reset, update, the candidate's share of the state
    """
    hidden = state.shape[1]
    for row in range(num_rows):
        for j in range(hidden):
            reset = sigmoid(gates[row, hidden + j])
            update = sigmoid(gates[row, 2 * hidden + j])
            candidate = tanh(gates[row, j] + reset * gates[row, 3 * hidden + j])
            state[row, j] = candidate + update * (state[row, j] - candidate)


@kernel
def add_normalised(x, message, num_rows, weight, bias, epsilon):
    """Adds ``relu(LayerNorm(message))`` to ``x``; of ``message``, its mean is taken off."""
    width = len(weight)
    share = _ONE / np.float32(width)
    for row in range(num_rows):
        off = message[row, :width]
        mean = _total(off) * share
        for j in range(width):
            off[j] -= mean
        scale = _ONE / np.sqrt(dot(off, off) * share + epsilon)
        for j in range(width):
            value = off[j] * scale * weight[j] + bias[j]
            x[row, j] += _ZERO if value < _ZERO else value


# In one sum each addition would wait for the one before; in four, side by side, it does not.
@inline_kernel
def _total(a):
    """The sum of a row."""
    whole = len(a) & ~3
    total0, total1, total2, total3 = _ZERO, _ZERO, _ZERO, _ZERO
    for j in range(0, whole, 4):
        total0 += a[j]
        total1 += a[j + 1]
        total2 += a[j + 2]
        total3 += a[j + 3]
    for j in range(whole, len(a)):
        total0 += a[j]
    return (total0 + total1) + (total2 + total3)


@inline_kernel
def dot(a, b):
    """The sum of the products of ``a`` and the first columns of ``b``."""
    whole = len(a) & ~3
    total0, total1, total2, total3 = _ZERO, _ZERO, _ZERO, _ZERO
    for j in range(0, whole, 4):
        total0 += a[j] * b[j]
        total1 += a[j + 1] * b[j + 1]
        total2 += a[j + 2] * b[j + 2]
        total3 += a[j + 3] * b[j + 3]
    for j in range(whole, len(a)):
        total0 += a[j] * b[j]
    return (total0 + total1) + (total2 + total3)


@kernel
def mean_rows(source, source_row, target_row, num_edges, out, num_rows, degree):
    """Means of the source rows over the edges into each of the first ``num_rows`` targets.

    A target without edges gets 0. Edges into other targets are left out.
    """
    width = source.shape[1]
    for row in range(num_rows):
        degree[row] = 0
        for j in range(width):
            out[row, j] = _ZERO
    for edge in range(num_edges):
        target, row = target_row[edge], source_row[edge]
        if target < num_rows:
            degree[target] += 1
            for j in range(width):
                out[target, j] += source[row, j]
    for row in range(num_rows):
        share = _ONE / np.float32(max(degree[row], 1))
        for j in range(width):
            out[row, j] *= share
