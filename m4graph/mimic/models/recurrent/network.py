"""The network of one direction, in torch, and its weights as arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from m4graph.mimic.models.recurrent.config import RecurrentConfig


class RecurrentNetwork(nn.Module):
    """Recurrent layers, and a linear head of three numbers.

    Args:
        config (RecurrentConfig): Cell, width and number of layers.
        num_features (int): Of a step.
    """

    def __init__(self, config: RecurrentConfig, num_features: int) -> None:
        super().__init__()
        layers = nn.LSTM if config.cell == "lstm" else nn.GRU
        width = width_of(config, num_features)
        self.layers: nn.RNNBase = layers(num_features, width, config.num_layers)
        self.head = nn.Linear(width, 3)

    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """Predicts at each step.

        Args:
            x (Tensor): float32 ``[num_steps, batch, num_features]``.
            state (optional): As it was given back. (default: zeros)

        Returns:
            Tensor ``[num_steps, batch, 3]``, and the state after the last step.
        """
        hidden, state = self.layers(x, state)
        return self.head(hidden), state


def width_of(config: RecurrentConfig, num_features: int) -> int:
    """Channels of each layer."""
    return config.hidden_channels or num_features * config.window


def flat_weights(network: RecurrentNetwork, config: RecurrentConfig) -> NDArray[np.float32]:
    """All weights in the order in which :mod:`.cells` reads them.

    Of each layer: the bias ``[4 * width]``, the weights of the input and those of the state,
    ``[in, gates * width]``; then the head's weight ``[width, 3]`` and bias.

    An LSTM's gates are torch's: input, forget, cell, output. A GRU's are the candidate's share of
    the input, reset, update, and the candidate's share of the state; the input has the first three
    of them, the state the last three.
    """
    parts: list[Tensor] = []
    for layer in range(config.num_layers):
        w_in, w_state, b_in, b_state = (
            getattr(network.layers, f"{name}_l{layer}")
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        if config.cell == "lstm":
            bias = b_in + b_state
        else:
            (in_r, in_u, in_c), (reset, update, candidate) = b_in.chunk(3), b_state.chunk(3)
            bias = torch.cat([in_c, in_r + reset, in_u + update, candidate])
            w_in = torch.cat([w_in.chunk(3)[gate] for gate in (2, 0, 1)])
        parts += [bias, w_in.T, w_state.T]
    parts += [network.head.weight.T, network.head.bias]
    flat = torch.cat([part.detach().reshape(-1) for part in parts])
    return flat.to(torch.float32).numpy().copy()


def num_weights(config: RecurrentConfig, num_features: int) -> int:
    """Length of :func:`flat_weights`."""
    width = width_of(config, num_features)
    gates = 4 if config.cell == "lstm" else 3
    inputs = num_features + (config.num_layers - 1) * width
    layers = inputs * gates * width + config.num_layers * (gates * width**2 + 4 * width)
    return layers + 3 * width + 3
