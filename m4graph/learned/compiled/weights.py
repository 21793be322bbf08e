"""A model's weights as the arrays that the kernels read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from m4graph.core.errors import ConfigError
from m4graph.graph.schema import FLOW_FEATURES, LINK_FEATURES

if TYPE_CHECKING:
    from torch import nn

    from m4graph.nn.model import FlowLinkModel

Array = NDArray[np.float32]
State = Mapping[str, Array]
"""A model's parameters by their names in its ``state_dict``."""

CONVS = ("sage", "pair")
"""Layers that the kernels run, by their names in :data:`m4graph.nn.conv.CONVS`."""

_NORM_EPSILON = 1e-5
"""What torch's ``LayerNorm`` adds to the variance."""


class Cell(NamedTuple):
    """A GRU cell. Columns are gates; a cell has four: the candidate's share of the input, reset,
    update, and the candidate's share of the state, which only the reset gate lets through.

    Shapes:
        - ``bias`` ``[4 * hidden]``
        - ``from_input`` ``[num_in, 3 * hidden]``: the first three gates
        - ``from_x`` ``[num_x, 3 * hidden]``: the same, for the features (none in a time cell)
        - ``from_state`` ``[hidden, 3 * hidden]``: the last three
    """

    bias: Array
    from_input: Array
    from_x: Array
    from_state: Array


class Dense(NamedTuple):
    """A linear map of states and features: ``bias`` ``[num_out]``, ``from_state``
    ``[hidden, num_out]``, ``from_x`` ``[num_x, num_out]``.
    """

    bias: Array
    from_state: Array
    from_x: Array


class Rounds(NamedTuple):
    """Layers that carry messages to one kind of node, a round of messages after another.

    Shapes:
        - ``from_mean``, ``from_own`` ``[num_rounds, hidden, hidden]``
        - ``bias``, ``norm_weight``, ``norm_bias`` ``[num_rounds, hidden]``; ``epsilon``
          ``[num_rounds]``
        - ``gate`` ``[num_gates, hidden, hidden]``, ``gate_bias`` ``[num_gates, hidden]``: of the
          layer ``"pair"``; of ``"sage"`` there are none
    """

    from_mean: Array
    from_own: Array
    gate: Array
    gate_bias: Array
    bias: Array
    norm_weight: Array
    norm_bias: Array
    epsilon: Array


class Side(NamedTuple):
    """What happens to the nodes of one kind."""

    time_cell: Cell
    encoder: Dense
    rounds: Rounds
    rate_cell: Cell


class QuantileHeads(NamedTuple):
    """All heads of :class:`~m4graph.nn.heads.SlowdownQuantileHead`, one after the other.

    Shapes:
        - ``level`` float64 ``[num_heads]``
        - ``bias`` ``[num_heads, hidden]``, ``from_state`` ``[num_heads, hidden, hidden]``,
          ``from_x`` ``[num_heads, num_x, hidden]``: first layers
        - ``last_weight`` ``[num_heads, hidden]``, ``last_bias`` ``[num_heads]``: last layers;
          shifts are in the biases
    """

    level: NDArray[np.float64]
    bias: Array
    from_state: Array
    from_x: Array
    last_weight: Array
    last_bias: Array


class Weights(NamedTuple):
    """A :class:`~m4graph.nn.FlowLinkModel` without the heads that no result depends on.

    Args:
        memory (bool): Whether states live on.

    Shapes:
        - ``last_weight`` ``[2, hidden]``, ``last_bias`` ``[2]``: of the slowdown head's last layer
    """

    flow: Side
    link: Side
    head: Dense
    last_weight: Array
    last_bias: Array
    quantiles: QuantileHeads
    memory: bool


def misfit(model: nn.Module) -> str | None:
    """Why a model cannot be compiled, as in "one with conv 'gat'"; None if it can."""
    from m4graph.nn.conv import conv_name
    from m4graph.nn.model import FlowLinkModel

    if type(model) is not FlowLinkModel:
        return f"a {type(model).__name__}"
    try:
        name = conv_name(model.conv)
    except ConfigError:
        name = getattr(model.conv, "__name__", str(model.conv))
    if name not in CONVS:
        return f"one with conv {name!r}"
    if model.conv_kwargs:
        return f"one whose conv has the options {model.conv_kwargs}"
    if not (model.time_cells and model.prior and model.num_layers) or model.scope != "hop":
        return "one that leaves out a part of the standard model"
    channels = (model.flow_channels, model.link_channels)
    if channels != (len(FLOW_FEATURES), len(LINK_FEATURES)):
        return f"one for {channels[0]} flow and {channels[1]} link features"
    return None


def export_weights(model: FlowLinkModel) -> Weights:
    """Copies the weights of a model that fits (see :func:`misfit`)."""
    from m4graph.nn.heads import quantile_heads

    state = {name: each.cpu().float().numpy() for name, each in model.state_dict().items()}
    levels = {name: head.level for name, head in quantile_heads(model).items()}
    return arrange_weights(state, model.num_layers, levels, model.memory)


def arrange_weights(
    state: State, num_layers: int, levels: Mapping[str, float], memory: bool = True
) -> Weights:
    """The arrays of the kernels, copied from the parameters of a model.

    Args:
        state (Mapping[str, np.ndarray]): All of them, float32.
        num_layers (int): Rounds of messages.
        levels (Mapping[str, float]): Of the quantile heads, by their names.
        memory (bool, optional): Whether states live on. (default: ``True``)
    """
    return Weights(
        flow=_side(state, "flow", num_layers),
        link=_side(state, "link", num_layers),
        head=_dense(state, "slowdown_head.0"),
        last_weight=_array(state["slowdown_head.2.weight"]),
        last_bias=_array(state["slowdown_head.2.bias"]),
        quantiles=_quantile_heads(state, levels),
        memory=memory,
    )


def _quantile_heads(state: State, levels: Mapping[str, float]) -> QuantileHeads:
    heads = [f"extra_heads.{name}" for name in levels]
    # Without a head, the shapes of the slowdown head: kernels see arrays of the same kinds.
    first = [_dense(state, f"{head}.mlp.0") for head in heads] or [_dense(state, "slowdown_head.0")]
    hidden, count = len(first[0].bias), len(heads)
    last_weight, last_bias = np.zeros((count, hidden), np.float32), np.zeros(count, np.float32)
    for k, head in enumerate(heads):
        last_weight[k] = state[f"{head}.mlp.2.weight"][0]
        last_bias[k] = state[f"{head}.mlp.2.bias"][0] + state[f"{head}.shift"]
    return QuantileHeads(
        level=np.array(list(levels.values()), np.float64),
        bias=_array(np.stack([each.bias for each in first])[:count]),
        from_state=_array(np.stack([each.from_state for each in first])[:count]),
        from_x=_array(np.stack([each.from_x for each in first])[:count]),
        last_weight=last_weight,
        last_bias=last_bias,
    )


def _side(state: State, kind: str, num_layers: int) -> Side:
    hidden = len(state[f"{kind}_encoder.bias"])
    return Side(
        time_cell=_cell(state, f"{kind}_time_cell", 1),
        encoder=_dense(state, f"{kind}_encoder"),
        rounds=_rounds(state, kind, num_layers),
        rate_cell=_cell(state, f"{kind}_rate_cell", hidden),
    )


def _array(values: ArrayLike) -> Array:
    return np.array(values, np.float32, order="C")


def _cell(state: State, name: str, num_in: int) -> Cell:
    # torch: reset, update, candidate.
    reset_in, update_in, candidate_in = np.split(state[f"{name}.weight_ih"], 3)
    bias_in, bias_state = (np.split(state[f"{name}.bias_{kind}"], 3) for kind in ("ih", "hh"))
    from_input = np.concatenate((candidate_in, reset_in, update_in)).T
    biases = (bias_in[2], bias_in[0] + bias_state[0], bias_in[1] + bias_state[1], bias_state[2])
    return Cell(
        bias=_array(np.concatenate(biases)),
        from_input=_array(from_input[:num_in]),
        from_x=_array(from_input[num_in:]),
        from_state=_array(state[f"{name}.weight_hh"].T),
    )


def _dense(state: State, name: str) -> Dense:
    weight, bias = state[f"{name}.weight"].T, state[f"{name}.bias"]
    hidden = len(bias)
    return Dense(
        bias=_array(bias), from_state=_array(weight[:hidden]), from_x=_array(weight[hidden:])
    )


def _rounds(state: State, kind: str, num_layers: int) -> Rounds:
    convs = [f"{kind}_convs.{layer}" for layer in range(num_layers)]
    norms = [f"{kind}_norms.{layer}" for layer in range(num_layers)]
    gated = [conv for conv in convs if f"{conv}.lin_gate.weight" in state]
    square = state[f"{convs[0]}.lin_r.weight"].shape
    return Rounds(
        from_mean=_array(np.stack([state[f"{conv}.lin_l.weight"].T for conv in convs])),
        from_own=_array(np.stack([state[f"{conv}.lin_r.weight"].T for conv in convs])),
        gate=_array([state[f"{conv}.lin_gate.weight"].T for conv in gated]).reshape(-1, *square),
        gate_bias=_array([state[f"{conv}.lin_gate.bias"] for conv in gated]).reshape(-1, square[0]),
        bias=_array(np.stack([state[f"{conv}.lin_l.bias"] for conv in convs])),
        norm_weight=_array(np.stack([state[f"{norm}.weight"] for norm in norms])),
        norm_bias=_array(np.stack([state[f"{norm}.bias"] for norm in norms])),
        epsilon=np.full(num_layers, _NORM_EPSILON, np.float32),
    )
