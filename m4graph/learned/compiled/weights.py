"""A model's weights as the arrays that the kernels read."""

from __future__ import annotations

from typing import NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch_geometric.nn.conv import SAGEConv

from m4graph.core.errors import ConfigError
from m4graph.graph.schema import FLOW_FEATURES, LINK_FEATURES
from m4graph.nn import FlowLinkModel
from m4graph.nn.conv import conv_name

Array = NDArray[np.float32]


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
    """

    from_mean: Array
    from_own: Array
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


class Weights(NamedTuple):
    """A :class:`~m4graph.nn.FlowLinkModel` without the heads that no FCT depends on.

    Shapes:
        - ``last_weight`` ``[hidden]``, ``last_bias`` ``[1]``: of the slowdown head's last layer
    """

    flow: Side
    link: Side
    head: Dense
    last_weight: Array
    last_bias: Array


def misfit(model: nn.Module) -> str | None:
    """Why a model cannot be compiled, as in "one with conv 'gat'"; None if it can."""
    if type(model) is not FlowLinkModel:
        return f"a {type(model).__name__}"
    try:
        name = conv_name(model.conv)
    except ConfigError:
        name = getattr(model.conv, "__name__", str(model.conv))
    if name != "sage":
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
    hidden = model.hidden_channels
    first, last = cast(nn.Linear, model.slowdown_head[0]), cast(nn.Linear, model.slowdown_head[-1])
    return Weights(
        flow=Side(
            time_cell=_cell(model.flow_time_cell, 1),
            encoder=_dense(model.flow_encoder, hidden),
            rounds=_rounds(model.flow_convs, model.flow_norms),
            rate_cell=_cell(model.flow_rate_cell, hidden),
        ),
        link=Side(
            time_cell=_cell(model.link_time_cell, 1),
            encoder=_dense(model.link_encoder, hidden),
            rounds=_rounds(model.link_convs, model.link_norms),
            rate_cell=_cell(model.link_rate_cell, hidden),
        ),
        head=_dense(first, hidden),
        last_weight=_array(last.weight[0]),
        last_bias=_array(last.bias),
    )


def _array(tensor: Tensor) -> Array:
    return np.array(tensor.detach().cpu().float().numpy(), order="C")


def _cell(cell: nn.GRUCell, num_in: int) -> Cell:
    # torch: reset, update, candidate.
    reset_in, update_in, candidate_in = cell.weight_ih.chunk(3)
    bias_in, bias_state = cell.bias_ih.chunk(3), cell.bias_hh.chunk(3)
    from_input = torch.cat((candidate_in, reset_in, update_in)).t()
    biases = (bias_in[2], bias_in[0] + bias_state[0], bias_in[1] + bias_state[1], bias_state[2])
    return Cell(
        bias=_array(torch.cat(biases)),
        from_input=_array(from_input[:num_in]),
        from_x=_array(from_input[num_in:]),
        from_state=_array(cell.weight_hh.t()),
    )


def _dense(layer: nn.Linear, hidden: int) -> Dense:
    weight = layer.weight.t()
    return Dense(
        bias=_array(layer.bias), from_state=_array(weight[:hidden]), from_x=_array(weight[hidden:])
    )


def _rounds(convs: nn.ModuleList, norms: nn.ModuleList) -> Rounds:
    sages: list[SAGEConv] = list(convs)
    layer_norms = cast(list[nn.LayerNorm], list(norms))
    return Rounds(
        from_mean=_stacked([conv.lin_l.weight.t() for conv in sages]),
        from_own=_stacked([conv.lin_r.weight.t() for conv in sages]),
        bias=_stacked([conv.lin_l.bias for conv in sages]),
        norm_weight=_stacked([norm.weight for norm in layer_norms]),
        norm_bias=_stacked([norm.bias for norm in layer_norms]),
        epsilon=np.array([norm.eps for norm in layer_norms], np.float32),
    )


def _stacked(tensors: list[Tensor]) -> Array:
    return _array(torch.stack(tensors))
