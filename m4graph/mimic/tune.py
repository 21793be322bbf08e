"""Searches options of a model by what they are for: the error of whole runs, at chosen sizes.

A better loss at the borders need not make better flow times at the hosts: so each trial trains a
model, puts it into networks of a few sizes, and is judged by what the hosts of the simulated pod
see, against runs by packet with the same seeds.

Example:
    >>> objective = EndToEnd([small, larger], metric="rtt")
    >>> best = tune(trace, objective, num_trials=20)
    >>> model = Recurrent.fit(trace, seed=0, **best.options)

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

from m4graph.core.errors import ConfigError, InputError
from m4graph.core.schema import one_of
from m4graph.metrics import wasserstein
from m4graph.mimic.boundary import BoundaryTrace
from m4graph.mimic.clusters import Pods
from m4graph.mimic.compose import SIMULATED_POD, hook, is_visible, visible
from m4graph.mimic.models import MIMIC_MODELS
from m4graph.mimic.models.base import MimicModel
from m4graph.results import SimulationResult
from m4graph.scenario import Scenario
from m4graph.simulators.packet.simulator import PacketSimulator

if TYPE_CHECKING:
    from optuna import Trial

METRICS = ("fct", "rtt", "throughput")
Objective = Callable[[MimicModel], float]


@dataclass(frozen=True)
class EndToEnd:
    """The error of runs with a model: Wasserstein-1 distances from the truth, summed over runs.

    Args:
        scenarios (Sequence[Scenario]): Of chosen sizes; each is run by packet once, for the truth.
            Their seeds are for tuning only: test the result on others.
        metric (str): ``"fct"`` (ns, of finished flows with an end in the simulated pod), ``"rtt"``
            (ns, of data that its hosts send) or ``"throughput"`` (bytes that arrive at a host in
            100 ms).

    Raises:
        ConfigError: If there is no scenario, or the metric is unknown.
    """

    scenarios: Sequence[Scenario]
    metric: Literal["fct", "rtt", "throughput"] = "rtt"

    def __post_init__(self) -> None:
        if not self.scenarios:
            raise ConfigError("scenarios: expected one or more (got none)")
        if self.metric not in METRICS:
            raise ConfigError(f"metric: expected {one_of(METRICS)} (got {self.metric!r})")

    def __call__(self, model: MimicModel) -> float:
        """The error of a model."""
        errors = []
        for scenario, true in zip(self.scenarios, self._truths, strict=True):
            pods = Pods.of(scenario.network, scenario.arrays)
            step = hook(pods, model.start(pods, scenario, scenario.seed))
            mimic = PacketSimulator(recording=self._recording, watchers=[step])
            found = mimic.run(visible(scenario, pods))
            errors.append(wasserstein(self._samples(found), true))
        return float(sum(errors))

    @cached_property
    def _truths(self) -> list[NDArray[np.int64]]:
        packet = PacketSimulator(recording=self._recording)
        return [self._samples(packet.run(scenario)) for scenario in self.scenarios]

    @property
    def _recording(self) -> dict[str, object] | None:
        return None if self.metric == "fct" else {self.metric: {"pod": SIMULATED_POD}}

    def _samples(self, result: SimulationResult) -> NDArray[np.int64]:
        if self.metric == "fct":
            scenario = result.scenario
            seen = is_visible(scenario, Pods.of(scenario.network, scenario.arrays))
            return result.fct_ns[result.finished & seen]
        column = {"rtt": "rtt_ns", "throughput": "bytes"}[self.metric]
        table = getattr(result.extra["recording"], self.metric)
        return np.asarray(table[column], np.int64)


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
        trace (BoundaryTrace): What each trial is fitted to.
        objective (Callable): Gives the error of a fitted model, such as :class:`EndToEnd`.
        num_trials (int, optional): Number of trials. (default: ``20``)
        seed (int, optional): Of the search and of each fit. (default: ``0``)
        model (str or type, optional): Of :data:`~m4graph.mimic.models.MIMIC_MODELS`. (default:
            ``"recurrent"``)
        space (Callable, optional): Options of a trial. (default: :func:`published_space`)
        storage (str, optional): Where optuna keeps the trials, such as ``"sqlite:///tune.db"``;
            those that are there count. (default: in memory)

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

    study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=seed),
        storage=storage,
        study_name="m4graph mimic",
        load_if_exists=True,
    )
    finished = [optuna.trial.TrialState.COMPLETE]
    num_done = len(study.get_trials(states=finished))
    study.optimize(error_of, n_trials=max(num_trials - num_done, 0))
    trials = [
        (trial.user_attrs["options"], float(trial.values[0]))
        for trial in study.get_trials(states=finished)
    ]
    return Tuned(study.best_trial.user_attrs["options"], float(study.best_value), trials)
