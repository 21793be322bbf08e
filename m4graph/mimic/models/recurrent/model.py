"""The model of MimicNet: recurrent networks for what goes out of a pod and what comes in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from m4graph.core.errors import ConfigError, InputError
from m4graph.core.schema import KeyProblem
from m4graph.mimic.border_rows import EGRESS, INGRESS
from m4graph.mimic.boundary import BoundaryTrace
from m4graph.mimic.clusters import Pods
from m4graph.mimic.feature_layout import FEATURE_SPEC
from m4graph.mimic.features import (
    NUM_OTHERS,
    feature_matrix,
    feature_spec,
    packet_steps,
    targets_of,
)
from m4graph.mimic.feeder import fit_feeder, slotted_steps
from m4graph.mimic.feeder_layout import FEEDER_LAW
from m4graph.mimic.models.base import MimicModel, MimicStep
from m4graph.mimic.models.recurrent.config import RecurrentConfig
from m4graph.mimic.models.recurrent.network import flat_weights, num_weights
from m4graph.mimic.models.recurrent.start import context_of, first_rollout, slot_of
from m4graph.mimic.models.recurrent.step import recurrent_step
from m4graph.mimic.models.recurrent.training import Training
from m4graph.mimic.targets import Targets
from m4graph.scenario import Scenario

WAYS = {"egress": EGRESS, "ingress": INGRESS}
_SHAPE = ("racks", "hosts", "aggs", "spines")


class Recurrent(MimicModel):
    """An LSTM or GRU of each direction predicts latency, drop and mark of packet after packet.

    Args:
        config (RecurrentConfig): How it was trained, and is used.
        specs (numpy.ndarray): Records of :data:`~m4graph.mimic.feature_layout.FEATURE_SPEC`
            ``[2]``.
        laws (numpy.ndarray): Records of :data:`~m4graph.mimic.feeder_layout.FEEDER_LAW` ``[2]``.
        weights (numpy.ndarray): float32 ``[2, num_weights]``.
        losses (dict): Of each direction, the mean loss of each epoch.

    Reference:
        Zhang et al., MimicNet, SIGCOMM 2021.
    """

    kind = "recurrent"

    def __init__(
        self,
        config: RecurrentConfig,
        specs: NDArray[np.void],
        laws: NDArray[np.void],
        weights: NDArray[np.float32],
        losses: Mapping[str, list[float]],
    ) -> None:
        self.config, self.losses = config, dict(losses)
        self._specs, self._laws, self._weights = specs, laws, weights

    @classmethod
    def fit(
        cls, trace: BoundaryTrace, seed: int, checkpoints: str | Path | None = None, **options: Any
    ) -> Self:
        """Trains the networks of both directions, one after the other, on one thread.

        Args:
            trace (BoundaryTrace): Of a pod of a small network.
            seed (int): Of the initial weights, and the flows in a binned feeder's slots.
            checkpoints (str or Path, optional): A folder for the state of the trainings. One that
                was interrupted goes on from there, and gives the same weights as one that was not.
                (default: none)
            **options: Of :class:`RecurrentConfig`.

        Raises:
            ConfigError: If an option is bad, or nothing crosses the pod.
            InputError: If another training's state lies in the folder.
        """
        config = RecurrentConfig.parse(options)
        specs, weights, losses = [], [], {}
        for name, way in WAYS.items():
            spec, features, targets = training_data(trace, way, config, seed)
            path = None if checkpoints is None else Path(checkpoints) / f"{name}.pt"
            training = Training(config, features, targets, seed, path)
            losses[name] = training.run()
            specs.append(spec)
            weights.append(flat_weights(training.network, config))
        laws = fit_feeder(trace, config.gap_law)
        return cls(config, np.concatenate(specs), laws, np.stack(weights), losses)

    def start(self, pods: Pods, scenario: Scenario, seed: int) -> MimicStep:
        """As :meth:`MimicModel.start`.

        Raises:
            ConfigError: If the pods are of another shape.
        """
        shape = pods.shape
        known = ", ".join(f"{self._specs[0][name]} {name}" for name in _SHAPE)
        other = ", ".join(f"{getattr(shape, name)} {name}" for name in _SHAPE)
        if known != other:
            raise ConfigError(f"mimic recurrent: expected pods of {known} (got {other})")
        rollout = first_rollout(
            self.config, self._specs, self._laws, self._weights, pods, scenario, seed
        )
        return MimicStep(recurrent_step, context_of(pods, rollout))

    def settings(self) -> dict[str, Any]:
        """The options, and the losses of the training."""
        return {"config": self.config.model_dump(), "losses": self.losses}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Constants of the features, laws of the feeder, weights."""
        return {"specs": self._specs, "laws": self._laws, "weights": self._weights}

    @classmethod
    def from_saved(cls, settings: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """As :meth:`MimicModel.from_saved`."""
        try:
            config = RecurrentConfig.parse(settings.get("config"), "config")
        except KeyProblem as problem:
            raise InputError(f"mimic recurrent: {problem}") from None
        expected: dict[str, tuple[Any, int]] = {
            "specs": (FEATURE_SPEC, 1),
            "laws": (FEEDER_LAW, 1),
            "weights": (np.dtype(np.float32), 2),
        }
        for name, (dtype, ndim) in expected.items():
            array = arrays.get(name)
            if array is None or array.dtype != dtype or array.ndim != ndim or len(array) != 2:
                got = "none" if array is None else f"{array.dtype} {list(array.shape)}"
                raise InputError(
                    f"mimic recurrent: {name}: expected {dtype}, 2 directions (got {got})"
                )
        spec = arrays["specs"][0]
        number = num_weights(config, int(sum(spec[name] for name in _SHAPE)) + NUM_OTHERS)
        if arrays["weights"].shape[1] != number or not np.isfinite(arrays["weights"]).all():
            raise InputError(
                f"mimic recurrent: weights: expected {number} finite numbers of each direction "
                f"(got {arrays['weights'].shape[1]})"
            )
        ready = {name: np.ascontiguousarray(arrays[name]) for name in expected}
        return cls(config, **ready, losses=settings.get("losses", {}))


def training_data(
    trace: BoundaryTrace, way: int, config: RecurrentConfig, seed: int
) -> tuple[NDArray[np.void], NDArray[np.float32], Targets]:
    """What a direction's network is trained on.

    Returns:
        Constants ``[1]``, features float32 ``[num_steps, num_features]``, and targets.
    """
    rows, shape = trace.rows[trace.rows["direction"] == way], trace.shape
    tables = [packet_steps(rows, shape)]
    if config.feeder == "binned":
        slot_ticks = slot_of(config, trace.ticks_per_ns)
        shares = config.visible_shares
        tables = [slotted_steps(rows, shape, share, slot_ticks, seed) for share in shares]
    spec = feature_spec(tables, shape, config.bins, config.congestion_state)
    features = np.concatenate([feature_matrix(table, spec) for table in tables])
    return spec, features, targets_of(np.concatenate([table.steps for table in tables]), spec)
