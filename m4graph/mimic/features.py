"""Features of packets at the borders of a pod that do not depend on the number of pods.

Numbers inside the pod count, those of other pods' hosts do not: what is learned between two pods
then holds among any number. The columns are, in order:

- one-hot: the local rack, the host in its rack, the aggregation switch, the core switch (as its
  number in the plane of the aggregation switch), of the end inside the pod
- one-hot: the regime of congestion (below)
- the packet's size on the wire, over the largest one
- the time since the last packet of that direction, and a running mean of such times
  (``0.7 old + 0.3 new``), each in one of ``bins`` bins over the range of the training trace
- the number of packets that the step stands for, over the largest number: 1 but for bins of time
  that stand for hidden traffic (:mod:`m4graph.mimic.feeder`)

The regime is judged over spans of 1.2 times the smallest latency of the training trace, by what
became of the packets of the last span: more than a third of them dropped is *full*; a mean latency
above 1.2 times the median is *rising*, or *falling* after full; else it is *calm*.

Reference:
    Zhang et al., MimicNet, SIGCOMM 2021, table 1. The released code also feeds back what became of
    the packet before, and judges a packet's regime with the outcome of that packet itself; the
    first makes a model drift on its own answers, the second cannot be known in use.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from m4graph.core.errors import ConfigError
from m4graph.mimic.feature_kernels import fill_gaps, fill_matrix
from m4graph.mimic.feature_layout import FEATURE_SPEC, MODEL_STEP, first_tracks
from m4graph.mimic.shape import PodShape
from m4graph.mimic.targets import Discretizer, Targets

_SPAN = 1.2
_HIGH = 1.2
_ENDLESS = np.iinfo(np.int64).max
NUM_OTHERS = 8
"""Columns beside those of the place."""


@dataclass(frozen=True, eq=False)
class StepTable:
    """What came to a pod in one direction, in time, as steps of a model.

    Args:
        steps (numpy.ndarray): Records of
            :data:`~m4graph.mimic.feature_layout.MODEL_STEP`.
        mixes (numpy.ndarray): float32 ``[num_mixes, num_places]``: shares of the places of packets
            that are taken together.
    """

    steps: NDArray[np.void]
    mixes: NDArray[np.float32]


def packet_steps(rows: NDArray[np.void], shape: PodShape) -> StepTable:
    """A step for each packet.

    Args:
        rows (numpy.ndarray): Records of :data:`~m4graph.mimic.border_rows.BORDER_ROW` of one
            direction, by time of entry.
        shape (PodShape): Of the pod.
    """
    steps = np.zeros(len(rows), MODEL_STEP)
    delivered = ~rows["dropped"]
    latency = rows["exit_ticks"] - rows["enter_ticks"]
    columns = {
        "ticks": rows["enter_ticks"],
        "mix": -1,
        "host": rows["host"],
        "port": rows["agg"].astype(np.int64) * shape.spines + rows["spine"],
        "wire_bytes": rows["wire_bytes"],
        "packets": 1,
        "drops": rows["dropped"],
        "latency_ticks": np.where(delivered, latency, 0),
        "marked": rows["marked_out"] & ~rows["marked_in"],
        "markable": delivered & (rows["kind"] == 0) & ~rows["marked_in"],
    }
    for name, column in columns.items():
        steps[name] = column
    return StepTable(steps, np.zeros((0, num_places(shape)), np.float32))


def num_places(shape: PodShape) -> int:
    """Number of the columns that say where a packet is."""
    return shape.racks + shape.hosts + shape.aggs + shape.spines


def num_features(shape: PodShape) -> int:
    """Number of all columns."""
    return num_places(shape) + NUM_OTHERS


def feature_spec(
    tables: Sequence[StepTable], shape: PodShape, bins: int, has_regimes: bool = True
) -> NDArray[np.void]:
    """The constants of a direction, records of :data:`FEATURE_SPEC` ``[1]``.

    Args:
        tables (Sequence[StepTable]): Steps of the training trace.
        shape (PodShape): Of the pod.
        bins (int): Of gaps and latency.
        has_regimes (bool, optional): Whether congestion is judged at all; else it is always
            *calm*. (default: ``True``)

    Raises:
        ConfigError: If there is no step whose packets were delivered.
    """
    steps = np.concatenate([table.steps for table in tables])
    latency = steps["latency_ticks"][steps["drops"] < steps["packets"]]
    if not len(latency):
        raise ConfigError("trace: expected packets that cross the pod both ways (got none)")
    gaps, mean_gaps = np.concatenate([_gaps(table) for table in tables], axis=1)
    spec = np.zeros(1, FEATURE_SPEC)
    for name in ("racks", "hosts", "aggs", "spines"):
        spec[name] = getattr(shape, name)
    spec["bins"] = bins
    spec["span_ticks"] = _SPAN * latency.min() if has_regimes else _ENDLESS
    spec["high_ticks"] = _HIGH * np.median(latency)
    spec["wire_bytes"] = steps["wire_bytes"].max()
    spec["packets"] = steps["packets"].max()
    for name, values in (("gap", gaps), ("mean_gap", mean_gaps), ("latency", latency)):
        of_values = Discretizer.of(values, bins)
        spec[f"{name}_min"], spec[f"{name}_step"] = of_values.minimum, of_values.step
    return spec


def latency_bins(spec: NDArray[np.void]) -> Discretizer:
    """The bins of latency in a direction's constants."""
    names = ("latency_min", "latency_step", "bins")
    minimum, step, bins = (spec[name].item() for name in names)
    return Discretizer(minimum, step, bins)


def feature_matrix(table: StepTable, spec: NDArray[np.void]) -> NDArray[np.float32]:
    """Features of all steps, float32 ``[num_steps, num_features]``."""
    places = table.mixes.shape[1]
    out = np.empty((len(table.steps), places + NUM_OTHERS), np.float32)
    fill_matrix(spec, first_tracks(1), table.steps, table.mixes, out)
    return out


def targets_of(steps: NDArray[np.void], spec: NDArray[np.void]) -> Targets:
    """What is to be predicted at all steps."""
    bins = latency_bins(spec)
    delivered = steps["drops"] < steps["packets"]
    number = bins.encode(steps["latency_ticks"])
    return Targets(
        latency=(number / bins.bins).astype(np.float32),
        drop=(steps["drops"] / steps["packets"]).astype(np.float32),
        mark=(steps["marked"] / np.maximum(steps["markable"], 1)).astype(np.float32),
        is_delivered=delivered,
        can_be_marked=steps["markable"] > 0,
    )


def _gaps(table: StepTable) -> NDArray[np.float64]:
    """Gaps before the steps, and their running means, ``[2, num_steps]``."""
    gaps = np.empty((2, len(table.steps)))
    fill_gaps(first_tracks(1), table.steps["ticks"], gaps)
    return gaps
