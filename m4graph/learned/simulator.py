"""The learned simulator as a :class:`~m4graph.simulators.base.Simulator`."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from m4graph.core.announced import announced_compilation
from m4graph.core.calls import plain_call
from m4graph.core.checks import check_positive
from m4graph.core.errors import SimulationError
from m4graph.core.progress import Progress
from m4graph.learned.domain import Domain, trained_controls, trained_parameters
from m4graph.learned.engines import checkpoint_maker, model_maker
from m4graph.learned.least import least_fct_ns
from m4graph.learned.protocol import PREDICTIONS, PredictionError, what_was_said
from m4graph.learned.session import LearnedSession
from m4graph.learned.tails import with_tail
from m4graph.results import QUANTILES, RUN_FCT_NS, UNFINISHED, SimulationResult
from m4graph.runs import FlowNetwork
from m4graph.runs.sample import two_flows
from m4graph.scenario import Scenario
from m4graph.simulators.base import Simulator
from m4graph.simulators.forecast import MAX_HOURS, check_events
from m4graph.simulators.session import simulate_closed_loop
from m4graph.simulators.settled import Settled, settled
from m4graph.workload import ClosedLoopWorkload
from m4graph.zoo import checkpoint_files, default_model_name, find_checkpoint

if TYPE_CHECKING:
    import torch
    from torch import nn


@plain_call
class LearnedSimulator(Simulator):
    """A trained model that runs free: it sees the scenario, and its own predicted departures.

    At every flow arrival and departure, the model predicts anew the slowdown of every flow that
    shares a link with the event's flow; the earliest predicted departure, or the next arrival, is
    the next event. Time never goes back. No prediction is taken that cannot be: an FCT is never
    below what the window allows (:func:`.least_fct_ns`), no flows are done before each link can
    have carried them (:mod:`.capacity`), and none is long after its links have sent what they had
    (:mod:`.latest`). When an open loop is over, its slowest flows are spread as the model's
    quantiles say (:mod:`.tails`); ``extra["run_fct_ns"]`` then has the FCTs of the run itself,
    which a session gives, too.

    Runs on a CPU are deterministic. The two engines round differently, in the last bits of
    float32; where two events are as close as that, their order, and what follows from it, may
    differ too. The same holds for scenarios that the torch engine runs side by side
    (:meth:`run_batch`): they share the model's matrix products but nothing else.

    Args:
        model (str, Path or nn.Module, optional): A name of the zoo, the folder of a checkpoint, or
            a model, of which a copy is taken. (default: the zoo's default model)
        engine (str, optional): ``"torch"`` runs any model on any device; ``"compiled"`` runs the
            standard one (a :class:`~m4graph.nn.FlowLinkModel` with conv ``"sage"`` or ``"pair"``)
            on a CPU, with nothing in Python for an event; ``"auto"`` takes it where it can. Extra
            heads of a model change no FCT. Both engines run those of quantiles, see
            :attr:`.SimulationResult.quantiles`; only ``"torch"`` runs others, and gives
            ``extra["predictions"]``, what each head on flows has said last of each flow, in open
            loops. (default: ``"auto"``)
        device (str or torch.device, optional): Where to run. (default: ``"cpu"``)
        max_hours (float, optional): Refuse a scenario with more work than this, by the number of
            its flows and of those beside them (:mod:`m4graph.simulators.forecast`).
            (default: ``24``)

    Reference:
        Li et al., "m4: A Learned Flow-level Network Simulator", arXiv 2503.01770.

    Raises:
        CheckpointError: If there is no such model, or its files are damaged.
        ConfigError: If there is no such engine or device, the engine cannot run the model there,
            or the model is of another kind.
    """

    name = "learned"
    colour = "#0072B2"
    sources = ("m4graph.nn",)
    neutral_options = frozenset({"max_hours"})

    @classmethod
    def resolve_options(cls, options: Mapping[str, Any]) -> dict[str, Any]:
        """As :meth:`.Simulator.resolve_options`, with the name of the zoo's default model."""
        resolved = super().resolve_options(options)
        if resolved["model"] is None:
            resolved["model"] = default_model_name()
        return resolved

    @classmethod
    def input_files(cls, options: Mapping[str, Any]) -> Iterable[Path]:
        """The files of the model."""
        return checkpoint_files(options["model"])

    def __init__(
        self,
        model: str | os.PathLike[str] | nn.Module | None = None,
        engine: str = "auto",
        device: str | torch.device = "cpu",
        max_hours: float = MAX_HOURS,
    ) -> None:
        self._max_hours = check_positive("max_hours", max_hours)
        controls: frozenset[str] = frozenset()
        parameters: frozenset[str] = frozenset()
        if model is None or isinstance(model, str | os.PathLike):
            source = default_model_name() if model is None else model
            folder, self.model_name = find_checkpoint(source), os.fspath(source)
            self._maker = checkpoint_maker(engine, folder, self.model_name, device)
            controls, parameters = trained_controls(folder), trained_parameters(folder)
        else:
            self.model_name = type(model).__name__
            self._maker = model_maker(engine, model, device)
        self._domain = Domain(self.model_name, controls, self._maker.seen, parameters)
        self._is_warm = False

    def run(self, scenario: Scenario, progress: Progress | None = None) -> SimulationResult:
        """Simulates a scenario until every flow is finished.

        Args:
            scenario (Scenario): What to simulate.
            progress (Progress, optional): Called now and then. (default: ``None``)

        Raises:
            ConfigError: If the scenario has faults, but for cables that are down or slow from the
                start to the end, or it is too much work.
            SimulationError: If the model predicts something that is not a number.
        """
        if isinstance(scenario.workload, ClosedLoopWorkload):
            self._check_work(scenario)
            return simulate_closed_loop(self, scenario, progress)
        return self._run([scenario], progress)[0]

    def run_batch(self, scenarios: Sequence[Scenario]) -> list[SimulationResult]:
        """Simulates scenarios, side by side if the engine is torch; results in their order.

        The ``wall_s`` of a result is its share of the time of those beside it, by number of events.
        Closed loops, and all scenarios on the compiled engine, run one after the other: its
        events take less time alone than torch's take together.

        Raises:
            SimulationError: If the model predicts something that is not a number.
        """
        closed = [isinstance(each.workload, ClosedLoopWorkload) for each in scenarios]
        together = [each for each, alone in zip(scenarios, closed, strict=True) if not alone]
        results = iter(self._run(together, None) if together else [])
        return [
            self.run(scenario) if alone else next(results)
            for scenario, alone in zip(scenarios, closed, strict=True)
        ]

    def open_session(self, scenario: Scenario) -> LearnedSession:
        """Opens a session of a scenario's network; its workload does not matter."""
        self._domain.warn([scenario])
        return LearnedSession(scenario, self._maker, self.model_name, self._warm_up())

    def _run(
        self, scenarios: Sequence[Scenario], progress: Progress | None
    ) -> list[SimulationResult]:
        for scenario in scenarios:
            self._check_work(scenario)
        found = [settled(self.name, scenario) for scenario in scenarios]
        self._domain.warn(scenarios)
        compile_s = self._warm_up() / len(scenarios)
        size = len(scenarios) if self._maker.runs_side_by_side else 1
        results: list[SimulationResult] = []
        for first in range(0, len(scenarios), size):
            together = [each.scenario for each in found[first : first + size]]
            results += self._run_together(together, compile_s, progress)
        return [_restored(*pair) for pair in zip(found, results, strict=True)]

    def _run_together(
        self, scenarios: Sequence[Scenario], compile_s: float, progress: Progress | None
    ) -> list[SimulationResult]:
        # Nothing happens in a network without flows.
        lively = [scenario for scenario in scenarios if scenario.num_flows]
        networks = [FlowNetwork.from_scenario(scenario) for scenario in lively]
        started = time.perf_counter()
        outcomes = iter(self._outcomes(lively, networks, progress) if lively else [])
        wall_s = time.perf_counter() - started
        num_flows = max(sum(scenario.num_flows for scenario in scenarios), 1)
        shared = {
            "model": self.model_name,
            "engine": self._maker.name,
            "num_side_by_side": len(scenarios),
        }
        results = []
        for scenario in scenarios:
            outcome = next(outcomes) if scenario.num_flows else (np.zeros(0, np.int64), {})
            fct_ns, said = outcome
            results.append(
                SimulationResult(
                    simulator=self.name,
                    flow_id=scenario.workload.id,
                    fct_ns=fct_ns,
                    ideal_fct_ns=scenario.ideal_fct_ns,
                    num_events=2 * scenario.num_flows,
                    wall_s=wall_s * scenario.num_flows / num_flows,
                    compile_s=compile_s,
                    packet_hops=None,
                    scenario=scenario,
                    extra=shared | said,
                )
            )
        return results

    def _outcomes(
        self,
        scenarios: Sequence[Scenario],
        networks: Sequence[FlowNetwork],
        progress: Progress | None,
    ) -> list[tuple[NDArray[np.int64], dict[str, Any]]]:
        """FCTs of each network, and what extra heads have said last of its flows, for ``extra``."""
        least = [least_fct_ns(each, each.workload, each.routes) for each in scenarios]
        engine = self._maker.make(networks, least)
        num_flows = sum(network.num_flows for network in networks)
        more = True
        while more:
            try:
                more = engine.run(self._maker.steps_a_turn)
            except PredictionError as error:
                raise self._named(error, scenarios[error.network]) from None
            if progress is not None:
                progress(engine.num_departed, num_flows)
        said = zip(networks, engine.fct_ns(), engine.predictions(), engine.quantiles(), strict=True)
        outcomes = []
        for network, run_fct_ns, predictions, quantiles in said:
            fct_ns = with_tail(run_fct_ns, network.ideal_fct_ns, quantiles)
            extra = what_was_said(predictions, quantiles)
            if (fct_ns != run_fct_ns).any():
                extra[RUN_FCT_NS] = run_fct_ns
            outcomes.append((fct_ns, extra))
        return outcomes

    def _named(self, error: PredictionError, scenario: Scenario) -> SimulationError:
        return SimulationError(
            f"scenario {scenario.name!r}, flow {scenario.workload.id[error.flow]}: expected model "
            f"{self.model_name} to predict the logarithm of a slowdown (got {error.log_slowdown})"
        )

    def _check_work(self, scenario: Scenario) -> None:
        check_events(self.name, scenario, self._maker.speed, self._max_hours)

    def _warm_up(self) -> float:
        """Lets the engine run two flows, once, so that everything is compiled and loaded."""
        if self._is_warm:
            return 0.0
        _, seconds = announced_compilation("learned simulator", self._run_two_flows)
        self._is_warm = True
        return seconds

    def _run_two_flows(self) -> None:
        with suppress(PredictionError):
            self._maker.make([two_flows()]).run(4)


def _restored(found: Settled, result: SimulationResult) -> SimulationResult:
    restored = found.restored(result)
    if RUN_FCT_NS in restored.extra:
        run_fct_ns = found.among_all(restored.extra[RUN_FCT_NS], UNFINISHED)
        restored.extra[RUN_FCT_NS] = run_fct_ns
    for said in (PREDICTIONS, QUANTILES):
        by_name = restored.extra.get(said, {})
        for name, values in by_name.items():
            by_name[name] = found.among_all(values, np.nan)
    return restored
