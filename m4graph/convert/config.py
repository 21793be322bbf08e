"""The blocks ``network`` and ``congestion_control`` from ``config.txt``, and back."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np

from m4graph.convert import keys
from m4graph.convert.ecn import KEYS as ECN_KEYS
from m4graph.convert.ecn import read_ecn, spell_ecn
from m4graph.convert.formats import FLOWS, TOPOLOGY, TRACE, TextFormat
from m4graph.convert.settings import Settings
from m4graph.core.errors import ConfigError, InputError, one_of
from m4graph.core.schema import KeyProblem, StrictModel
from m4graph.core.units import NS_PER_S
from m4graph.scenario import MAX_STOP_NS, Scenario
from m4graph.scenario.congestion import BASE_RTT_NS, PAIR
from m4graph.topology import NetworkArrays

_SPARE_S = 10
"""ns-3 stops so long after the last flow's start, if the scenario has no stop time."""

_READ_HERE = (
    "TOPOLOGY_FILE", "FLOW_FILE", "FCT_OUTPUT_FILE", "TRACE_FILE", "SIMULATOR_STOP_TIME",
    "CC_MODE", "HAS_WIN", "FIXED_WIN", "BASE_RTT", "MAX_RATE",
)  # fmt: skip


def read_config(
    settings: Settings, style: TextFormat, arrays: NetworkArrays
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Reads the blocks ``network`` and ``congestion_control``.

    The keys are those of the ns-3.39 branches of HPCC, where ``BUFFER_SIZE`` is in KiB and
    ``FIXED_WIN`` gives the window. The original of Alibaba has neither; its files lack
    ``ENABLE_PFC``, too, and so are refused.

    Args:
        settings (Settings): The file.
        style (TextFormat): The cap of the headroom comes from it.
        arrays (NetworkArrays): The network; ECN needs the rates of its links.

    Raises:
        InputError: If a key is unknown or missing, or asks for what cannot be simulated.
    """
    _check_keys(settings)
    mode = settings.integer("CC_MODE")
    names = {number: name for name, number in keys.MODES.items()}
    if mode not in names:
        known = one_of(f"{number} ({name})" for number, name in sorted(names.items()))
        raise settings.error("CC_MODE", f"expected {known}")
    kind = names[mode]
    _check_constants(settings, kind)
    _check_top_rate(settings, arrays)
    network: dict[str, Any] = _block(settings, keys.NETWORK)
    network["headroom_cap"] = style.headroom_cap
    network["ecn"] = read_ecn(settings, np.unique(arrays.link_rate_bps).tolist())
    window = settings.integer("FIXED_WIN") if settings.flag("HAS_WIN") else None
    control = {"kind": kind, "init_window_bytes": window}
    control |= _block(settings, (*keys.CONTROL, *keys.OF_ALGORITHM[kind]))
    return network, control


def read_stop_ns(settings: Settings) -> int | None:
    """Reads when ns-3 ends, in whole nanoseconds; ``None``: the file does not say.

    Raises:
        InputError: If it is no number of seconds above 0.
    """
    if "SIMULATOR_STOP_TIME" not in settings:
        return None
    settings.number("SIMULATOR_STOP_TIME")
    stop_ns = int(Decimal(settings.word("SIMULATOR_STOP_TIME")) * NS_PER_S)
    if not 1 <= stop_ns <= MAX_STOP_NS:
        raise settings.error(
            "SIMULATOR_STOP_TIME", f"expected seconds above 0, at most {MAX_STOP_NS // NS_PER_S}"
        )
    return stop_ns


def config_lines(scenario: Scenario, style: TextFormat) -> list[str]:
    """Spells everything that ns-3 reads, as :func:`read_config` takes it back.

    Raises:
        ConfigError: If the algorithm is not one of ns-3's, or a value does not fit the notation.
    """
    control = scenario.congestion_control
    if control.kind not in keys.MODES:
        raise ConfigError(
            f"congestion_control.kind: expected {one_of(keys.MODES)}, which ns-3 has "
            f"(got {control.kind})"
        )
    rates_bps = np.unique(scenario.arrays.link_rate_bps).tolist()
    stop_ns = scenario.stop_ns
    if stop_ns is None:
        stop_ns = (int(scenario.workload.start_ns.max(initial=0)) // NS_PER_S + _SPARE_S) * NS_PER_S
    lines = {
        "TOPOLOGY_FILE": TOPOLOGY,
        "FLOW_FILE": FLOWS,
        "TRACE_FILE": TRACE,
        "FCT_OUTPUT_FILE": style.times,
        "SIMULATOR_STOP_TIME": f"{(Decimal(stop_ns) / NS_PER_S).normalize():f}",
        **keys.CONSTANTS,
        **keys.CONSTANTS_OF_HPCC,
        **keys.WITHOUT_EFFECT,
        **_spelt("network", keys.NETWORK, scenario.config),
        **spell_ecn(scenario.config.ecn, rates_bps),
        "CC_MODE": f"{keys.MODES[control.kind]}",
        "HAS_WIN": f"{int(control.fixed_window_bytes is not None)}",
        "FIXED_WIN": f"{control.fixed_window_bytes or 0}",
        "BASE_RTT": f"{BASE_RTT_NS}",
        "MAX_RATE": f"{rates_bps[-1]}bps",
        **_spelt("congestion_control", keys.CONTROL, control),
        **{key.setting: key.default for group in keys.OF_ALGORITHM.values() for key in group},
        **_spelt("congestion_control", keys.OF_ALGORITHM[control.kind], control),
    }
    return [f"{key} {value}" for key, value in lines.items()]


def not_in_config(scenario: Scenario, style: TextFormat) -> list[str]:
    """Names the keys that ``config.txt`` has no setting for, where they differ from ns-3's."""
    config, control = scenario.config, scenario.congestion_control
    held = {key.field for key in keys.NETWORK} | {"ecn"}
    fixed = _others("network", config, held) | {
        "network.headroom_cap": (config.headroom_cap, style.headroom_cap),
        "seed": (scenario.seed, 0),
    }
    if control.init_window_bytes == PAIR:
        fixed["congestion_control.init_window_bytes"] = PAIR, None
    held = {key.field for key in (*keys.CONTROL, *keys.OF_ALGORITHM[control.kind])}
    fixed |= _others("congestion_control", control, held | {"kind", "init_window_bytes"})
    return [
        f"{key}: {'null' if value is None else value} is not kept, the format's own is "
        f"{'null' if own is None else own}"
        for key, (value, own) in fixed.items()
        if value != own
    ]


def at_setting(problem: KeyProblem, settings: Settings, kind: str) -> InputError:
    """Turns a bad key of the scenario into an error that names the setting it was read from."""
    names = {f"network.{key.field}": key.setting for key in keys.NETWORK}
    for key in (*keys.CONTROL, *keys.OF_ALGORITHM[kind]):
        names[f"congestion_control.{key.field}"] = key.setting
    names |= {f"network.ecn.{name}": setting for setting, name in ECN_KEYS.items()}
    names |= {"network.ecn": "KMIN_MAP", "congestion_control.init_window_bytes": "FIXED_WIN"}
    if problem.key not in names:
        return InputError(f"{settings.path}: {problem}")
    return InputError(f"{settings.where(names[problem.key])}: {problem.problem}")


def _check_keys(settings: Settings) -> None:
    algorithms = (key for group in keys.OF_ALGORITHM.values() for key in group)
    known = {key.setting for key in (*keys.NETWORK, *keys.CONTROL, *algorithms)}
    known.update(_READ_HERE, ECN_KEYS, keys.CONSTANTS, keys.CONSTANTS_OF_HPCC)
    known.update(keys.WITHOUT_EFFECT, keys.NOT_WRITTEN)
    for key in settings.keys():
        if key not in known:
            raise InputError(f"{settings.where(key)}: expected a key that is known to m4graph")


def _check_constants(settings: Settings, kind: str) -> None:
    wanted = {key: value for key, value in keys.CONSTANTS.items() if key in settings}
    wanted |= keys.CONSTANTS_OF_HPCC if kind == "hpcc" else {}
    for key, value in wanted.items():
        if not _same(settings.words(key), value.split()):
            raise settings.error(key, f"expected {value}, all that is simulated here")


def _same(words: list[str], wanted: list[str]) -> bool:
    try:
        return list(map(float, words)) == list(map(float, wanted))
    except ValueError:
        return False


def _check_top_rate(settings: Settings, arrays: NetworkArrays) -> None:
    fastest_bps = int(arrays.link_rate_bps.max())
    if "MAX_RATE" in settings and settings.rate_bps("MAX_RATE") < fastest_bps:
        raise settings.error("MAX_RATE", f"expected the fastest link's {fastest_bps} bit/s or more")


def _block(settings: Settings, group: tuple[keys.Key, ...]) -> dict[str, Any]:
    return {key.field: key.notation.read(settings, key.setting) for key in group}


def _spelt(block: str, group: tuple[keys.Key, ...], model: Any) -> dict[str, str]:
    spelt = {}
    for key in group:
        value = getattr(model, key.field)
        text = None if value is None else key.notation.spell(value)
        if text is None:
            raise ConfigError(
                f"{block}.{key.field}: expected {key.notation.holds}, all that {key.setting} holds "
                f"(got {'null' if value is None else value})"
            )
        spelt[key.setting] = text
    return spelt


def _others(block: str, model: StrictModel, held: set[str]) -> dict[str, tuple[Any, Any]]:
    """Values and defaults of a block's other keys: what is a default here, is fixed in ns-3."""
    return {
        f"{block}.{name}": (getattr(model, name), field.default)
        for name, field in type(model).model_fields.items()
        if name not in held
    }
