"""Labelled runs as graphs, one for each run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch

from m4graph.core.calls import plain_call
from m4graph.datasets.run_dataset import RunDataset
from m4graph.datasets.store.items import NUM_NODES, Tensors
from m4graph.datasets.store.processing import Form
from m4graph.datasets.store.run_data import RunData, to_run_data
from m4graph.runs.flow_network import FlowNetwork
from m4graph.runs.labelled_run import LabelledRun, check_run

_NETWORK = "network."


@dataclass(frozen=True)
class RunForm:
    """One graph of a run, :class:`RunData`; stored are the arrays of the run."""

    version: str = "run 2"

    def pack(self, run: LabelledRun) -> tuple[Tensors, dict[str, str]]:
        """Stores a run."""
        num_nodes = torch.tensor([run.network.num_flows + run.network.num_links])
        return {NUM_NODES: num_nodes, **_arrays(run), **_arrays(run.network, _NETWORK)}, {}

    def open(self, tensors: Tensors, metadata: Mapping[str, str]) -> StoredRun:
        """Reads it."""
        return StoredRun(tensors)


class StoredRun:
    """The only graph of a run.

    Args:
        tensors (dict): As :meth:`RunForm.pack` gave them.
    """

    def __init__(self, tensors: Tensors) -> None:
        network = FlowNetwork(**_part(FlowNetwork, tensors, _NETWORK))
        self._run = LabelledRun(network=network, **_part(LabelledRun, tensors))
        check_run(self._run, "a processed run")

    def __getitem__(self, index: int) -> RunData:
        return to_run_data(self._run)


@plain_call
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

        * - Name
          - #runs
          - #flows
          - #events
          - raw size
          - made in (2 cores)
        * - tiny
          - 3
          - 180
          - 360
          - 24 KB
          - 1 s
        * - sample
          - 32
          - 4800
          - 9600
          - 0.5 MB
          - 3 s
        * - dctcp-fattree
          - 320
          - 640 000
          - 1 280 000
          - 52 MB
          - 5 min
        * - m4graph
          - 600
          - 1 200 000
          - 2 400 000
          - 79 MB
          - 4 min
        * - m4-paper
          - 600
          - 1 200 000
          - 2 400 000
          - 84 MB
          - 5 min
    """

    form: Form = RunForm()


def _arrays(owner: LabelledRun | FlowNetwork, prefix: str = "") -> Tensors:
    arrays = {field.name: getattr(owner, field.name) for field in fields(owner)}
    return {
        prefix + name: torch.from_numpy(array)
        for name, array in arrays.items()
        if isinstance(array, np.ndarray)
    }


def _part(owner: type[LabelledRun | FlowNetwork], tensors: Tensors, prefix: str = "") -> Any:
    names = [field.name for field in fields(owner)]
    return {name: tensors[prefix + name].numpy() for name in names if prefix + name in tensors}
