r"""The m4 model on PyTorch Geometric: flow and link states that live from event to event.

Reference:
    Li et al., "m4: A Learned Flow-level Network Simulator", arXiv 2503.01770.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from m4graph.core.calls import plain_call
from m4graph.core.checks import check_count
from m4graph.core.errors import ConfigError, one_of
from m4graph.graph.schema import FLOW, FLOW_FEATURES, LINK, LINK_FEATURES, MOST_LOG_RATIO, SCOPES
from m4graph.nn.conv import carry, conv_name, resolve_conv
from m4graph.nn.heads import HeadSpec, mlp, plain_head_specs, resolve_heads
from m4graph.zoo.pretrained import Pretrained

if TYPE_CHECKING:
    from m4graph.graph import EventStep, FlowTracker
    from m4graph.runs import FlowNetwork

_ESTIMATES = (
    "log_prior",
    "log_steady",
    "log_burst_wait",
    "log_first_wait",
    "log_fluid",
    "log_shared",
    "log_backlog",
)


class StepOutput(NamedTuple):
    """What the model says about one step.

    Shapes:
        - ``flow_state`` ``[num_touched, hidden]``, ``link_state`` ``[num_updated, hidden]``
        - ``log_slowdown`` ``[num_touched]``; may fall below 0, which a user cuts off
        - ``remaining`` ``[num_touched]``, the share of each flow not yet at the receiver, 0 to 1
        - ``log_queue`` ``[num_updated]``, ``log(1 + packets)`` waiting
        - ``extra``: of each extra head ``[num_touched]`` or ``[num_updated]``, or ``[..., k]``
    """

    flow_state: Tensor
    link_state: Tensor
    log_slowdown: Tensor
    remaining: Tensor
    log_queue: Tensor
    extra: dict[str, Tensor]


@plain_call
class FlowLinkModel(Pretrained, nn.Module):
    r"""Updates the states of the flows and links that an event touches, and reads predictions off.

    For every touched flow :math:`f` and link :math:`l`, with :math:`\Delta` the time since the
    last update and :math:`\mathbf{x}` the features of :mod:`m4graph.graph.schema`:

    .. math::
        \tilde{\mathbf{h}} &= \mathrm{GRU}_{time}(\Delta, \mathbf{h}), \qquad
        \mathbf{m}^{(0)} = \mathrm{ReLU}(\mathbf{W}[\tilde{\mathbf{h}}, \mathbf{x}])

        \mathbf{m}_l^{(k)} &= \mathrm{conv}_k(\mathbf{m}_l^{(k-1)}, \{\mathbf{m}_f^{(k-1)}\}), \quad
        \mathbf{m}_f^{(k)} = \mathrm{conv}'_k(\mathbf{m}_f^{(k-1)}, \{\mathbf{m}_l^{(k)}\})

        \mathbf{h}' &= \mathrm{GRU}_{rate}([\mathbf{m}^{(K)}, \mathbf{x}], \tilde{\mathbf{h}})

        \hat{s}_f &= (p_f - t_f) e^{c_f} + t_f e^{d_f}, \qquad
        (c_f, d_f) = 3 \tanh(\mathrm{MLP}([\mathbf{h}'_f, \mathbf{x}_f]) / 3)

    where :math:`p_f` is the physical estimate of the slowdown that comes with the features: the
    time so far, :math:`t_f`, plus what is left at the flow's fair rate, over the ideal FCT. What is
    left and what has passed are each corrected by a factor: the second is not 1 where the estimate
    takes a flow for through that is not. Two more heads predict the remaining share of a flow, and
    the queue of a link.

    Args:
        conv (str, type or callable, optional): Message passing between flows and links: a name of
            :data:`m4graph.nn.conv.CONVS`, or a PyG-style class. (default: ``"sage"``)
        hidden_channels (int, optional): Width of the states. (default: ``64``)
        num_layers (int, optional): Rounds of message passing, links first; 0: flows and links hear
            nothing of each other but their features. (default: ``2``)
        flow_channels (int, optional): Flow features. (default: those of the schema)
        link_channels (int, optional): Link features. (default: those of the schema)
        time_cells (bool, optional): Whether states age between updates. (default: ``True``)
        memory (bool, optional): Whether states live on; if not, each event finds blank ones.
            (default: ``True``)
        prior (bool, optional): Whether predictions start from the physical estimate. If not, the
            model does not see that among its features either. (default: ``True``)
        scope (str, optional): How far an event reaches: ``"hop"`` or ``"component"``, as for
            :class:`m4graph.graph.FlowTracker`. (default: ``"hop"``)
        extra_heads (dict, optional): Further predictions by name, each a name of
            :data:`m4graph.nn.heads.HEADS`, a :class:`~m4graph.nn.heads.Head`, or a block with
            options, as in ``{"p90": {"kind": "slowdown_quantile", "level": 0.9}}``.
            (default: ``None``)
        **conv_kwargs (optional): Further arguments of the layers.

    Shapes:
        - input: flow states ``[num_touched, hidden]``, link states ``[num_read, hidden]``, the
          rows that an :class:`~m4graph.graph.EventStep` names
        - output: :class:`StepOutput`

    Raises:
        ConfigError: If a size is below 1, the layer does not fit a bipartite graph, or an extra
            head is unusable.
    """

    def __init__(
        self,
        conv: str | type[nn.Module] | Callable[..., nn.Module] = "sage",
        hidden_channels: int = 64,
        num_layers: int = 2,
        flow_channels: int = len(FLOW_FEATURES),
        link_channels: int = len(LINK_FEATURES),
        time_cells: bool = True,
        memory: bool = True,
        prior: bool = True,
        scope: str = "hop",
        extra_heads: Mapping[str, HeadSpec] | None = None,
        **conv_kwargs: Any,
    ) -> None:
        super().__init__()
        sizes = {"hidden_channels": (hidden_channels, 1), "num_layers": (num_layers, 0)}
        for name, (value, least) in sizes.items():
            check_count(name, value, least)
        if scope not in SCOPES:
            raise ConfigError(f"scope: expected {one_of(SCOPES)} (got {scope!r})")
        hidden = hidden_channels
        self.conv = conv
        self.hidden_channels = hidden
        self.num_layers = num_layers
        self.flow_channels = flow_channels
        self.link_channels = link_channels
        self.time_cells = time_cells
        self.memory = memory
        self.prior = prior
        self.scope = scope
        self.conv_kwargs = conv_kwargs
        if time_cells:
            self.flow_time_cell = nn.GRUCell(1, hidden)
            self.link_time_cell = nn.GRUCell(1, hidden)
        self.flow_encoder = nn.Linear(hidden + flow_channels, hidden)
        self.link_encoder = nn.Linear(hidden + link_channels, hidden)
        convs = [resolve_conv(conv, hidden, **conv_kwargs) for _ in range(2 * num_layers)]
        self.link_convs = nn.ModuleList(convs[:num_layers])
        self.flow_convs = nn.ModuleList(convs[num_layers:])
        self.link_norms = nn.ModuleList(nn.LayerNorm(hidden) for _ in range(num_layers))
        self.flow_norms = nn.ModuleList(nn.LayerNorm(hidden) for _ in range(num_layers))
        self.flow_rate_cell = nn.GRUCell(hidden + flow_channels, hidden)
        self.link_rate_cell = nn.GRUCell(hidden + link_channels, hidden)
        self.slowdown_head = mlp(hidden + flow_channels, hidden, 2 if prior else 1)
        self.remaining_head = mlp(hidden, hidden // 2)
        self.queue_head = mlp(hidden, hidden // 2)
        self._start_at_the_prior()
        # Last, so that a seed gives all else the same weights with extra heads and without.
        channels = {FLOW: flow_channels, LINK: link_channels}
        self.extra_heads = resolve_heads(extra_heads or {}, hidden, channels)
        self._head_specs = dict(extra_heads or {})

    @property
    def config(self) -> dict[str, Any]:
        """Plain values with which ``FlowLinkModel(**config)`` builds the same model.

        Raises:
            ConfigError: If the layer has no name in :data:`m4graph.nn.conv.CONVS`, or an extra head
                none in :data:`m4graph.nn.heads.HEADS`.
        """
        heads = plain_head_specs(self._head_specs)
        return {
            "conv": conv_name(self.conv),
            "hidden_channels": self.hidden_channels,
            "num_layers": self.num_layers,
            "flow_channels": self.flow_channels,
            "link_channels": self.link_channels,
            "time_cells": self.time_cells,
            "memory": self.memory,
            "prior": self.prior,
            "scope": self.scope,
            **({"extra_heads": heads} if heads else {}),
            **self.conv_kwargs,
        }

    def forward(self, step: EventStep, flow_state: Tensor, link_state: Tensor) -> StepOutput:
        """Updates the states of one step's flows and links, and reads the predictions off."""
        if not self.memory:  # a product, so that states stay a part of the graph
            flow_state, link_state = 0.0 * flow_state, 0.0 * link_state
        updated = step.num_updated
        flow_x = step.flow_x if self.prior else _without_estimates(step.flow_x)
        aged = link_state[:updated]
        if self.time_cells:
            flow_state = self.flow_time_cell(step.flow_gap[:, None], flow_state)
            aged = self.link_time_cell(step.link_gap[:updated, None], aged)
        # Links that are only read are not brought up to now: their gap is among their features.
        link_state = torch.cat((aged, link_state[updated:]))
        flow = torch.relu(self.flow_encoder(torch.cat((flow_state, flow_x), 1)))
        link = torch.relu(self.link_encoder(torch.cat((link_state, step.link_x), 1)))
        flow, link = self._exchange(step, flow, link)
        link_x = step.link_x[:updated]
        flow_state = self.flow_rate_cell(torch.cat((flow, flow_x), 1), flow_state)
        link_state = self.link_rate_cell(torch.cat((link, link_x), 1), aged)
        raw = self.slowdown_head(torch.cat((flow_state, flow_x), 1))
        return StepOutput(
            flow_state=flow_state,
            link_state=link_state,
            log_slowdown=_corrected(step, raw) if self.prior else raw.squeeze(1),
            remaining=torch.sigmoid(self.remaining_head(flow_state).squeeze(1)),
            log_queue=nn.functional.softplus(self.queue_head(link_state).squeeze(1)),
            extra={
                name: head(flow_state, flow_x) if head.reads == FLOW else head(link_state, link_x)
                for name, head in self.extra_heads.items()
            },
        )

    def make_tracker(self, networks: Sequence[FlowNetwork]) -> FlowTracker:
        """What turns the events of networks into the steps that this model reads."""
        from m4graph.graph import FlowTracker

        return FlowTracker(networks, self.scope)

    def _exchange(self, step: EventStep, flow: Tensor, link: Tensor) -> tuple[Tensor, Tensor]:
        """Rounds of messages; links that are only read keep their encoding."""
        updated = step.num_updated
        read_only = link[updated:]
        link = link[:updated]
        layers = zip(
            self.link_convs, self.link_norms, self.flow_convs, self.flow_norms, strict=True
        )
        crosses, crossed_by = (step.crosses, step.crosses_x), (step.crossed_by, step.crossed_by_x)
        for link_conv, link_norm, flow_conv, flow_norm in layers:
            link = link + torch.relu(link_norm(carry(link_conv, (flow, link), *crosses)))
            both = torch.cat((link, read_only))
            flow = flow + torch.relu(flow_norm(carry(flow_conv, (both, flow), *crossed_by)))
        return flow, link

    def _start_at_the_prior(self) -> None:
        last = self.slowdown_head[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)


def _corrected(step: EventStep, raw: Tensor) -> Tensor:
    """The estimate, with a factor for what is left of each flow, and one for what has passed."""
    left, passed = torch.exp(MOST_LOG_RATIO * torch.tanh(raw / MOST_LOG_RATIO)).unbind(1)
    share = torch.exp(torch.clamp(step.log_now - step.log_prior, max=0.0))
    return step.log_prior + torch.log((1.0 - share) * left + share * passed)


def _without_estimates(flow_x: Tensor) -> Tensor:
    """Flow features without those that estimate what is to come."""
    hidden = torch.tensor([FLOW_FEATURES.index(name) for name in _ESTIMATES], device=flow_x.device)
    return flow_x.index_fill(1, hidden, 0.0)
