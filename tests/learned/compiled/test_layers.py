from __future__ import annotations

import numpy as np
import pytest
import torch
from numba import njit
from torch import nn

from m4graph.learned.compiled.layers import (
    add_normalised,
    add_product,
    fill_rows,
    gru_rows,
    mean_rows,
    relu_rows,
    sigmoid,
    tanh,
)
from m4graph.learned.compiled.weights import _cell


@njit
def each(function, x):
    out = np.empty_like(x)
    for i in range(len(x)):
        out[i] = function(x[i])
    return out


def draw(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_activations_are_as_good_as_float32():
    x = np.linspace(-12, 12, 200_001).astype(np.float32)
    assert np.abs(each(tanh, x) - np.tanh(x.astype(np.float64))).max() < 3e-7
    assert np.abs(each(sigmoid, x) - 1 / (1 + np.exp(-x.astype(np.float64)))).max() < 3e-7
    extremes = np.array([0.0, np.inf, -np.inf, 1e30], np.float32)
    assert each(tanh, extremes) == pytest.approx([0, 1, -1, 1], abs=3e-7)


@pytest.mark.parametrize("function", [tanh, sigmoid])
def test_activations_pass_on_what_is_no_number(function):
    assert np.isnan(each(function, np.array([np.nan], np.float32))).all()


@pytest.mark.parametrize("num_rows", range(10))
@pytest.mark.parametrize(("num_in", "num_out"), [(1, 1), (3, 5), (4, 16), (9, 17), (64, 192)])
def test_product(num_rows, num_in, num_out):
    a, weight, out = draw(0, 12, num_in), draw(1, num_in, num_out), draw(2, 12, num_out + 5)
    expected = out.astype(np.float64)
    expected[:num_rows, 2 : num_out + 2] += a[:num_rows].astype(np.float64) @ weight
    add_product(a, num_rows, weight, out, 2)
    assert out == pytest.approx(expected, abs=3e-6 * num_in)
    assert (out[num_rows:] == draw(2, 12, num_out + 5)[num_rows:]).all()


@pytest.mark.parametrize(("hidden", "num_in"), [(1, 1), (8, 3), (13, 20), (64, 94)])
def test_gru(hidden, num_in):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(hidden)
        cell = nn.GRUCell(num_in, hidden)
    x, state = draw(0, 7, num_in), draw(1, 7, hidden)
    state_dict = {f"cell.{name}": value.numpy() for name, value in cell.state_dict().items()}
    weights = _cell(state_dict, "cell", num_in)
    gates = np.zeros((9, 4 * hidden), np.float32)
    fill_rows(gates, 7, weights.bias)
    add_product(x, 7, weights.from_input, gates, 0)
    add_product(state, 7, weights.from_state, gates, hidden)
    with torch.no_grad():
        expected = cell(torch.from_numpy(x), torch.from_numpy(state.copy())).numpy()
    gru_rows(gates, state, 7)
    assert state == pytest.approx(expected, abs=2e-6)


@pytest.mark.parametrize("width", [1, 8, 13, 64])
def test_norm(width):
    x, message, weight, bias = draw(0, 5, width), draw(1, 5, width), draw(2, width), draw(3, width)
    norm = nn.functional.layer_norm(
        *(torch.from_numpy(message), (width,), torch.from_numpy(weight), torch.from_numpy(bias))
    )
    expected = x + np.maximum(norm.numpy(), 0)
    expected[3:] = x[3:]
    add_normalised(x, message, 3, weight, bias, np.float32(1e-5))
    assert x == pytest.approx(expected, abs=1e-5)


def test_means():
    source = draw(0, 6, 8)
    source_row, target_row = np.array([0, 5, 2, 1, 2, 3]), np.array([1, 1, 0, 3, 2, 1])
    out, degree = draw(1, 5, 8), np.zeros(5, np.int64)
    after = out[3:].copy()
    # The last edge does not count, nor do those into row 3.
    mean_rows(source, source_row, target_row, 5, out, 3, degree)
    assert out[0] == pytest.approx(source[2])
    assert out[1] == pytest.approx((source[0] + source[5]) / 2, abs=1e-6)
    assert out[2] == pytest.approx(source[2])
    assert (out[3:] == after).all()
    mean_rows(source, source_row, target_row, 0, out, 3, degree)
    assert (out[:3] == 0).all()


def test_relu():
    x = np.array([[-1.0, 2.0, np.nan], [-1.0, -2.0, -3.0]], np.float32)
    relu_rows(x, 1)
    assert x[0].tolist()[:2] == [0.0, 2.0]
    assert np.isnan(x[0, 2])
    assert x[1].tolist() == [-1.0, -2.0, -3.0]
