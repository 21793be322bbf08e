"""Traffic matrices: who sends to whom."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from m4graph.core.calls import plain_call
from m4graph.core.checks import check_count
from m4graph.core.errors import InputError, WorkloadError
from m4graph.core.registry import Registry
from m4graph.core.schema import KeyProblem, spell
from m4graph.workload.layout import HostLayout
from m4graph.workload.pairs import HostPairs, Pairs, RackPairs


@runtime_checkable
class TrafficMatrix(Protocol):
    """Who sends to whom, on any network."""

    def place(self, layout: HostLayout, generator: np.random.Generator) -> Pairs:
        """Puts the matrix on a network. What is random about it is drawn here, once.

        Raises:
            WorkloadError: If it does not fit the network.
        """


TRAFFIC_MATRICES: Registry[Any] = Registry(
    "traffic matrix",
    {
        "client_storage": "m4graph.workload.clusters:ClientStorageMatrix",
        "cluster": "m4graph.workload.clusters:ClusterMatrix",
        "incast": "m4graph.workload.matrices:IncastMatrix",
        "permutation": "m4graph.workload.matrices:PermutationMatrix",
        "rack_matrix": "m4graph.workload.matrices:RackMatrix",
        "uniform": "m4graph.workload.matrices:UniformMatrix",
    },
)
"""Who sends to whom, by name: classes that are a :class:`TrafficMatrix`."""


@plain_call
class UniformMatrix:
    """Every host sends to every other one with equal probability.

    Args:
        inside_racks (bool, optional): Hosts of one rack send to each other, too. (default:
            ``True``)

    Raises:
        KeyProblem: If it is no boolean, or the network has a single rack and none may send.
    """

    def __init__(self, inside_racks: bool = True) -> None:
        if not isinstance(inside_racks, bool):
            raise KeyProblem("inside_racks", f"expected true or false (got {spell(inside_racks)})")
        self.inside_racks = inside_racks

    def place(self, layout: HostLayout, generator: np.random.Generator) -> Pairs:
        """Weighs pairs of racks by their number of host pairs."""
        _at_least_two(layout)
        size = layout.rack_size.astype(np.float64)
        if self.inside_racks:
            return RackPairs(layout, np.outer(size, size) - np.diag(size))
        if layout.num_racks == 1:
            raise KeyProblem("inside_racks", "expected true on a network of one rack (got false)")
        return RackPairs(layout, np.outer(size, size) - np.diag(size**2))


@plain_call
class PermutationMatrix:
    """Every host sends to one other host and receives from one; who from whom is random."""

    def place(self, layout: HostLayout, generator: np.random.Generator) -> Pairs:
        """Draws a permutation that leaves no host in place, all of them equally likely."""
        _at_least_two(layout)
        hosts = np.arange(layout.num_hosts)
        receiver = generator.permutation(layout.num_hosts)
        while (receiver == hosts).any():
            receiver = generator.permutation(layout.num_hosts)
        return HostPairs(layout, hosts, receiver)


@plain_call
class IncastMatrix:
    """Some hosts send to one. Each :obj:`fan_in` flows in a row come from all senders, in random
    order.

    Args:
        fan_in (int): Number of senders, drawn among the other hosts.
        dst (int, optional): The receiver. (default: drawn)

    Raises:
        KeyProblem: If a parameter is no integer, or the network has too few hosts.
    """

    def __init__(self, fan_in: int, dst: int | None = None) -> None:
        self.fan_in = check_count("fan_in", fan_in)
        self.dst = None if dst is None else check_count("dst", dst, 0)

    def place(self, layout: HostLayout, generator: np.random.Generator) -> Pairs:
        """Draws the receiver, if none is given, and the senders."""
        _at_least_two(layout)
        last = layout.num_hosts - 1
        check_count("fan_in", self.fan_in, 1, last)
        drawn = int(generator.integers(layout.num_hosts))
        dst = drawn if self.dst is None else self.dst
        check_count("dst", dst, 0, last)
        src = generator.choice(last, self.fan_in, replace=False)
        return HostPairs(layout, src + (src >= dst), np.full(self.fan_in, dst))


@plain_call
class RackMatrix:
    """Racks send to racks by given weights; hosts are drawn uniformly inside their racks.

    Args:
        matrix (array_like, optional): Weights ``[num_racks, num_racks]`` from row to column, of
            any scale. Racks are in the order of :func:`m4graph.topology.racks`.
        file (str or Path, optional): Instead of it, a file with the weights: CSV without a header,
            or JSON with a list of rows, alone or under the keys ``matrix``, ``inner``.

    Raises:
        InputError: If not just one of the two is given, the file cannot be read, or the weights
            are not a square of numbers of 0 or above with a sum above 0. On a network: if the
            number of racks differs, or a rack of one host is to send to itself.
    """

    def __init__(self, matrix: ArrayLike | None = None, file: str | Path | None = None) -> None:
        if (matrix is None) == (file is None):
            got = "neither" if file is None else "both"
            raise KeyProblem("", f"expected either matrix or file (got {got})")
        self.file = None if file is None else Path(file)
        self.weight = self._checked(matrix if self.file is None else _read(self.file))

    def place(self, layout: HostLayout, generator: np.random.Generator) -> Pairs:
        """Checks that the matrix fits the racks."""
        num_racks = layout.num_racks
        if len(self.weight) != num_racks:
            raise self._problem(
                f"expected {num_racks} x {num_racks} weights, one row for each rack "
                f"(got {len(self.weight)} x {len(self.weight)})"
            )
        alone = (layout.rack_size == 1) & (np.diag(self.weight) > 0)
        if alone.any():
            rack = int(np.argmax(alone))
            raise self._problem(
                f"rack {rack}: expected weight 0 from the rack to itself, as it has one host "
                f"(got {self.weight[rack, rack]:g})"
            )
        return RackPairs(layout, self.weight)

    def _problem(self, problem: str) -> InputError:
        if self.file is None:
            return KeyProblem("matrix", problem)
        return WorkloadError(f"{self.file}: {problem}")

    def _checked(self, matrix: Any) -> NDArray[np.float64]:
        try:
            weight = np.array(matrix, dtype=np.float64)
        except (TypeError, ValueError):
            weight = np.empty(0)
        if weight.ndim != 2 or weight.shape[0] != weight.shape[1]:
            shape = " x ".join(map(str, weight.shape)) if weight.ndim == 2 else "something else"
            raise self._problem(f"expected as many rows as columns of numbers (got {shape})")
        bad = ~(np.isfinite(weight) & (weight >= 0))
        if bad.any():
            row, column = np.unravel_index(int(np.argmax(bad)), bad.shape)
            raise self._problem(
                f"row {row}, column {column}: expected a weight of 0 or above "
                f"(got {weight[row, column]:g})"
            )
        if not 0 < weight.sum() < np.inf:
            raise self._problem(f"expected a sum above 0 (got {weight.sum():g})")
        return weight


def _at_least_two(layout: HostLayout) -> None:
    if layout.num_hosts < 2:
        raise WorkloadError(f"network: expected two hosts or more (got {layout.num_hosts})")


def _read(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix.lower() != ".json":
            lines = [line for line in text.splitlines() if line.strip()]
            return [[float(cell) for cell in line.split(",")] for line in lines]
        rows = json.loads(text)
    except OSError as error:
        raise WorkloadError(
            f"{path}: expected a file to read (got {error.strerror or error})"
        ) from None
    except ValueError as error:
        raise WorkloadError(f"{path}: expected weights as CSV or JSON (got {error})") from None
    for key in ("matrix", "inner"):
        rows = rows.get(key) if isinstance(rows, dict) else rows
    return rows
