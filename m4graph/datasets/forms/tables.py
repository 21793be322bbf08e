"""What is known of each flow before a packet simulation, as a table: of a scenario, and of runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch_geometric.data import Data

from m4graph.core.calls import plain_call
from m4graph.core.compilation import source_digest
from m4graph.datasets.run_dataset import RunDataset
from m4graph.datasets.store.items import StoredItems, Tensors, pack_items
from m4graph.datasets.store.processing import Form
from m4graph.graph.schema import FLOW_FEATURES
from m4graph.graph.step import FlowTracker
from m4graph.graph.survey import warm_up
from m4graph.runs.events import ARRIVAL, event_stream
from m4graph.runs.flow_network import FlowNetwork
from m4graph.runs.labelled_run import LabelledRun
from m4graph.scenario import Scenario
from m4graph.simulators.fluid import fluid_fct_ns

_SAME_AT_ARRIVAL = (
    "is_event_flow",
    "event_is_arrival",
    "log_elapsed",
    "remaining",
    "log_now",
    "log_mean_wait",
    "fluid_remaining",
    "log_trips",
)
"""Features of a flow that have one value at all arrivals."""
_AT_ARRIVAL = [name for name in FLOW_FEATURES if name not in _SAME_AT_ARRIVAL]
_TAKEN = [FLOW_FEATURES.index(name) for name in _AT_ARRIVAL]

COLUMNS = (
    "log_fluid_slowdown",  # in the fluid simulator, which knows all flows of the run
    "log_size_bytes",
    "log_ideal_fct_ns",
    "log_bottleneck_bps",  # the slowest link of the route
    "log_delay_ns",  # of the links of the route together
    "num_hops",  # links of the route
    "num_active",  # flows in the network at its arrival, itself included, in the fluid simulator
    "log_start_gap_ns",  # since the last arrival anywhere; log of 1 + x
    *(f"arrival_{name}" for name in _AT_ARRIVAL),
)
"""Columns of :func:`flow_table`; ``arrival_*`` are features of :mod:`m4graph.graph.schema`. All
logarithms are natural ones."""


@plain_call
def flow_table(scenario: Scenario | FlowNetwork) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """What is known of each flow of a scenario without the packet simulator.

    That is what the event graph says of a flow at its arrival, if flows leave as the fluid
    simulator says, and the fluid simulator's answer itself.

    Args:
        scenario (Scenario or FlowNetwork): The scenario.

    Shapes:
        - the table, float32 ``[num_flows, num_columns]``, rows as in the workload; the names of its
          columns, :data:`COLUMNS`

    Raises:
        WorkloadError: If the workload is a closed loop, whose starts only a run can tell.
    """
    network = FlowNetwork.from_scenario(scenario) if isinstance(scenario, Scenario) else scenario
    return _table(network, fluid_fct_ns(network)), COLUMNS


@dataclass(frozen=True)
class TableForm:
    """One graph of a run: its table, without edges."""

    @property
    def version(self) -> str:
        """Changes with the code of the features."""
        return f"table 1 {source_digest('m4graph.graph.survey', 'm4graph.simulators.fluid')}"

    def pack(self, run: LabelledRun) -> tuple[Tensors, dict[str, str]]:
        """Makes the table of a run."""
        network = run.network
        slowdown = np.where(run.fct_ns >= 0, run.fct_ns / network.ideal_fct_ns, np.nan)
        fluid_ns = fluid_fct_ns(network)
        data = Data(
            x=torch.from_numpy(_table(network, fluid_ns)),
            y=torch.from_numpy(slowdown.astype(np.float32)),
            fluid_y=torch.from_numpy((fluid_ns / network.ideal_fct_ns).astype(np.float32)),
            fct_ns=torch.from_numpy(run.fct_ns.copy()),
            ideal_fct_ns=torch.from_numpy(network.ideal_fct_ns.copy()),
            size_bytes=torch.from_numpy(network.size_bytes.copy()),
            start_ns=torch.from_numpy(network.start_ns.copy()),
        )
        return pack_items([data])

    def open(self, tensors: Tensors, metadata: Mapping[str, str]) -> StoredItems:
        """Reads it."""
        return StoredItems(tensors, metadata)


@plain_call
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
          - As :attr:`columns` names them, see :data:`m4graph.datasets.forms.tables.COLUMNS`.
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
          - 78
        * - m4graph
          - 600
          - 1 200 000
          - 78
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
            [self._frame(index, run) for index, run in enumerate(self.run_index())],
            ignore_index=True,
        )

    def _frame(self, index: int, run: int) -> pd.DataFrame:
        data = self[index]
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


def _table(network: FlowNetwork, fct_ns: NDArray[np.int64]) -> NDArray[np.float32]:
    known = np.column_stack((_before_the_run(network, fct_ns), *_at_arrivals(network, fct_ns)))
    return known.astype(np.float32)


def _before_the_run(network: FlowNetwork, fct_ns: NDArray[np.int64]) -> NDArray[np.float64]:
    """The columns of :data:`COLUMNS` that need no event graph, but for the last two of these."""
    first, num_hops = network.route_ptr[:-1], np.diff(network.route_ptr)
    rate_bps = network.link_rate_bps[network.route_links]
    delay_ns = network.link_delay_ns[network.route_links]
    bottleneck_bps = np.minimum.reduceat(rate_bps, first) if len(first) else first
    total_delay_ns = np.add.reduceat(delay_ns, first) if len(first) else first
    return np.column_stack(
        (
            np.log(fct_ns / network.ideal_fct_ns),
            np.log(network.size_bytes),
            np.log(network.ideal_fct_ns),
            np.log(bottleneck_bps),
            np.log1p(total_delay_ns),
            num_hops,
        )
    )


def _at_arrivals(
    network: FlowNetwork, fct_ns: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float32]]:
    """Active flows, time since the last arrival, and features of each flow at its arrival."""
    warm_up()
    events = event_stream(network, fct_ns)
    arrives = events["kind"] == ARRIVAL
    flow = events["flow"][arrives]
    num_active, gap_ns = np.zeros(network.num_flows), np.zeros(network.num_flows)
    num_active[flow] = np.cumsum(np.where(arrives, 1, -1))[arrives]
    gap_ns[flow] = np.diff(events["time_ns"][arrives], prepend=events["time_ns"][:1])
    features = np.zeros((network.num_flows, len(_TAKEN)), np.float32)
    tracker = FlowTracker([network])
    for i in range(len(events)):
        step = tracker.step(events[i : i + 1])
        if arrives[i]:
            row = np.flatnonzero(step.flow_ids.numpy() == events["flow"][i])[0]
            features[events["flow"][i]] = step.flow_x[row].numpy()[_TAKEN]
    return num_active, np.log1p(gap_ns), features
