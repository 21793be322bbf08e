"""Labelled runs as graphs, one for each event."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from m4graph.datasets.forms.snapshot_form import Departures, SnapshotForm
from m4graph.datasets.named import NamedDataset, Recipe
from m4graph.datasets.run_dataset import RunDataset


class SnapshotDataset(RunDataset):
    r"""The flows and links of a network just after each flow arrival and departure: one graph for
    each event of each run, as :func:`m4graph.to_hetero_data` gives it, with labels.

    Graph :math:`i` of a run is its :math:`i`-th event. A run is one file; a graph is read as a few
    slices of it, so any order is fine. Links, routes and the configuration are stored once.

    Args:
        root (str or Path): Folder of the data set, as ``m4graph generate --out`` writes it.
        recipe (str, Path, GenerateConfig or NamedDataset, optional): As of :class:`RunDataset`.
            (default: ``None``)
        departures (str): When flows leave. ``"true"``: as the packet simulator says.
            ``"fluid"``: as the fluid simulator says, so that the graphs hold nothing that a model
            could not know in use; then there are no labels of events. (default: ``"true"``)
        **arguments: As of :class:`RunDataset`; ``transform``, ``pre_transform`` and
            ``pre_filter`` take a ``HeteroData``.

    **Fields:** those of :func:`m4graph.to_hetero_data` (rows stand for ids of flows), and

    .. list-table::
        :header-rows: 1

        * - Field
          - Type and size
          - Meaning
        * - ``["flow"].y``
          - float32 ``[num_flows]``
          - True slowdown of the whole flow; nan: did not finish.
        * - ``["flow"].fluid_y``
          - float32 ``[num_flows]``
          - The fluid simulator's slowdown of the whole flow; no truth in it.
        * - ``["flow"].ideal_fct_ns, size_bytes``
          - int64 ``[num_flows]``
          - Time alone in the network; size.
        * - ``["flow"].remaining_bytes``
          - float32 ``[num_flows]``
          - Not yet at the receiver, just after the event; nan: not recorded. True departures only.
        * - ``["link"].queue_bytes``
          - float32 ``[num_links]``
          - Waiting for this link; nan but on the route of the event's flow. True departures only.

    **Split:** :meth:`split`, by scenario: never are two events of one on different sides.

    **STATS** (flows, links and edges of a graph):

    .. list-table::
        :header-rows: 1

        * - Name
          - #graphs
          - #flows
          - #links
          - #edges
          - #flow features
          - #link features
        * - sample
          - 9600
          - ~2.9
          - ~10.8
          - ~19.8
          - 52
          - 18
        * - m4graph
          - 2 400 000
          - ~3.7
          - ~12.1
          - ~25.9
          - 52
          - 18
    """

    def __init__(
        self,
        root: str | Path,
        recipe: Recipe | NamedDataset | None = None,
        *,
        departures: Departures = "true",
        **arguments: Any,
    ) -> None:
        self.form = SnapshotForm(departures)
        self.folder = f"snapshots_{departures}"
        super().__init__(root, recipe, **arguments)
