"""Models of what happens between the borders of a pod."""

from __future__ import annotations

from m4graph.core.registry import Registry
from m4graph.mimic.models.base import MimicModel, MimicStep, common_arrays

MIMIC_MODELS: Registry[type[MimicModel]] = Registry(
    "mimic model",
    {
        "constant": "m4graph.mimic.models.constant:Constant",
        "graph": "m4graph.mimic.models.graph:Graph",
        "iid": "m4graph.mimic.models.iid:Iid",
        "iid_ordered": "m4graph.mimic.models.iid:IidOrdered",
        "lindley": "m4graph.mimic.models.lindley:Lindley",
        "markov": "m4graph.mimic.models.markov:Markov",
        "oracle": "m4graph.mimic.models.oracle:Oracle",
        "recurrent": "m4graph.mimic.models.recurrent.model:Recurrent",
    },
)
"""Models of pods by name, each a :class:`MimicModel`."""

__all__ = ["MIMIC_MODELS", "MimicModel", "MimicStep", "common_arrays"]
