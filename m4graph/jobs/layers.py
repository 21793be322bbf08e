"""What each layer of a training takes, in the columns of SimAI's end-to-end table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from m4graph.core.units import NS_PER_US
from m4graph.jobs.result import JobResult
from m4graph.workload.collectives import KINDS
from m4graph.workload.programs.program import PARTS

_SHORT = dict(zip(PARTS, ("fwd", "ig", "wg"), strict=True))


def layer_table(result: JobResult, rank: int = 0) -> pd.DataFrame:
    """A row for each layer of a rank, and the sum; times in us, bandwidths in GiB/s as SimAI's.

    Exposed is the time in which the rank did nothing but wait, total that of the operations.

    Args:
        result (JobResult): Of a training.
        rank (int): The rank. (default: ``0``)
    """
    _, program = result.program_of(rank)
    layers = range(int(program.layer.max(initial=-1)) + 1)
    names = {
        layer: name.removesuffix(f" {PARTS[part]}")
        for name, layer, part in zip(
            program.names, program.layer.tolist(), program.part.tolist(), strict=True
        )
    }
    table: dict[str, list[float]] = {}
    computations, operations = result.computations(rank), result.operations_of(rank)
    exposed_ns = result.exposed_of(rank)
    for index, part in enumerate(PARTS):
        at = (program.layer >= 0) & (program.part == index)
        computed = computations[at[computations[:, 2]]]
        sent = operations[at[operations[:, 2]]]
        short = _SHORT[part]
        where = program.layer[computed[:, 2]], program.layer[sent[:, 2]]
        table[f"{short} compute"] = _sums(where[0], computed[:, 1] - computed[:, 0], len(layers))
        table[f"{short} exposed comm"] = _sums(where[1], exposed_ns[sent[:, 2]], len(layers))
        table[f"{short} total comm"] = _sums(where[1], sent[:, 1] - sent[:, 0], len(layers))
        collectives = [
            result.layout.collectives[result.layout.collective_of[number]]
            for number in sent[:, 3].tolist()
        ]
        groups = result.state.operations["group"][sent[:, 3]]
        ranks = result.state.groups["num_ranks"][groups].tolist()
        size = np.array([one.size_bytes for one in collectives], np.float64)
        bus = [KINDS[one.kind].bus_factor(n) for one, n in zip(collectives, ranks, strict=True)]
        total_s = np.array(table[f"{short} total comm"]) / 1e6
        for name, carried in (("algbw", size), ("busbw", size * np.array(bus))):
            sums = np.bincount(where[1], weights=carried, minlength=len(layers))
            with np.errstate(divide="ignore", invalid="ignore"):
                table[f"{short} {name}"] = np.where(total_s > 0, sums / total_s / 2**30, 0).tolist()
    frame = pd.DataFrame({"layer": [names.get(layer, "") for layer in layers], **table})
    total = {name: [frame[name].sum() if "bw" not in name else 0.0] for name in table}
    return pd.concat([frame, pd.DataFrame({"layer": ["SUM"], **total})], ignore_index=True)


def _sums(layer: np.ndarray, values_ns: np.ndarray, num_layers: int) -> list[float]:
    sums = np.bincount(layer, weights=values_ns / NS_PER_US, minlength=num_layers)
    return sums.tolist()  # type: ignore[no-any-return]
