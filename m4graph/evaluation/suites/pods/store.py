"""What is kept of the runs of a suite of pods, each under a key that says what it depends on."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from m4graph.core.array_checks import Checker
from m4graph.core.array_file import read_arrays
from m4graph.core.errors import InputError
from m4graph.core.files import whole_file
from m4graph.mimic.samples import HostSamples

_ARRAYS = {"fct_ns": "<i8", "rtt_ns": "<f8", "marked": "|b1", "throughput_bytes": "<i8"}
_LARGEST = 2.0**62


@dataclass(frozen=True)
class RunCost:
    """What a run took.

    Args:
        cpu_s (float): Seconds of one core, without compilation.
        packet_hops (int): Packets, data and ACK, sent over a link.
        num_flows (int): Flows that were simulated.
    """

    cpu_s: float
    packet_hops: int
    num_flows: int


def save_run(path: Path, key: str, samples: HostSamples, cost: RunCost) -> None:
    """Writes a run; the file appears whole or not at all."""
    header = {"key": key, "num_unfinished": samples.num_unfinished, **asdict(cost)}
    arrays: dict[str, Any] = {name: getattr(samples, name) for name in _ARRAYS}
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as half, half.open("wb") as file:
        np.savez_compressed(file, header=np.array(json.dumps(header)), **arrays)


def load_run(paths: Sequence[Path], key: str) -> tuple[HostSamples, RunCost] | None:
    """Reads a run from the first of these files that has it; ``None`` if none does.

    A file that is damaged is removed, and told in one line.
    """
    for path in paths:
        if not path.exists():
            continue
        try:
            found = _read(path, key)
        except InputError as error:
            print(f"m4graph: {error}; it is made anew", file=sys.stderr)
            with suppress(OSError):
                path.unlink()
            continue
        if found is not None:
            return found
    return None


def _read(path: Path, key: str) -> tuple[HostSamples, RunCost] | None:
    arrays = read_arrays(path, ("header", *_ARRAYS), "a stored run")
    try:
        header = json.loads(str(arrays.pop("header")))
        if header["key"] != key:
            return None
        cost = RunCost(header["cpu_s"], header["packet_hops"], header["num_flows"])
        unfinished = header["num_unfinished"]
        good = all(0 <= each < math.inf for each in (*asdict(cost).values(), unfinished))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{path}: header: expected that of a stored run (got {error!r})") from None
    check = Checker(str(path))
    if not good:
        check.refuse("header", "numbers of 0 or above", header)
    for name, dtype in _ARRAYS.items():
        check.array(name, arrays[name], dtype, len(arrays[name]))
        check.values(name, arrays[name], 0, _LARGEST)
    check.array("marked", arrays["marked"], "|b1", len(arrays["rtt_ns"]))
    return HostSamples(num_unfinished=unfinished, **arrays), cost
