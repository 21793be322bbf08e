"""``traffic.txt``: when the packets of each flow come, how large they are, and their service.

A flow is ``time_distribution,bits_per_s,parameters...,size_distribution,mean_bits,parameters...,
type_of_service``; a pair of nodes without traffic has -1.
"""

from __future__ import annotations

from typing import NamedTuple

from m4graph.core.errors import InputError, one_of
from m4graph.datasets.importers.routenet.numbers import integer, number

TIME_PARAMETERS = (
    "packets_per_s", "max_factor", "off_s", "on_s", "on_packets_per_s", "ar_a", "sigma", "samples",
    "min_packets_per_s", "max_packets_per_s", "deviation", "bursts_per_s", "burst_bps",
    "min_burst_bits", "max_burst_bits", "alpha",
)  # fmt: skip
"""Columns of ``time_parameters``; 0 where a distribution has no such parameter."""

TIME_DISTRIBUTIONS = {
    "poisson": ("packets_per_s", "max_factor"),
    "cbr": ("packets_per_s",),
    "uniform": ("min_packets_per_s", "max_packets_per_s"),
    "normal": ("packets_per_s", "deviation"),
    "on_off": ("on_packets_per_s", "off_s", "on_s", "max_factor"),
    "pareto_bursts": (
        "bursts_per_s", "burst_bps", "min_burst_bits", "max_burst_bits", "alpha", "max_factor",
    ),
    "trace": (),
    "autocorrelated": ("ar_a", "samples"),
    "modulated": ("sigma", "samples"),
}  # fmt: skip
"""Inter-arrival times, and their parameters in the file's order; indices are numbers."""

SIZE_DISTRIBUTIONS = ("fixed", "uniform", "binomial", "generic", "trace")
"""Packet sizes; indices are numbers."""

MAX_SIZES = 8
"""Columns of ``packet_bits`` and ``packet_share``."""

_NUMBER_OF = {name: index for index, name in enumerate(TIME_DISTRIBUTIONS)}
_EXTERNAL = str(_NUMBER_OF["autocorrelated"])
_EXTERNAL_NAMES = {"generate_autosimilar": "autocorrelated", "autosimilar_k2": "modulated"}


class Traffic(NamedTuple):
    """One flow; lists have the lengths of :data:`TIME_PARAMETERS` and :data:`MAX_SIZES`."""

    time_distribution: int
    mean_bps: float
    time_parameters: list[float]
    size_distribution: int
    mean_packet_bits: float
    packet_bits: list[float]
    packet_share: list[float]
    tos: int


def read_traffic(text: str, where: str) -> Traffic | None:
    """Reads a flow; ``None``: none is there.

    Raises:
        InputError: If a distribution is unknown or lacks parameters.
    """
    cells = [cell.strip() for cell in text.split(",")]
    if cells[0] in ("-1", ""):
        return None
    name, first = _time_distribution(cells, where)
    columns = TIME_DISTRIBUTIONS[name]
    end = first + len(columns)
    if len(cells) < end + 2:
        raise InputError(
            f"{where}: expected {len(columns)} parameters of {name}, a size distribution and a "
            f"type of service (got {text!r})"
        )
    parameters = dict.fromkeys(TIME_PARAMETERS, 0.0)
    for column, cell in zip(columns, cells[first:end], strict=True):
        parameters[column] = number(cell, where, column)
    kind, mean_bits, sizes, shares = _sizes(cells[end], cells[end + 1 : -1], where)
    return Traffic(
        time_distribution=_NUMBER_OF[name],
        mean_bps=number(cells[1], where, "the mean rate"),
        time_parameters=list(parameters.values()),
        size_distribution=kind,
        mean_packet_bits=mean_bits,
        packet_bits=sizes + [0.0] * (MAX_SIZES - len(sizes)),
        packet_share=shares + [0.0] * (MAX_SIZES - len(shares)),
        tos=integer(cells[-1].partition(".")[0], where, "a type of service"),
    )


def _time_distribution(cells: list[str], where: str) -> tuple[str, int]:
    """The name of a distribution of times, and where its parameters start."""
    if cells[0] == _EXTERNAL and len(cells) > 2:
        if cells[2] not in _EXTERNAL_NAMES:
            raise InputError(
                f"{where}: expected {one_of(_EXTERNAL_NAMES)} after 7 and a rate (got {cells[2]!r})"
            )
        return _EXTERNAL_NAMES[cells[2]], 3
    names = list(TIME_DISTRIBUTIONS)
    if cells[0] not in map(str, range(len(names) - 1)):
        raise InputError(
            f"{where}: expected a time distribution of 0 to {len(names) - 2}, or -1 for no traffic "
            f"(got {cells[0]!r})"
        )
    return names[int(cells[0])], 2


def _sizes(kind: str, cells: list[str], where: str) -> tuple[int, float, list[float], list[float]]:
    """Number of a distribution of sizes, its mean (0: not given), its sizes and their shares."""
    if kind not in map(str, range(len(SIZE_DISTRIBUTIONS))):
        last = len(SIZE_DISTRIBUTIONS) - 1
        raise InputError(f"{where}: expected a size distribution of 0 to {last} (got {kind!r})")
    name = SIZE_DISTRIBUTIONS[int(kind)]
    values = [number(cell, where, f"a parameter of {name}") for cell in cells]
    mean = values[0] if values else 0.0
    if name == "fixed" and len(values) in (1, 2):
        return int(kind), mean, values[-1:], [1.0]
    if name == "uniform" and len(values) == 3:
        return int(kind), mean, values[1:], [0.0, 0.0]
    if name == "binomial" and len(values) == 3:
        return int(kind), mean, values[1:], [0.5, 0.5]
    if name == "generic" and len(values) >= 2 and len(values) == 2 + 2 * values[1]:
        if values[1] > MAX_SIZES:
            raise InputError(f"{where}: expected at most {MAX_SIZES} sizes (got {values[1]:g})")
        return int(kind), mean, values[2::2], values[3::2]
    if name == "trace" and len(values) <= 1:
        return int(kind), mean, [], []
    raise InputError(f"{where}: expected the parameters of {name} sizes (got {','.join(cells)!r})")
