"""The learned simulator: a trained model that runs free, from the scenario alone."""

from __future__ import annotations

from m4graph.learned.simulator import LearnedSimulator

__all__ = ["LearnedSimulator"]
