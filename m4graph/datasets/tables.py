"""Labelled runs as tables of flows."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pandas as pd

from m4graph.datasets.processing import Form
from m4graph.datasets.run_dataset import RunDataset
from m4graph.datasets.table_form import COLUMNS, TableForm


class FlowTableDataset(RunDataset):
    r"""What is known of each flow before a packet simulation, beside what it said: one table for
    each run, for regressors that look at one flow at a time.

    Nothing in ``x`` comes from the packet simulator; :func:`flow_table` gives the same table of a
    scenario that was never simulated.

    Args:
        root (str or Path): Folder of the data set, as ``m4graph generate --out`` writes it.
        **arguments: As of :class:`RunDataset`; ``transform``, ``pre_transform`` and
            ``pre_filter`` take a ``Data``.

    **Fields:**

    .. list-table::
        :header-rows: 1

        * - Field
          - Type and size
          - Meaning
        * - ``x``
          - float32 ``[num_flows, num_columns]``
          - As :attr:`columns` names them, see :data:`m4graph.datasets.table_form.COLUMNS`.
        * - ``y``
          - float32 ``[num_flows]``
          - True slowdown; nan: did not finish.
        * - ``fluid_y``
          - float32 ``[num_flows]``
          - The fluid simulator's slowdown.
        * - ``fct_ns``
          - int64 ``[num_flows]``
          - True completion time; -1: did not finish.
        * - ``ideal_fct_ns, size_bytes, start_ns``
          - int64 ``[num_flows]``
          - Time alone in the network; size; start.

    **Split:** :meth:`split`, by scenario: never are two flows of one on different sides.

    **STATS:**

    .. list-table::
        :header-rows: 1

        * - Name
          - #graphs
          - #flows
          - #columns
        * - sample
          - 32
          - 4800
          - 53
        * - m4graph
          - 600
          - 1 200 000
          - 53
    """

    folder = "tables"
    form: Form = TableForm()
    columns: ClassVar[tuple[str, ...]] = COLUMNS
    """Names of the columns of ``x``."""

    def to_frame(self) -> pd.DataFrame:
        """All flows, those of a split too: ``run``, ``flow`` (its row), :attr:`columns`,
        ``slowdown``, ``fluid_slowdown``, ``fct_ns``, ``ideal_fct_ns``, ``size_bytes``.
        """
        return pd.concat(
            [self._frame(place, run) for place, run in enumerate(self.run_index())],
            ignore_index=True,
        )

    def _frame(self, place: int, run: int) -> pd.DataFrame:
        data = self[place]
        return pd.DataFrame(
            {
                "run": self.names[run],
                "flow": np.arange(data.num_nodes),
                **dict(zip(self.columns, data.x.numpy().T, strict=True)),
                "slowdown": data.y.numpy(),
                "fluid_slowdown": data.fluid_y.numpy(),
                **{name: data[name].numpy() for name in ("fct_ns", "ideal_fct_ns", "size_bytes")},
            }
        )
