"""Models of what happens between the borders of a pod."""

from __future__ import annotations

from m4graph.core.registry import Registry
from m4graph.mimic.models.base import MimicModel, MimicStep, common_arrays

MIMIC_MODELS: Registry[type[MimicModel]] = Registry(
    "mimic model",
    {
        "constant": "m4graph.mimic.models.constant:Constant",
        "oracle": "m4graph.mimic.models.oracle:Oracle",
        "recurrent": "m4graph.mimic.models.recurrent.model:Recurrent",
    },
)
"""Models of pods by name, each a :class:`MimicModel`."""

__all__ = ["MIMIC_MODELS", "MimicModel", "MimicStep", "common_arrays"]
