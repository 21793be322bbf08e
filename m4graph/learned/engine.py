"""The torch engine: runs a model free, on the departures that it predicts itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from m4graph.errors import SimulationError
from m4graph.graph import FlowNetwork, FlowTracker
from m4graph.graph.step import no_events
from m4graph.learned.agenda import make_agenda, next_events, predict
from m4graph.nn import FlowLinkModel


class TorchEngine:
    """Simulates networks side by side, one event of each in a step of the model.

    Args:
        model (FlowLinkModel): The model, on the device where it is to run.
        networks (list of FlowNetwork): One or more.
    """

    def __init__(self, model: FlowLinkModel, networks: Sequence[FlowNetwork]) -> None:
        self._model = model
        self._device = next(model.parameters()).device
        self._tracker = FlowTracker(networks)
        self._agenda = make_agenda(networks)
        self._events = no_events(len(networks))
        hidden = model.hidden_channels
        self._flow_state = torch.zeros(self._tracker.num_flows, hidden, device=self._device)
        self._link_state = torch.zeros(self._tracker.num_links, hidden, device=self._device)
        self.num_events = 0

    @property
    def num_departed(self) -> int:
        """Flows that have left, in all networks."""
        agenda = self._agenda
        arrived = agenda.next_flow - agenda.first_flow[:-1]
        return int((arrived - agenda.num_active).sum())

    @torch.inference_mode()
    def run(self, max_steps: int) -> bool:
        """Takes up to ``max_steps`` steps; False when nothing is left to happen.

        Raises:
            SimulationError: If the model predicts something that is not a number.
        """
        for _ in range(max_steps):
            count = next_events(self._agenda, self._events)
            if count == 0:
                return False
            self._step(self._events[:count])
        return True

    def fct_ns(self) -> list[NDArray[np.int64]]:
        """The time that each flow took, network by network; call it when nothing is left."""
        agenda = self._agenda
        fct_ns = agenda.finish_ns - agenda.start_ns
        return np.split(fct_ns, agenda.first_flow[1:-1])

    def _step(self, events: np.ndarray) -> None:
        self.num_events += len(events)
        step = self._tracker.step(events)
        flow_ids = step.flow_ids.numpy()
        step = step.to(self._device)
        output = self._model(
            step, self._flow_state[step.flow_ids], self._link_state[step.link_ids]
        )
        self._flow_state[step.flow_ids] = output.flow_state
        self._link_state[step.link_ids[: step.num_updated]] = output.link_state
        log_slowdown = output.log_slowdown.double().cpu().numpy()
        if not np.isfinite(log_slowdown).all():
            bad = flow_ids[~np.isfinite(log_slowdown)][0]
            raise SimulationError(f"learned: the model predicts no number for flow row {bad}")
        now_ns = self._tracker.now_ns(flow_ids)
        predict(self._agenda, flow_ids, log_slowdown, now_ns)
