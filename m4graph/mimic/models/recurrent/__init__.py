"""The recurrent model of MimicNet."""

from m4graph.mimic.models.recurrent.config import RecurrentConfig
from m4graph.mimic.models.recurrent.model import Recurrent

__all__ = ["Recurrent", "RecurrentConfig"]
