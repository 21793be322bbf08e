"""What a model has been trained on, and a word of warning where a scenario lies outside."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable

from m4graph.checkpoint import read_config
from m4graph.scenario import Scenario
from m4graph.zoo import find_checkpoint


def trained_controls(model: str | os.PathLike[str]) -> frozenset[str]:
    """Kinds of congestion control that a checkpoint has seen; empty if it does not say.

    They stand in its ``training_domain`` as ``congestion_control``, one kind or a list.

    Raises:
        CheckpointError: If there is no such checkpoint.
    """
    domain = read_config(find_checkpoint(model)).training_domain
    kinds = domain.get("congestion_control", [])
    return frozenset(str(kind) for kind in (kinds if isinstance(kinds, list) else [kinds]))


def warn_of_strangers(
    scenarios: Iterable[Scenario], controls: frozenset[str], model_name: str
) -> None:
    """Warns, once for each kind, of scenarios whose congestion control the model has not seen."""
    if not controls:
        return
    strangers = {scenario.congestion_control.kind for scenario in scenarios} - controls
    for kind in sorted(strangers):
        warnings.warn(
            f"model {model_name}: trained on congestion control {', '.join(sorted(controls))}; "
            f"its predictions for {kind} are a guess",
            stacklevel=4,
        )
