"""The states of flows and links, which live from event to event."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from m4graph.graph import EventStep
    from m4graph.graph.paper.component import ComponentStep
    from m4graph.nn.model import FlowLinkModel
    from m4graph.nn.paper import PaperModel


class States:
    """A row for each flow and each link of a tracker, zero at first, on the model's device.

    A step takes the rows that it names, a model gives new ones, and these are put back::

        output = model(step, *states.read(step))
        states.write(step, output.flow_state, output.link_state)

    Args:
        model (FlowLinkModel or PaperModel): Whose states these are.
        num_flows (int): Flows.
        num_links (int): Links.

    Shapes:
        - ``flow`` ``[num_flows, hidden]``, ``link`` ``[num_links, hidden]``
    """

    def __init__(self, model: FlowLinkModel | PaperModel, num_flows: int, num_links: int) -> None:
        like = next(model.parameters())
        self.flow = like.new_zeros(num_flows, model.hidden_channels)
        self.link = like.new_zeros(num_links, model.hidden_channels)

    def read(self, step: EventStep | ComponentStep) -> tuple[Tensor, Tensor]:
        """The states of a step's flows and links, copied; gradients go through.

        Shapes:
            - output: ``[len(step.flow_ids), hidden]``, ``[len(step.link_ids), hidden]``
        """
        return self.flow.index_select(0, step.flow_ids), self.link.index_select(0, step.link_ids)

    def write(
        self, step: EventStep | ComponentStep, flow_state: Tensor, link_state: Tensor
    ) -> None:
        """Puts back the states of a step's flows and of those links that it updates.

        Shapes:
            - input: ``[len(step.flow_ids), hidden]``, ``[step.num_updated, hidden]``
        """
        self.flow.index_copy_(0, step.flow_ids, flow_state)
        self.link.index_copy_(0, step.link_ids[: step.num_updated], link_state)

    def detach(self) -> None:
        """Forgets how the states came about, so that gradients go no further back."""
        self.flow, self.link = self.flow.detach(), self.link.detach()

    def admit_flows(self, num_flows: int) -> None:
        """Makes room for further flows, which start at zero.

        Args:
            num_flows (int): Flows that there are now.
        """
        if num_flows > len(self.flow):
            more = self.flow.new_zeros(2 * num_flows - len(self.flow), self.flow.shape[1])
            self.flow = torch.cat((self.flow, more))
