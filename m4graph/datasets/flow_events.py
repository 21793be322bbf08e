"""Labelled runs as graphs, one for each run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from m4graph.datasets.items import StoredItems, Tensors, pack_items
from m4graph.datasets.processing import Form
from m4graph.datasets.run_data import to_run_data
from m4graph.datasets.run_dataset import RunDataset
from m4graph.graph.run import LabelledRun


@dataclass(frozen=True)
class RunForm:
    """One graph of a run: :class:`RunData`."""

    version: str = "run 1"

    def pack(self, run: LabelledRun) -> tuple[Tensors, dict[str, str]]:
        """Stores the graph of a run."""
        return pack_items([to_run_data(run)])

    def open(self, tensors: Tensors, metadata: Mapping[str, str]) -> StoredItems:
        """Reads it."""
        return StoredItems(tensors, metadata)


class FlowEventDataset(RunDataset):
    r"""Runs of the packet simulator, with the state of flows and links at every flow arrival and
    departure: one graph for each run.

    Args:
        root (str or Path): Folder of the data set, as ``m4graph generate --out`` writes it.
        **arguments: As of :class:`RunDataset`; ``transform``, ``pre_transform`` and
            ``pre_filter`` take a :class:`RunData`.

    **Fields:** those of :class:`RunData`; ``y`` of a flow is its slowdown.

    **Split:** :meth:`split`, by a hash of links, flows and routes. Evaluation is in no dataset
    unless a suite is asked for by name.

    **STATS:**

    .. list-table::
        :widths: 20 10 10 15 15 20
        :header-rows: 1

        * - Recipe
          - #runs
          - #flows
          - #events
          - raw size
          - made in (one core)
        * - tiny
          - 3
          - 180
          - 360
          - 24 KB
          - 1 s
        * - dctcp-fattree
          - 320
          - 640 000
          - 1 280 000
          - 52 MB
          - 16 min
    """

    form: ClassVar[Form] = RunForm()
