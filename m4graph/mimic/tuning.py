"""Searches options of a model by what they are for: the error of whole runs, at chosen sizes.

A better loss at the borders need not make better flow times at the hosts: so each trial fits a
model, puts it into networks of a few sizes, and is judged by what the hosts of the simulated pod
see, against runs by packet with the same seeds.

Example:
    >>> trace = trace_small(small("configs/mimic/base.yaml"))
    >>> best = tune(trace, EndToEnd([four_pods, eight_pods], metric="rtt"), num_trials=20)
    >>> mimic = fit("configs/mimic/base.yaml", "recurrent", **best.options)

Reference:
    Zhang et al., MimicNet, SIGCOMM 2021, section 7.2. There, a trial and the truth have different
    seeds, whose noise counts as an error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from m4graph.core.calls import plain_call
from m4graph.core.errors import ConfigError, InputError, one_of
from m4graph.core.units import NS_PER_S
from m4graph.metrics import wasserstein
from m4graph.mimic.boundary import BoundaryTrace
from m4graph.mimic.clusters import Pods
from m4graph.mimic.compose import SIMULATED_POD
from m4graph.mimic.conditions import conditions_of
from m4graph.mimic.folder import Mimic
from m4graph.mimic.models import MIMIC_MODELS
from m4graph.mimic.models.base import MimicModel
from m4graph.mimic.samples import HostSamples
from m4graph.mimic.simulator import MimicSimulator
from m4graph.results import SimulationResult
from m4graph.scenario import Scenario
from m4graph.simulators.packet.simulator import PacketSimulator

if TYPE_CHECKING:
    from optuna import Trial

Objective = Callable[[MimicModel], float]

_SAMPLES = {"fct": "fct_ns", "rtt": "rtt_ns", "throughput": "throughput_bytes"}
"""Fields of :class:`~m4graph.mimic.samples.HostSamples`."""


@plain_call
@dataclass(frozen=True)
class EndToEnd:
    """The error of runs with a model: Wasserstein-1 distances from the truth, summed over runs.

    Args:
        scenarios (Sequence[Scenario]): Of chosen sizes; each is run by packet once, for the truth.
            Their seeds are for tuning only: test the result on others.
        metric (str): ``"fct"`` (ns, of finished flows with an end in the simulated pod), ``"rtt"``
            (ns, of segments that its hosts send) or ``"throughput"`` (bytes that arrive at one of
            its hosts in 100 ms). (default: ``"rtt"``)
        margin_ns (int): What does not count at the beginning and the end of each run. (default: a
            second)

    Raises:
        ConfigError: If there is no scenario, or the metric is unknown.
    """

    scenarios: Sequence[Scenario]
    metric: Literal["fct", "rtt", "throughput"] = "rtt"
    margin_ns: int = NS_PER_S

    def __post_init__(self) -> None:
        if not self.scenarios:
            raise ConfigError("scenarios: expected one or more (got none)")
        if self.metric not in _SAMPLES:
            raise ConfigError(f"metric: expected {one_of(_SAMPLES)} (got {self.metric!r})")

    def __call__(self, model: MimicModel) -> float:
        """The error of a model.

        Raises:
            ConfigError: If a scenario is none for mimics.
            SimulationError: If a run is no longer than its margins.
        """
        errors = []
        for scenario, true in zip(self.scenarios, self._truths, strict=True):
            conditions = conditions_of(scenario, Pods.of(scenario.network, scenario.arrays))
            found = MimicSimulator(Mimic(model, conditions, {})).run(scenario)
            errors.append(wasserstein(self._samples(found), true))
        return float(sum(errors))

    @cached_property
    def _truths(self) -> list[NDArray[np.number]]:
        recording = {name: {"pod": SIMULATED_POD} for name in ("rtt", "throughput")}
        packet = PacketSimulator(recording=recording)
        return [self._samples(packet.run(scenario)) for scenario in self.scenarios]

    def _samples(self, result: SimulationResult) -> NDArray[np.number]:
        scenario = result.scenario
        pods = Pods.of(scenario.network, scenario.arrays)
        hosts = np.flatnonzero(pods.host_pod == SIMULATED_POD)
        samples = HostSamples.of(result, hosts, self.margin_ns)
        return getattr(samples, _SAMPLES[self.metric])  # type: ignore[no-any-return]


@plain_call
@dataclass(frozen=True)
class Tuned:
    """What a search has found.

    Args:
        options (dict): The best ones, for the model's ``fit``.
        error (float): Theirs.
        trials (list): Options and error of each trial, in their order.
    """

    options: dict[str, Any]
    error: float
    trials: list[tuple[dict[str, Any], float]]


@plain_call
def published_space(trial: Trial) -> dict[str, Any]:
    """Options of the recurrent model in the ranges that MimicNet searches."""
    return {
        "num_layers": trial.suggest_int("num_layers", 2, 5),
        "window": trial.suggest_int("window", 10, 12, step=2),
        "batch_size": trial.suggest_int("batch_size", 64, 256, step=64),
        "epochs": trial.suggest_int("epochs", 40, 70, step=10),
        "latency_loss": trial.suggest_categorical("latency_loss", ["huber", "mae"]),
        "delta": trial.suggest_float("delta", 1e-3, 1e-1, log=True),
        "alpha": trial.suggest_float("alpha", 0.3, 0.7, step=0.05),
        "drop_weight": trial.suggest_float("drop_weight", 0.5, 0.9, step=0.1),
    }


@plain_call
def tune(
    trace: BoundaryTrace,
    objective: Objective,
    num_trials: int = 20,
    seed: int = 0,
    model: str | type[MimicModel] = "recurrent",
    space: Callable[[Trial], dict[str, Any]] = published_space,
    storage: str | None = None,
) -> Tuned:
    """Searches the options of a model with optuna's tree of Parzen estimators.

    Args:
        trace (BoundaryTrace): What each trial is fitted to; nothing is learned at size
            (:meth:`~m4graph.mimic.models.base.MimicModel.learn_at_size`).
        objective (Callable): Gives the error of a fitted model, such as :class:`EndToEnd`.
        num_trials (int, optional): Number of trials. (default: ``20``)
        seed (int, optional): Of the search and of each fit. (default: ``0``)
        model (str or type, optional): Of :data:`~m4graph.mimic.models.MIMIC_MODELS`. (default:
            ``"recurrent"``)
        space (Callable, optional): Options of a trial. (default: :func:`published_space`)
        storage (str, optional): Where optuna keeps the trials, such as ``"sqlite:///tune.db"``;
            those that are there count, so that an interrupted search goes on. (default: in memory)

    Raises:
        InputError: If optuna is not installed.
        ConfigError: If an option is bad.
    """
    try:
        import optuna
    except ImportError:
        raise InputError(
            'tune: expected the package optuna (pip install "m4graph[tune]")'
        ) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    kind = MIMIC_MODELS.resolve(model)

    def error_of(trial: Trial) -> float:
        options = space(trial)
        trial.set_user_attr("options", options)
        return objective(kind.fit(trace, seed, **options))

    study = optuna.create_study(storage=storage, study_name="m4graph mimic", load_if_exists=True)
    finished = [optuna.trial.TrialState.COMPLETE]
    num_done = len(study.get_trials(states=finished))
    # A search that goes on must not draw what it drew at its beginning.
    study.sampler = optuna.samplers.TPESampler(seed=seed + num_done)
    study.optimize(error_of, n_trials=max(num_trials - num_done, 0))
    trials = [
        (trial.user_attrs["options"], float(trial.values[0]))
        for trial in study.get_trials(states=finished)
    ]
    return Tuned(study.best_trial.user_attrs["options"], float(study.best_value), trials)
