"""Flow sizes from measured distributions, those of the package and the user's own."""

from __future__ import annotations

import re
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from m4graph.core.calls import plain_call
from m4graph.core.errors import WorkloadError
from m4graph.core.table import read_table
from m4graph.core.text import read_lines
from m4graph.workload.sizes import MAX_SIZE_BYTES, whole_bytes

_NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]{1,2})?")


@plain_call
class EmpiricalSizes:
    """A cumulative distribution that is given by points, with straight lines between them.

    Two points of equal size are a step: that many flows have exactly this size. So is a first
    point above 0 %.

    Args:
        points (array_like): Pairs of bytes and cumulative percent ``[num_points, 2]``, both not
            falling, the percent ending at 100.

    Raises:
        WorkloadError: If the points are no such distribution; names the point.
    """

    def __init__(self, points: ArrayLike) -> None:
        self.size_bytes, self.cdf_percent = _checked(points)

    @property
    def mean_bytes(self) -> float:
        """The mean of the law, before rounding to whole bytes."""
        share = np.diff(self.cdf_percent, prepend=0.0) / 100
        lower = np.concatenate((self.size_bytes[:1], self.size_bytes[:-1]))
        return float(share @ (lower + self.size_bytes) / 2)

    def sample(self, generator: np.random.Generator, num_flows: int) -> NDArray[np.int64]:
        """Draws sizes by inversion, int64 ``[num_flows]``."""
        percent = 100 * generator.random(num_flows)
        return whole_bytes(np.interp(percent, self.cdf_percent, self.size_bytes))


@plain_call
def sizes_from_file(file: str | Path) -> EmpiricalSizes:
    """Reads a distribution, one row for each point: a table ``bytes,cdf_percent``, or text.

    Text is what traffic generators read: lines of ``bytes percent`` without a header, or of
    fractions, which end at 1; what follows ``#`` is a comment.

    Args:
        file (str or Path): A table, if its name ends in ``.csv`` or ``.parquet``, else text.

    Raises:
        WorkloadError: If the file is no such table or text, or its points are no distribution.
    """
    path = Path(file)
    if path.suffix.lower() in (".csv", ".parquet"):
        table = read_table(path, {"bytes": float, "cdf_percent": float}, WorkloadError)
        points = np.column_stack((table["bytes"], table["cdf_percent"]))
    else:
        points = _points_of_text(path)
    try:
        return EmpiricalSizes(points)
    except WorkloadError as error:
        raise WorkloadError(f"{path}: {error}") from None


@plain_call
def web_search() -> EmpiricalSizes:
    """Web search, of the DCTCP paper: mean 1.7 MB."""
    return _from_package("web_search")


@plain_call
def cache_follower() -> EmpiricalSizes:
    """Cache followers at Facebook, as used with Parsimon and m4: mean 605 KB."""
    return _from_package("cache_follower")


@plain_call
def web_server() -> EmpiricalSizes:
    """Web servers at Facebook, as used with Parsimon and m4: mean 91 KB."""
    return _from_package("web_server")


@plain_call
def hadoop() -> EmpiricalSizes:
    """Hadoop at Facebook, as used with Parsimon and m4: mean 567 KB."""
    return _from_package("hadoop")


def _from_package(name: str) -> EmpiricalSizes:
    with as_file(files("m4graph.workload") / "cdfs" / f"{name}.csv") as path:
        return sizes_from_file(path)


def _points_of_text(path: Path) -> NDArray[np.float64]:
    """Bytes and cumulative percent ``[num_points, 2]``."""
    points = []
    for line in read_lines(path, WorkloadError):
        cells = " ".join(line.cells).partition("#")[0].split()
        if not cells:
            continue
        if len(cells) != 2 or not all(map(_NUMBER.fullmatch, cells)):
            raise WorkloadError(
                f"{line.where}: expected bytes and cumulative percent, two numbers "
                f"(got {' '.join(line.cells)!r})"
            )
        points.append([float(cell) for cell in cells])
    array = np.array(points).reshape(-1, 2)
    if len(array) and array[-1, 1] == 1:
        array[:, 1] *= 100
    return array


def _checked(points: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    try:
        array = np.array(points, dtype=np.float64)
    except (TypeError, ValueError):
        array = np.empty(0)
    if array.ndim != 2 or array.shape[1] != 2 or len(array) == 0:
        raise WorkloadError("size distribution: expected pairs of bytes and cumulative percent")
    size_bytes, percent = array.T.copy()
    rules = [
        (np.isfinite(array).all(axis=1), "finite numbers"),
        ((size_bytes >= 0) & (size_bytes <= MAX_SIZE_BYTES), f"0 to {MAX_SIZE_BYTES} bytes"),
        ((percent >= 0) & (percent <= 100), "0 to 100 percent"),
        (np.diff(size_bytes, prepend=size_bytes[0]) >= 0, "bytes that do not fall"),
        (np.diff(percent, prepend=percent[0]) >= 0, "a percentage that does not fall"),
    ]
    for good, expected in rules:
        if not good.all():
            point = int(np.argmin(good))
            got = f"{size_bytes[point]:g} bytes, {percent[point]:g} %"
            raise WorkloadError(
                f"size distribution, point {point + 1}: expected {expected} (got {got})"
            )
    if percent[-1] != 100:
        raise WorkloadError(
            f"size distribution, point {len(percent)}: expected the last one at 100 % "
            f"(got {percent[-1]:g} %)"
        )
    return size_bytes, percent
