"""What RouteNet is trained on: snapshots of events, each with the fluid slowdowns of its flows."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from torch.utils.data import Dataset
from torch_geometric.data import HeteroData
from torch_geometric.loader import DataLoader

from m4graph.datasets import FlowTableDataset, NodeBudgetSampler, SnapshotDataset
from m4graph.graph.schema import FLOW
from m4graph_baselines.routenet import LOG_FLUID, slim


class FluidSnapshots(Dataset[HeteroData]):
    """Snapshots of a data set of labelled runs, with ``log_fluid_slowdown`` of each flow.

    A snapshot does not say what the fluid simulator made of its flows in the end; the table of its
    run does.

    Args:
        root (str or Path): Folder of the data set.
        split (str): ``"train"`` or ``"val"``.
    """

    def __init__(self, root: str | Path, split: Literal["train", "val"]) -> None:
        self.snapshots = SnapshotDataset(
            root, departures="fluid", split=split, transform=slim_with_labels, log=True
        )
        self._run = self.snapshots.run_index()
        self._log_fluid = [table.fluid_y.log() for table in FlowTableDataset(root, log=True)]

    def __len__(self) -> int:
        return len(self.snapshots)

    def __getitem__(self, index: int) -> HeteroData:
        data = self.snapshots[index]
        data[FLOW][LOG_FLUID] = self._log_fluid[self._run[index]][data[FLOW].n_id]
        return data

    def loader(self, max_nodes: int, seed: int) -> DataLoader:
        """Shuffled batches of so many flows and links at most."""
        sampler = NodeBudgetSampler(self.snapshots, max_nodes, shuffle=True, seed=seed)
        return DataLoader(self, batch_sampler=sampler)


def slim_with_labels(data: HeteroData) -> HeteroData:
    """What RouteNet reads of a snapshot, and the true slowdowns."""
    kept = slim(data)
    kept[FLOW].y = data[FLOW].y
    return kept
