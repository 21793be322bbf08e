"""The torch engine: runs a model free, on the departures that it predicts itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray

from m4graph.graph import FlowTracker
from m4graph.graph.step import no_events
from m4graph.learned import capacity as capacities
from m4graph.learned.agenda import (
    admit_flows,
    make_agenda,
    num_departed,
    predict,
    start_flows,
)
from m4graph.learned.capacity import make_capacity, next_possible_events
from m4graph.learned.predictions import FlowPredictions
from m4graph.learned.protocol import PredictionError, Predictions, Quantiles, as_slowdowns
from m4graph.learned.rules import keep_rules
from m4graph.nn import EventModel
from m4graph.nn.heads import quantile_heads
from m4graph.nn.states import States
from m4graph.runs import FlowNetwork
from m4graph.runs.events import DEPARTURE


@contextmanager
def _one_thread(device: torch.device) -> Iterator[None]:
    """On a CPU, keeps torch to one thread: the matrices of a step are too small to share out."""
    threads = torch.get_num_threads()
    if device.type == "cpu":
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


class TorchEngine:
    """Simulates networks side by side, one event of each in a step of the model.

    A flow leaves when its latest predicted FCT is over, which no prediction puts below the ideal
    FCT or before now, and no link carries more than it can (:mod:`.capacity`). More rules hold
    unless the model's class has ``plain_predictions``. What is predicted when another flow leaves
    makes it no later: a departure gives its share to the others, and without that rule flows that a
    model takes for late are put off at every event. Flows leave in time, as a link that has
    something to send sends it (:mod:`.latest`), and those that an event does not touch follow their
    fair shares (:mod:`.bystanders`), if the model's tracker knows them. Departures come before
    arrivals of the same nanosecond.

    Args:
        model (FlowLinkModel or PaperModel): The model, on the device where it is to run.
        networks (list of FlowNetwork): One or more, each with a flow at least; a single one may
            have none, and be given flows while it runs.
        least_fct_ns (list of np.ndarray, optional): Of each network, what its flows take at least,
            int64 ``[num_flows]``. (default: their ideal FCTs)
    """

    def __init__(
        self,
        model: EventModel,
        networks: Sequence[FlowNetwork],
        least_fct_ns: Sequence[NDArray[np.int64]] | None = None,
    ) -> None:
        self._model = model
        self._device = next(model.parameters()).device
        # A model with features of its own brings what makes them.
        self._tracker = getattr(model, "make_tracker", FlowTracker)(networks)
        plain = getattr(model, "plain_predictions", False)
        self._agenda = make_agenda(networks, least_fct_ns, plain)
        self._capacity = make_capacity(networks)
        self._events = no_events(len(networks))
        self._states = States(model, self._tracker.num_flows, self._tracker.num_links)
        self._predictions = FlowPredictions(model)
        self.num_events = 0
        self.now_ns = 0
        """Time of the last step of a single network."""

    @property
    def num_departed(self) -> int:
        """Flows that have left, in all networks."""
        return num_departed(self._agenda)

    @torch.inference_mode()
    def run(self, max_steps: int) -> bool:
        """Takes up to ``max_steps`` steps; False when nothing is left to happen.

        Raises:
            PredictionError: If the model predicts something that is not a finite number.
        """
        with _one_thread(self._device):
            for _ in range(max_steps):
                count = self._next_events()
                if count == 0:
                    return False
                self._step(self._events[:count])
        return True

    def admit_flows(
        self, flows: FlowNetwork, least_fct_ns: NDArray[np.int64] | None = None
    ) -> None:
        """Takes in more flows, of a single network, that :meth:`start_flows` will start.

        Args:
            flows (FlowNetwork): The new flows, on the same links; their starts do not matter.
            least_fct_ns (np.ndarray, optional): What they take at least. (default: ideal FCTs)
        """
        num_flows = self._tracker.num_flows
        self._agenda = admit_flows(self._agenda, num_flows, flows.ideal_fct_ns, least_fct_ns)
        self._capacity = capacities.admit_flows(self._capacity, flows, num_flows)
        self._tracker.admit_flows(flows)
        self._states.admit_flows(self._tracker.num_flows)

    def start_flows(self, flow_ids: NDArray[np.int64], start_ns: NDArray[np.int64]) -> None:
        """Has admitted flows start, now or later, in this order where starts are equal."""
        self._tracker.start_flows(flow_ids, start_ns)
        start_flows(self._agenda, flow_ids, start_ns)

    @torch.inference_mode()
    def advance(self, max_steps: int, until_ns: int) -> tuple[int | None, bool]:
        """Takes up to ``max_steps`` steps of a single network, none later than ``until_ns``.

        Returns:
            tuple: The flow that has left at the last step, if one has; and whether there is more
            to do up to ``until_ns``.

        Raises:
            PredictionError: If the model predicts something that is not a finite number.
        """
        self._agenda.until_ns[0] = until_ns
        with _one_thread(self._device):
            for _ in range(max_steps):
                if self._next_events() == 0:
                    return None, False
                self._step(self._events)
                self.now_ns = int(self._events["time_ns"][0])
                if self._events["kind"][0] == DEPARTURE:
                    return int(self._events["flow"][0]), True
        return None, True

    def fct_ns(self) -> list[NDArray[np.int64]]:
        """The time that each flow took, network by network; call it when nothing is left."""
        agenda = self._agenda
        fct_ns = agenda.finish_ns - agenda.start_ns
        return np.split(fct_ns, agenda.first_flow[1:-1])

    def predictions(self) -> list[Predictions]:
        """What each extra head on flows has said last of each flow, network by network."""
        first_flow = [*self._agenda.first_flow[:-1].tolist(), self._tracker.num_flows]
        return self._predictions.by_network(first_flow)

    def quantiles(self) -> list[Quantiles]:
        """What each quantile head has said last of each flow, network by network."""
        heads = quantile_heads(self._model)
        return [
            as_slowdowns(
                {heads[name].level: values for name, values in predicted.items() if name in heads}
            )
            for predicted in self.predictions()
        ]

    def _next_events(self) -> int:
        return next_possible_events(self._agenda, self._capacity, self._events)

    def _step(self, events: np.ndarray) -> None:
        self.num_events += len(events)
        step = self._tracker.step(events)
        flow_ids = step.flow_ids.numpy()
        if self._device.type != "cpu":
            step = step.to(self._device)
        output = self._model(step, *self._states.read(step))
        self._states.write(step, output.flow_state, output.link_state)
        if self._predictions.names:
            self._predictions.keep(flow_ids, output.extra, len(self._states.flow))
        log_slowdown = output.log_slowdown.cpu().numpy()
        if isinstance(self._tracker, FlowTracker):
            keep_rules(self._agenda, self._tracker.state)
        bad = predict(self._agenda, flow_ids, log_slowdown, self._tracker.now_ns(flow_ids))
        if bad >= 0:
            self._refuse(int(flow_ids[bad]), float(log_slowdown[bad]))

    def _refuse(self, flow: int, log_slowdown: float) -> None:
        first_flow = self._agenda.first_flow
        network = int(np.searchsorted(first_flow, flow, side="right")) - 1
        raise PredictionError(network, flow - int(first_flow[network]), log_slowdown)
