"""Labelled runs of the packet simulator: distributions over scenarios, generation, PyG datasets.

The names below are imported on first use: generating needs no torch, and its workers start fast.
"""

from __future__ import annotations

from m4graph.core.lazy import lazy_names

_NAMES = {
    "DATASETS": "m4graph.datasets.named",
    "FlowEventDataset": "m4graph.datasets.forms.runs",
    "FlowTableDataset": "m4graph.datasets.forms.tables",
    "GenerateConfig": "m4graph.datasets.making.config",
    "GenerationError": "m4graph.datasets.making.generation",
    "NamedDataset": "m4graph.datasets.named",
    "NodeBudgetSampler": "m4graph.datasets.batching",
    "RouteNetDataset": "m4graph.datasets.importers.routenet.dataset",
    "RunData": "m4graph.datasets.store.run_data",
    "RunDataset": "m4graph.datasets.run_dataset",
    "Shard": "m4graph.datasets.making.manifest",
    "SnapshotDataset": "m4graph.datasets.forms.snapshots",
    "flow_table": "m4graph.datasets.forms.tables",
    "generate": "m4graph.datasets.making.generation",
    "import_runs": "m4graph.datasets.importers.runs",
    "load_config": "m4graph.datasets.making.config",
    "scenario_hash": "m4graph.datasets.making.leakage",
    "to_run_data": "m4graph.datasets.store.run_data",
}

__all__ = sorted(_NAMES)

__getattr__, __dir__ = lazy_names(__name__, _NAMES)
