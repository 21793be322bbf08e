"""Which setting of ns-3 is which key of ``scenario.yaml``, and how its value is spelt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from m4graph.convert.settings import Settings, spell_mbps, spell_number
from m4graph.core.units import MBPS

Value = float | int | bool
_KIB = 1024


@dataclass(frozen=True)
class Notation:
    """How a value stands in ``config.txt``.

    Args:
        read (Callable): From settings and key to the value of the scenario.
        spell (Callable): From the value to text; ``None`` if the notation cannot hold it.
        holds (str): What it can hold, for an error message.
    """

    read: Callable[[Settings, str], Value]
    spell: Callable[[Value], str | None]
    holds: str


def _spell_kib(value: Value) -> str | None:
    return None if value % _KIB else f"{int(value) // _KIB}"


def _spell_us_as_ns(value: Value) -> str | None:
    time_ns = Decimal(repr(float(value))) * 1000
    return f"{int(time_ns)}" if time_ns == int(time_ns) else None


INTEGER = Notation(Settings.integer, lambda value: f"{int(value)}", "an integer")
FLAG = Notation(Settings.flag, lambda value: f"{int(value)}", "true or false")
NUMBER = Notation(Settings.number, spell_number, "a number")
RATE = Notation(
    lambda settings, key: settings.rate_bps(key) / MBPS, spell_mbps, "a whole number of bit/s"
)
KIB = Notation(
    lambda settings, key: settings.integer(key) * _KIB, _spell_kib, "a multiple of 1024 bytes"
)
US_AS_NS = Notation(
    lambda settings, key: settings.integer(key) / 1000, _spell_us_as_ns, "a whole number of ns"
)


@dataclass(frozen=True)
class Key:
    """A setting of ns-3 that is a key of the scenario.

    Args:
        setting (str): ns-3's name.
        field (str): Ours, inside its block.
        notation (Notation): How the value is spelt.
        default (str): What stands there for an algorithm that does not look at it.
    """

    setting: str
    field: str
    notation: Notation
    default: str = ""


NETWORK = (
    Key("PACKET_PAYLOAD_SIZE", "payload_bytes", INTEGER),
    Key("BUFFER_SIZE", "buffer_bytes", KIB),
    Key("ENABLE_PFC", "pfc", FLAG),
)
CONTROL = (
    Key("VAR_WIN", "variable_window", FLAG),
    Key("MIN_RATE", "min_rate_mbps", RATE),
    Key("ACK_HIGH_PRIO", "ack_priority", FLAG),
)
_GAIN = Key("EWMA_GAIN", "gain", NUMBER, "0.00390625")
_INCREASE = Key("RATE_AI", "additive_increase_mbps", RATE, "10Mb/s")
_HYPER = Key("RATE_HAI", "hyper_increase_mbps", RATE, "50Mb/s")

MODES = {"dcqcn": 1, "hpcc": 3, "timely": 7, "dctcp": 8}
"""ns-3's CC_MODE by our names."""

OF_ALGORITHM: dict[str, tuple[Key, ...]] = {
    "dctcp": (_GAIN, Key("DCTCP_RATE_AI", "additive_increase_mbps", RATE, "615Mb/s")),
    "dcqcn": (
        _GAIN,
        Key("ALPHA_RESUME_INTERVAL", "alpha_timer_us", NUMBER, "50"),
        Key("RATE_DECREASE_INTERVAL", "decrease_timer_us", NUMBER, "50"),
        Key("RP_TIMER", "increase_timer_us", NUMBER, "55"),
        Key("FAST_RECOVERY_TIMES", "fast_recovery_steps", INTEGER, "1"),
        Key("CLAMP_TARGET_RATE", "clamp_target_rate", FLAG, "0"),
        _INCREASE,
        _HYPER,
    ),
    "timely": (
        Key("TIMELY_T_LOW", "t_low_us", US_AS_NS, "40000"),
        Key("TIMELY_T_HIGH", "t_high_us", US_AS_NS, "100000"),
        Key("TIMELY_BETA", "beta", NUMBER, "0.8"),
        _INCREASE,
        _HYPER,
    ),
    "hpcc": (
        Key("U_TARGET", "eta", NUMBER, "0.95"),
        Key("MI_THRESH", "multiplicative_threshold", INTEGER, "0"),
        Key("FAST_REACT", "fast_react", FLAG, "0"),
        Key("BASE_RTT", "base_rtt_ns", INTEGER, "14400"),
        _INCREASE,
    ),
}
"""The settings that only some algorithms look at; the shared window stands in ``config.py``."""

CONSTANTS = {
    "ENABLE_QCN": "1",
    "ERROR_RATE_PER_LINK": "0",
    "L2_ACK_INTERVAL": "1",
    "L2_BACK_TO_ZERO": "0",
    "LINK_DOWN": "0 0 0",
    "MAX_INFLIGHT_FLOWS": "0",
    "RATE_BOUND": "1",
}
"""Settings that must be so, or be missing: the packet simulator knows nothing else."""

CONSTANTS_OF_HPCC = {"INT_MULTI": "1", "MULTI_RATE": "0", "SAMPLE_FEEDBACK": "0"}
"""The same, but only HPCC looks at them, and they must be there: ns-3's own MULTI_RATE is 1."""

WITHOUT_EFFECT = {
    "ENABLE_TRACE": "0",
    "GLOBAL_T": "1",
    "L2_CHUNK_SIZE": "4000",
    "PFC_OUTPUT_FILE": "pfc.txt",
    "PINT_LOG_BASE": "1.05",
    "PINT_PROB": "1.0",
    "QLEN_MON_END": "0",
    "QLEN_MON_FILE": "qlen.txt",
    "QLEN_MON_START": "0",
    "TRACE_OUTPUT_FILE": "mix.tr",
}
"""Settings that change no completion time, and what is written for them."""

NOT_WRITTEN = ("N_CLIENTS_PER_RACK_FOR_CLOSED_LOOP", "PAUSE_TIME", "USE_DYNAMIC_PFC_THRESHOLD")
"""Other settings that may stand in a file: this ns-3 leaves them out, or open loops do."""
