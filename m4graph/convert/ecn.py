"""``KMIN_MAP``, ``KMAX_MAP``, ``PMAX_MAP``: marking thresholds in KB for each rate of a link."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction

from m4graph.convert.settings import Settings, spell_number
from m4graph.core.errors import ConfigError
from m4graph.core.units import GBPS
from m4graph.scenario.congestion import EcnConfig

KB = 1000
KEYS = {"KMIN_MAP": "kmin_bytes", "KMAX_MAP": "kmax_bytes", "PMAX_MAP": "pmax"}


def read_ecn(settings: Settings, rates_bps: Iterable[int]) -> dict[str, object]:
    """Reads the ``network.ecn`` block; the first rate of ``KMIN_MAP`` becomes the reference.

    Args:
        settings (Settings): The file.
        rates_bps (Iterable[int]): The rates of the topology's links. ns-3 wants an entry for each.

    Raises:
        InputError: If an entry is missing or no number, thresholds do not grow with the rate, or
            rates have different probabilities.
    """
    maps = {key: _numbers(settings, key) for key in KEYS}
    reference_bps = next(iter(maps["KMIN_MAP"]), 0)
    if reference_bps == 0:
        raise settings.error("KMIN_MAP", "expected a rate above 0")
    for key, values in maps.items():
        for rate_bps in (reference_bps, *rates_bps):
            if rate_bps not in values:
                raise settings.error(key, f"expected an entry for links of {rate_bps} bit/s")
            scale = Fraction(1) if key == "PMAX_MAP" else Fraction(rate_bps, reference_bps)
            if Fraction(values[rate_bps]) != Fraction(values[reference_bps]) * scale:
                law = "one probability" if key == "PMAX_MAP" else "thresholds that grow"
                raise settings.error(
                    key, f"expected {law} for rates of {reference_bps} and {rate_bps} bit/s"
                )
    return {
        "kmin_bytes": int(maps["KMIN_MAP"][reference_bps]) * KB,
        "kmax_bytes": int(maps["KMAX_MAP"][reference_bps]) * KB,
        "pmax": float(maps["PMAX_MAP"][reference_bps]),
        "reference_gbps": float(Decimal(reference_bps) / GBPS),
    }


def spell_ecn(ecn: EcnConfig, rates_bps: Iterable[int]) -> dict[str, str]:
    """Spells the three maps, with the reference rate first, then those of the links.

    Raises:
        ConfigError: If a threshold is no whole number of KB at one of these rates.
    """
    exact_bps = Decimal(repr(ecn.reference_gbps)) * GBPS
    reference_bps = int(exact_bps)
    if reference_bps != exact_bps:
        raise ConfigError(
            "network.ecn.reference_gbps: expected a whole number of bit/s, all that KMIN_MAP holds "
            f"(got {ecn.reference_gbps})"
        )
    rates = [reference_bps, *(rate for rate in rates_bps if rate != reference_bps)]
    spelt = {}
    for key, name in KEYS.items():
        values = [
            spell_number(ecn.pmax)
            if key == "PMAX_MAP"
            else f"{_kb(name, getattr(ecn, name), rate, reference_bps)}"
            for rate in rates
        ]
        pairs = zip(rates, values, strict=True)
        spelt[key] = " ".join([f"{len(rates)}", *(f"{rate} {value}" for rate, value in pairs)])
    return spelt


def _numbers(settings: Settings, key: str) -> dict[int, Decimal]:
    values = {}
    for rate, word in settings.by_rate(key).items():
        plain = word.replace(".", "", 1) if key == "PMAX_MAP" else word
        if not (plain.isascii() and plain.isdecimal()):
            kind = "probabilities" if key == "PMAX_MAP" else "whole KB"
            raise settings.error(key, f"expected {kind} after the rates")
        values[rate] = Decimal(word)
    return values


def _kb(name: str, threshold_bytes: int, rate_bps: int, reference_bps: int) -> int:
    kb = Fraction(threshold_bytes * rate_bps, reference_bps * KB)
    if kb.denominator > 1:
        raise ConfigError(
            f"network.ecn.{name}: expected a whole number of KB on links of {rate_bps} bit/s, all "
            f"that {name[:4].upper()}_MAP holds (got {float(kb):g})"
        )
    return int(kb)
