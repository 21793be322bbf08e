"""What there is of compiled code: a loop for each variant, and each algorithm's hooks in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from typing import Any

from m4graph.scenario.sample import sample_scenario
from m4graph.simulators.base import Simulator
from m4graph.simulators.packet.congestion import CONGESTION_KERNELS
from m4graph.simulators.packet.sprayer import why_one_path

_FAULT = {"kind": "loss", "link": [0, 3], "probability": 0.5}
_PARTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("ps", {"config": {"tick": "ps"}}),
    ("drop_tail", {"config": {"queue": {"kind": "drop_tail"}}}),
    ("faults", {"faults": [_FAULT]}),
    ("recording", {"recording": {"links": "all"}}),
    ("spray", {"routing": {"kind": "spray"}}),
)
"""What a run may have beyond the ordinary, each of which makes another variant of the loop."""


def packet_warm_ups(
    simulator: Callable[..., Simulator], every: bool
) -> dict[str, Callable[[], object]]:
    """As :meth:`~m4graph.simulators.Simulator.warm_ups`: by algorithm, and by variant."""
    runs: dict[str, Callable[[], object]] = {}
    for kind, (name, options) in product(CONGESTION_KERNELS.names(), _variants()):
        if "routing" in options and why_one_path(CONGESTION_KERNELS.resolve(kind)) is not None:
            continue
        if every or not name:
            runs["/".join(filter(None, ("packet", kind, name)))] = partial(
                _run, simulator, kind, **options
            )
    return runs


def _variants() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each combination of parts: its name, and what a run needs for it."""
    for chosen in product((False, True), repeat=len(_PARTS)):
        parts = [part for part, is_chosen in zip(_PARTS, chosen, strict=True) if is_chosen]
        options: dict[str, Any] = {"config": {}}
        for _, given in parts:
            options["config"] |= given.get("config", {})
            options |= {key: value for key, value in given.items() if key != "config"}
        yield "+".join(name for name, _ in parts), options


def _run(
    simulator: Callable[..., Simulator], kind: str, recording: Any = None, **options: Any
) -> object:
    return simulator(recording=recording).run(sample_scenario(kind, **options))
