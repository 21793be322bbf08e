"""Units: the constants, and the conversions that stand at the border of the library.

Inside the library a rate is in bit/s and a time in ns, both ``int``, with the unit in the name.
Conversions are done in decimal, so that ``0.1`` Gb/s is exactly ``100_000_000`` bit/s.
"""

from __future__ import annotations

import re
from decimal import Decimal

from m4graph.core.errors import InputError

NS_PER_S = 10**9
NS_PER_US = 1000
NS_PER_MS = 10**6
PS_PER_NS = 1000
BITS_PER_BYTE = 8
GBPS = 10**9
MBPS = 10**6

_RATE_UNITS = {"bps": 1, "kbps": 10**3, "mbps": MBPS, "gbps": GBPS, "tbps": 10**12}
_DELAY_UNITS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": NS_PER_S}
_DURATION_UNITS = {"s": 1, "min": 60, "h": 3600}
_QUANTITY = re.compile(r"\s*([-+0-9.eE]+)\s*([A-Za-z]+)\s*")


def gbps_to_bps(gbps: float | Decimal) -> int:
    """Converts a rate from Gb/s to bit/s.

    Raises:
        InputError: If the rate is negative, not finite, or not a whole number of bit/s.
    """
    return _to_whole(gbps, GBPS, "Gb/s", "bit/s")


def mbps_to_bps(mbps: float | Decimal) -> int:
    """Converts a rate from Mb/s to bit/s.

    Raises:
        InputError: If the rate is negative, not finite, or not a whole number of bit/s.
    """
    return _to_whole(mbps, MBPS, "Mb/s", "bit/s")


def parse_rate_bps(text: str) -> int:
    """Reads a rate with its unit, as in ``"10Gbps"`` or ``"2.5 Mbps"``, in bit/s.

    Raises:
        InputError: If the text is no rate, or not a whole number of bit/s.
    """
    return _parse(text, _RATE_UNITS, "a rate such as '10Gbps'", "bit/s")


def parse_ns3_rate_bps(text: str) -> int:
    """Reads a rate as ns-3 spells it, as in ``"10Gbps"``, ``"1000Mb/s"`` or ``"25000000000.0"``
    (a rate without a unit is in bit/s), in bit/s.

    ns-3 takes ``"GBps"`` for bytes; such rates are refused.

    Raises:
        InputError: If the text is no rate in bits, or not a whole number of bit/s.
    """
    if re.fullmatch(r"[-+0-9.eE]+", text):
        return _to_whole(text, 1, "bit/s", "bit/s")
    if re.fullmatch(r"[-+0-9.eE]+[kMGT]?b(ps|/s)", text) is None:
        raise InputError(f"expected a rate such as '10Gbps' or '1000Mb/s', in bits (got {text!r})")
    return parse_rate_bps(text.replace("b/s", "bps"))


def parse_delay_ns(text: str) -> int:
    """Reads a delay with its unit, as in ``"1000ns"`` or ``"0.001ms"``, in ns.

    Raises:
        InputError: If the text is no delay, or not a whole number of ns.
    """
    return _parse(text, _DELAY_UNITS, "a delay such as '1000ns'", "ns")


def parse_duration_s(text: str) -> int:
    """Reads how long something may take, as in ``"90s"``, ``"20min"`` or ``"1.5h"``, in s.

    Raises:
        InputError: If the text is no such time, or not a whole number of s.
    """
    return _parse(text, _DURATION_UNITS, "a time such as '20min'", "s")


def _parse(text: str, units: dict[str, int], example: str, whole_unit: str) -> int:
    match = _QUANTITY.fullmatch(text)
    if match is None or match[2].lower() not in units:
        raise InputError(f"expected {example} (got {text!r})")
    return _to_whole(match[1], units[match[2].lower()], match[2], whole_unit)


def _to_whole(value: float | Decimal | str, factor: int, unit: str, whole_unit: str) -> int:
    problem = f"expected a whole number of {whole_unit}, not negative (got {value} {unit})"
    try:
        amount = Decimal(str(value)) * factor
    except ArithmeticError:
        raise InputError(problem) from None
    if not amount.is_finite() or not 0 <= amount < 2**63 or amount != int(amount):
        raise InputError(problem)
    return int(amount)
